"""Random quantised chains, and what a library answers to them."""

from typing import Any

import numpy as np
from hypothesis import strategies as st
from numpy.typing import NDArray

from sis_agent.native.library import Library
from sis_edge.native.int8 import Int8Chain, Int8Layer
from sis_edge.native.int8.blob import encode

from ..chains import shapes

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
    """Chains of the shapes that float32 is tested with, with weights up to saturation."""
    height, width, drawn = draw(shapes())
    rng = np.random.default_rng(draw(st.integers(0, 2**32)))
    layers = []
    for inputs, filters, kernel, share, pool in drawn:
        gain = draw(st.sampled_from([0.01, 1.0, 1.0, 30.0]))
        layers.append(random_layer(rng, inputs, filters, kernel, share, draw(st.booleans()), pool, gain))
    return random_chain(rng, layers, height, width, draw(st.booleans()))
