"""What a chain in half precision must answer: numpy's exact sums, and a bound that follows from the roundings.

u = 2**-11 is fp16's unit roundoff, and TINY half the distance of its smallest numbers. A sum of n products in fp16 is
off by at most n u / (1 - n u) of the sum of their magnitudes (Higham, Accuracy and Stability of Numerical Algorithms,
3.1).
"""

import numpy as np
from numpy.typing import NDArray

from ..chains import Array, Case, Layer

U16, U32, TINY = 2.0**-11, 2.0**-24, 2.0**-25
MOST_TERMS = 32
Doubles = NDArray[np.float64]


def reference(case: Case, images: Array) -> tuple[Doubles, Doubles]:
    """The exact outputs of a chain with weights and images rounded to fp16, and how far a kernel may be from them."""
    maps = images.astype(np.float16).astype(np.float64)
    error = np.zeros_like(maps)
    for layer in case.layers:
        maps, error = _layer(layer, maps, error)
    if not case.average:
        return maps, error
    pixels = maps.shape[2] * maps.shape[3]
    error = error + (pixels + 1) * U32 * (np.abs(maps) + error)
    return maps.mean(axis=(2, 3), keepdims=True), error.mean(axis=(2, 3), keepdims=True)


def _layer(layer: Layer, maps: Doubles, error: Doubles) -> tuple[Doubles, Doubles]:
    weight = layer.weight.astype(np.float16).astype(np.float64)
    bias = layer.bias.astype(np.float64)[:, None, None]
    exact = convolved(weight, maps) + bias
    from_input = convolved(np.abs(weight), error)
    magnitude = convolved(np.abs(weight), np.abs(maps) + error)
    terms = weight[0].size
    half_sums = MOST_TERMS * U16 / (1 - MOST_TERMS * U16) * magnitude + terms * TINY
    float_sums = (terms + 1) * U32 * (magnitude + half_sums + np.abs(bias))
    off = from_input + half_sums + float_sums
    off = off + U16 * (np.abs(exact) + off) + TINY  # stored as fp16; ReLU and the maximum add nothing
    result = np.maximum(exact, 0) if layer.relu else exact
    return pooled(result, layer.pool), pooled(off, layer.pool)


def convolved(weight: Doubles, maps: Doubles) -> Doubles:
    kernel, (height, width) = weight.shape[2], maps.shape[2:]
    framed = np.pad(maps, ((0, 0), (0, 0), (kernel // 2,) * 2, (kernel // 2,) * 2))
    total = np.zeros((len(maps), len(weight), height, width))
    for dy in range(kernel):
        for dx in range(kernel):
            total += np.einsum("fi,nihw->nfhw", weight[:, :, dy, dx], framed[:, :, dy : dy + height, dx : dx + width])
    return total


def pooled(maps: Doubles, pool: int) -> Doubles:
    height, width = maps.shape[2] // pool, maps.shape[3] // pool
    maps = maps[:, :, : height * pool, : width * pool]
    largest: Doubles = maps.reshape(len(maps), -1, height, pool, width, pool).max(axis=(3, 5))
    return largest


def whole_numbers(case: Case, seed: int = 0) -> tuple[Case, Array]:
    """The same chain with weights and bias of -1 to 1, and images of -2 to 2: with few terms every sum is exact."""
    rng = np.random.default_rng(seed)
    layers = [
        Layer(np.sign(layer.weight), rng.integers(-1, 2, len(layer.bias)).astype(np.float32), layer.relu, layer.pool)
        for layer in case.layers
    ]
    images = rng.integers(-2, 3, (2, *case.shape)).astype(np.float32)
    return Case(layers, case.height, case.width, case.average, case.block, half=True), images


def long_sums(kernel: int) -> tuple[Case, Array, float]:
    """4096 products of one and a few more in each full sum; images for them, and what fp16 makes of the sum."""
    inputs = -(-4096 // kernel**2)
    layer = Layer(np.ones((13, inputs, kernel, kernel), np.float32), np.zeros(13, np.float32))
    case = Case([layer], 9, 9, average=False, block=13, half=True)
    return case, np.ones((1, *case.shape), np.float32), float(np.float16(inputs * kernel**2))
