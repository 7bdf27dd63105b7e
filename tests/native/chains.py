"""Random chains of layers, their blobs and what they must answer: numpy in float64, nothing of the product."""

import struct
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from hypothesis import strategies as st
from numpy.typing import NDArray

Array = NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class Layer:
    """A convolution: weight [F, I, k, k], bias [F], ReLU, then max pooling by `pool`."""

    weight: Array
    bias: Array
    relu: bool = True
    pool: int = 1
    winograd: bool = False


@dataclass(frozen=True, eq=False)
class Case:
    """A chain, the sides of its maps, and how many filters share an input list in its blob."""

    layers: Sequence[Layer]
    height: int
    width: int
    average: bool
    block: int = 1
    half: bool = False

    @property
    def shape(self) -> tuple[int, int, int]:
        return (self.layers[0].weight.shape[1], self.height, self.width)

    def images(self, batch: int, seed: int = 0) -> Array:
        return np.random.default_rng(seed).standard_normal((batch, *self.shape)).astype(np.float32)


def pack(case: Case) -> bytes:
    """The blob, written from the format's description."""
    parts = [b"SISC", struct.pack("<3I", 1, len(case.layers), case.average + 2 * case.half)]
    height, width = case.height, case.width
    for layer in case.layers:
        filters, inputs, kernel, _ = layer.weight.shape
        starts = range(0, filters, case.block)
        parts.append(
            struct.pack(
                "<8I", kernel, inputs, filters, height, width, layer.pool, layer.relu + 16 * layer.winograd, len(starts)
            )
        )
        parts.append(layer.bias.astype("<f4").tobytes())
        for start in starts:
            weight = layer.weight[start : start + case.block]
            seen = np.flatnonzero((weight != 0).any(axis=(0, 2, 3)))
            parts.append(struct.pack("<2I", len(weight), len(seen)) + seen.astype("<u4").tobytes())
            parts.append(np.ascontiguousarray(weight[:, seen].transpose(1, 0, 2, 3)).astype("<f4").tobytes())
        height, width = height // layer.pool, width // layer.pool
    return b"".join(parts)


def reference(case: Case, images: Array) -> NDArray[np.float64]:
    """What the chain answers, [N, F, H, W] or [N, F, 1, 1]."""
    maps = images.astype(np.float64)
    for layer in case.layers:
        kernel, (height, width) = layer.weight.shape[2], maps.shape[2:]
        framed = np.pad(maps, ((0, 0), (0, 0), (kernel // 2,) * 2, (kernel // 2,) * 2))
        total = np.zeros((len(maps), len(layer.bias), height, width)) + layer.bias[None, :, None, None]
        for dy in range(kernel):
            for dx in range(kernel):
                window = framed[:, :, dy : dy + height, dx : dx + width]
                total += np.einsum("fi,nihw->nfhw", layer.weight[:, :, dy, dx].astype(np.float64), window)
        maps = np.maximum(total, 0) if layer.relu else total
        pool = layer.pool
        height, width = height // pool, width // pool
        maps = maps[:, :, : height * pool, : width * pool]
        maps = maps.reshape(len(maps), -1, height, pool, width, pool).max(axis=(3, 5))
    return maps.mean(axis=(2, 3), keepdims=True) if case.average else maps


def random_layer(
    rng: np.random.Generator, inputs: int, filters: int, kernel: int, share: float, relu: bool = True, pool: int = 1
) -> Layer:
    """A layer where `share` of the kernels exist, scaled so that maps stay near one."""
    exists = rng.random((filters, inputs, 1, 1)) < share
    fan_in = max(1.0, share * inputs * kernel * kernel)
    weight = rng.standard_normal((filters, inputs, kernel, kernel)) * exists / np.sqrt(fan_in)
    return Layer(weight.astype(np.float32), rng.standard_normal(filters).astype(np.float32), relu, pool)


@st.composite
def shapes(draw: Any) -> tuple[int, int, list[tuple[int, int, int, float, int]]]:
    """Height and width of an image, and of one to four layers inputs, filters, kernel, share and pool.

    Odd sides, one channel, empty filters, shares from 0.01 to 1, all kernels.
    """
    height, width = draw(st.integers(1, 36)), draw(st.integers(1, 36))
    inputs = draw(st.sampled_from([1, 2, 3, 5, 16]))
    layers, sides = [], (height, width)
    for _ in range(draw(st.integers(1, 4))):
        filters = draw(st.sampled_from([1, 2, 7, 12, 13, 25]))
        kernel = draw(st.sampled_from([1, 1, 3, 3, 5, 5, 7, 9]))
        share = draw(st.sampled_from([0.01, 0.1, 0.25, 0.5, 1.0]))
        pool = draw(st.sampled_from([1, 1, 2, 3])) if min(sides) >= 3 else 1
        layers.append((inputs, filters, kernel, share, pool))
        inputs, sides = filters, (sides[0] // pool, sides[1] // pool)
    return height, width, layers


@st.composite
def cases(draw: Any) -> Case:
    """Chains of those shapes, some layers by Winograd's algorithm."""
    height, width, drawn = draw(shapes())
    rng = np.random.default_rng(draw(st.integers(0, 2**32)))
    layers = []
    for inputs, filters, kernel, share, pool in drawn:
        layer = random_layer(rng, inputs, filters, kernel, share, draw(st.booleans()), pool)
        layers.append(replace(layer, winograd=kernel in (3, 5) and draw(st.booleans())))
    return Case(layers, height, width, draw(st.booleans()), draw(st.sampled_from([1, 1, 2, 8, 100])))
