"""What a quantised chain answers, by numpy: the same bits as the kernels in C on every processor.

Sums are exact integers (float64 holds them, since the kernels' fit 32 bits). Every operation on real numbers is one on
float32, rounded to the nearest, ties to even.
"""

import numpy as np
from numpy.typing import NDArray

from sis_edge.native.int8.chain import MOST_VALUE, Int8Chain, Int8Layer

Array = NDArray[np.float32]
Integers = NDArray[np.int64]


def run(chain: Int8Chain, images: Array) -> Array:
    """The outputs [N, F, H, W], or [N, F, 1, 1] after global average pooling, of images [N, I, height, width]."""
    values, zero = quantise(chain, images), chain.zero
    for layer in chain.layers[:-1]:
        values = _pooled(_values(layer, sums(layer, values, zero)), layer.pool)
        zero = layer.zero
    last = chain.layers[-1]
    total = sums(last, values, zero)
    total = _pooled(np.maximum(total, 0) if last.relu else total, last.pool)
    if chain.global_average:
        total = total.sum(axis=(2, 3), keepdims=True)
    return total.astype(np.float32) * last.multiplier[:, None, None]


def quantise(chain: Int8Chain, images: Array) -> Integers:
    """Images as values; NaN is the smallest."""
    scaled = images.astype(np.float32) * chain.inverse_scale
    scaled = np.where(np.isnan(scaled), -np.inf, np.clip(scaled, -chain.zero, MOST_VALUE - chain.zero))
    rounded: Integers = (np.rint(np.maximum(scaled, -chain.zero)) + chain.zero).astype(np.int64)
    return rounded


def sums(layer: Int8Layer, values: Integers, zero: int) -> Integers:
    """The sums [N, F, H, W] of a layer for values [N, I, H, W] with that zero point."""
    kernel, (height, width) = layer.weight.shape[2], values.shape[2:]
    framed = np.pad((values - zero).astype(np.float64), ((0, 0), (0, 0), (kernel // 2,) * 2, (kernel // 2,) * 2))
    weight = layer.weight.astype(np.float64)
    total = np.zeros((len(values), len(weight), height, width)) + layer.bias[:, None, None]
    for dy in range(kernel):
        for dx in range(kernel):
            window = framed[:, :, dy : dy + height, dx : dx + width].reshape(len(values), -1, height * width)
            total += (weight[:, :, dy, dx] @ window).reshape(total.shape)
    return total.astype(np.int64)


def _values(layer: Int8Layer, total: Integers) -> Integers:
    scaled = total.astype(np.float32) * layer.multiplier[:, None, None]
    values: Integers = np.clip(np.rint(scaled).astype(np.int64) + layer.zero, 0, MOST_VALUE)
    return values


def _pooled(values: Integers, pool: int) -> Integers:
    height, width = values.shape[2] // pool, values.shape[3] // pool
    values = values[:, :, : height * pool, : width * pool]
    best: Integers = values.reshape(len(values), -1, height, pool, width, pool).max(axis=(3, 5))
    return best
