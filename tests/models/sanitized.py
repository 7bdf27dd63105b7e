"""Calls every kernel for training with odd sizes; run by test_sanitizers.py below the sanitizers, without torch."""

import ctypes
import sys

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float32]
numbers = np.random.default_rng(0)
library = ctypes.CDLL(sys.argv[1])


def array(*shape: int) -> Array:
    return numbers.standard_normal(shape, dtype=np.float32)


def bfloat16(values: Array) -> NDArray[np.uint16]:
    """The upper halves of the numbers."""
    return (values.view(np.uint32) >> 16).astype(np.uint16)


def float32(values: NDArray[np.generic]) -> NDArray[np.generic]:
    """Numbers as they are, and those of the upper halves."""
    return (values.astype(np.uint32) << 16).view(np.float32) if values.dtype == np.uint16 else values


def call(name: str, *arguments: object) -> None:
    function = getattr(library, name)
    function.restype = None
    function(*(ctypes.c_void_p(a.ctypes.data) if isinstance(a, np.ndarray) else ctypes.c_size_t(a) for a in arguments))


def lists_of(filters: int, channels: int, kernel: int = 0, side: int = 0) -> tuple[NDArray[np.uint32], int]:
    """Some kernels for the functions of sparse convolutions, of images where there is a side; and how many numbers."""
    rows, columns = np.nonzero(numbers.random((filters, channels)) < 0.4)
    starts = np.concatenate([[0], np.bincount(rows, minlength=filters).cumsum()])
    if side:
        step, across = np.arange(kernel), side + kernel - 1
        index = ((columns[:, None, None] * across + step[:, None]) * across + step).ravel()
        return np.concatenate([starts * kernel * kernel, index, np.arange(len(index))]).astype(np.uint32), len(index)
    order, back = np.argsort(columns, kind="stable"), np.bincount(columns, minlength=channels).cumsum()
    parts = [starts, columns, np.arange(len(columns)), [0], back, rows[order], order]
    return np.concatenate(parts).astype(np.uint32), len(columns)


call("sis_training_threads", 3)
for channels in (1, 2, 7, 8, 9, 15, 16, 17, 41):
    for rows in (1, 5, 16, 31, 300, 1000):
        x, dy, y, sums = array(rows, channels), array(rows, channels), array(rows, channels), np.zeros((2, channels))
        a, b, c, d = (array(channels) for _ in range(4))
        halves = [bfloat16(x), bfloat16(dy), bfloat16(y)]
        x = float32(halves[0])
        for number, (x_, dy_, y_) in ((2, halves), (4, [x, dy, y])):
            call("sis_moments", x_, number, x, rows, channels, sums[0], sums[1])
            assert np.allclose(sums[0], (x.astype(float) - x[0]).sum(axis=0), atol=1e-2)
            call("sis_scale_relu", x_, number, a, b, rows, channels, y_)
            assert np.allclose(float32(y_), np.maximum(0, x * a + b), atol=1e-4 if number == 4 else 0.1)
            call("sis_scale_relu_sums", x_, dy_, number, c, a, b, rows, channels, sums[0], sums[1])
            call("sis_scale_relu_back", x_, dy_, number, a, b, c, d, rows, channels, y_)
        for filters in (1, 5, 16, 23):
            right, product, turned = array(channels, filters), array(rows, filters), array(filters, channels)
            call("sis_products", x, channels, 1, 0, right, 0, rows, channels, filters, 1, product)
            assert np.allclose(product, x @ right, atol=1e-3)
            call("sis_norm_products", x, a, b, right, rows, channels, filters, product)
            assert np.allclose(product, np.maximum(0, x * a + b) @ right, atol=1e-3)
            parts, pairs = array(16, filters, channels), np.zeros((16, 2, channels))
            call("sis_norm_products_back", x, product, c, a, b, turned, rows, channels, filters, y, parts, pairs)
            call("sis_scale_relu_back", x, y, 4, a, b, c, d, rows, channels, y)
            call("sis_products", x, channels, 1, 0, right, 0, rows, channels, filters, 1, product)
            call("sis_products", product, 1, filters, 0, x, 0, filters, rows, channels, 1, turned)
            assert np.allclose(turned, product.T @ x, rtol=1e-3, atol=0.1)
for images in (1, 3, 16, 33):
    for channels, filters, side, kernel in ((3, 7, 8, 5), (1, 16, 5, 3), (4, 33, 12, 7)):
        x, y = array(images, side, side, channels), array(images, side, side, filters)
        call("sis_patches", x, array(kernel, kernel, channels, filters), images, side, channels, kernel, filters, y)
        lists, existing = lists_of(filters, channels, kernel, side)
        call("sis_sparse_images", x, array(existing), lists, existing, images, side, channels, filters, kernel, y)
        sums = array(16, existing)
        call("sis_sparse_images_weights", x, y, lists, existing, images, side, channels, filters, kernel, sums)
    for channels, filters, side in ((8, 8, 4), (24, 16, 8), (8, 40, 12), (16, 8, 36)):
        x, y = array(images, side, side, channels), array(images, side, side, filters)
        call("sis_winograd", x, array(64, channels, filters), images, side, channels, filters, y)
        sums, turned = array(16, 64, channels, filters), array(64, filters, channels)
        call("sis_winograd_back", x, y, turned, images, side, channels, filters, array(*x.shape), sums)
    for channels, filters, side, kernel in ((8, 16, 1, 3), (24, 8, 7, 3), (8, 8, 13, 5), (16, 24, 32, 5)):
        x, y = array(images, side, side, channels), array(images, side, side, filters)
        lists, existing = lists_of(filters, channels)
        shape = (existing, images, side, channels, filters, kernel)
        values, sums = array(64, existing), array(16, 64, existing)
        call("sis_sparse_winograd", x, values, lists, *shape, y)
        call("sis_sparse_winograd_back", x, y, values, lists, *shape, array(*x.shape), sums)
call("sis_training_threads", 1)
print("clean")
