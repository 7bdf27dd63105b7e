"""Random quantised chains, and what a library answers to them."""

from typing import Any

import numpy as np
from hypothesis import strategies as st
from numpy.typing import NDArray

from sis_agent.native.library import Library
from sis_edge.native.int8 import Int8Chain, Int8Layer
from sis_edge.native.int8.blob import encode

Array = NDArray[np.float32]


def random_layer(
    rng: np.random.Generator,
    inputs: int,
    filters: int,
    kernel: int,
    share: float,
    relu: bool = True,
    pool: int = 1,
    gain: float = 1.0,
) -> Int8Layer:
    """A layer where `share` of the kernels exist; results fill the range of values at a `gain` of one."""
    exists = rng.random((filters, inputs, 1, 1)) < share
    weight = (rng.integers(-127, 128, (filters, inputs, kernel, kernel)) * exists).astype(np.int8)
    fan_in = max(1.0, share * inputs * kernel * kernel)
    bias = rng.integers(-20000, 20000, filters).astype(np.int32)
    multiplier = (gain * rng.uniform(0.5, 1.5, filters) / np.sqrt(fan_in) / 127).astype(np.float32)
    return Int8Layer(weight, bias, multiplier, relu, 0 if relu else int(rng.integers(0, 128)), pool)


def random_chain(
    rng: np.random.Generator, layers: list[Int8Layer], height: int, width: int, average: bool
) -> Int8Chain:
    last = layers[-1]
    layers[-1] = Int8Layer(last.weight, last.bias, last.multiplier, last.relu, 0, last.pool)
    zero = int(rng.integers(0, 128))
    return Int8Chain(tuple(layers), height, width, np.float32(rng.uniform(10, 60)), zero, average)


def images_of(chain: Int8Chain, batch: int, seed: int = 0) -> Array:
    shape = (batch, chain.layers[0].weight.shape[1], chain.height, chain.width)
    return np.random.default_rng(seed).standard_normal(shape).astype(np.float32)


def answers(library: Library, chain: Int8Chain, images: Array, instruction_set: str, threads: int = 1) -> Array:
    with library.chain(encode(chain), instruction_set) as running:
        assert running.input_shape == images.shape[1:]
        outputs = np.full((len(images), *running.output_shape), np.nan, dtype=np.float32)
        running.run(images, outputs, len(images), threads)
        return outputs


@st.composite
def chains(draw: Any) -> Int8Chain:
    """One to four layers: odd sides, one channel, empty filters, shares from 0.01 to 1, all kernels, saturation."""
    height, width = draw(st.integers(1, 36)), draw(st.integers(1, 36))
    rng = np.random.default_rng(draw(st.integers(0, 2**32)))
    inputs = draw(st.sampled_from([1, 2, 3, 5, 16]))
    layers, sides = [], (height, width)
    for _ in range(draw(st.integers(1, 4))):
        filters = draw(st.sampled_from([1, 2, 7, 12, 13, 25]))
        kernel = draw(st.sampled_from([1, 1, 3, 3, 5, 5, 7, 9]))
        share = draw(st.sampled_from([0.01, 0.1, 0.25, 0.5, 1.0]))
        gain = draw(st.sampled_from([0.01, 1.0, 1.0, 30.0]))
        pool = draw(st.sampled_from([1, 1, 2, 3])) if min(sides) >= 3 else 1
        layers.append(random_layer(rng, inputs, filters, kernel, share, draw(st.booleans()), pool, gain))
        inputs, sides = filters, (sides[0] // pool, sides[1] // pool)
    return random_chain(rng, layers, height, width, draw(st.booleans()))
