"""The INT8 kernels against numpy: the same bits, for every instruction set that this machine has."""

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sis_agent.native.library import Library
from sis_edge.native.int8 import Int8Chain, reference

from .cases import answers, chains, images_of, random_chain, random_layer


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(chain=chains(), batch=st.integers(1, 9), threads=st.sampled_from([1, 1, 2, 3]))
def test_every_chain_answers_the_bits_of_numpy(library: Library, chain: Int8Chain, batch: int, threads: int) -> None:
    images = images_of(chain, batch)
    expected = reference.run(chain, images)
    for name in library.int8_instruction_sets():
        assert np.array_equal(answers(library, chain, images, name, threads), expected), name


@pytest.mark.parametrize("side", [1, 2, 3, 4, 5, 7, 8, 9, 15, 16, 17, 31, 32, 33])
@pytest.mark.parametrize("kernel", [1, 3, 5, 7, 9])
def test_sides_around_the_width_of_vectors(library: Library, side: int, kernel: int) -> None:
    rng = np.random.default_rng(side)
    layers = [random_layer(rng, 5, 14, kernel, 0.5), random_layer(rng, 14, 5, kernel, 0.5, relu=False)]
    chain = random_chain(rng, layers, side, side, average=False)
    images = images_of(chain, 1)
    expected = reference.run(chain, images)
    for name in library.int8_instruction_sets():
        assert np.array_equal(answers(library, chain, images, name), expected), name
