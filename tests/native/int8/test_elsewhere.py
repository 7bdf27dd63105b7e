"""The INT8 kernels on emulated processors, and under sanitizers: the same bits as everywhere."""

import numpy as np
import pytest

from sis_agent.native.library import Library
from sis_edge.native.int8 import Int8Chain, reference
from sis_edge.native.int8.blob import encode

from .. import driver
from .cases import images_of, random_chain, random_layer


def some_chains() -> list[Int8Chain]:
    rng = np.random.default_rng(11)
    found = []
    for side, kernel, pool in [(8, 3, 2), (8, 5, 1), (16, 5, 2), (17, 3, 2), (5, 7, 1), (33, 9, 3), (4, 5, 1)]:
        layers = [
            random_layer(rng, 3, 13, kernel, 0.4, pool=pool),
            random_layer(rng, 13, 26, 1, 1.0, relu=bool(side % 2)),
            random_layer(rng, 26, 7, 5, 0.2, relu=False),
        ]
        found.append(random_chain(rng, layers, side, side + 1, average=bool(side % 2)))
    return found


@pytest.mark.slow
@pytest.mark.parametrize(
    ("processor", "names"),
    [
        ("cortex-a53", ["neon", "portable"]),
        ("cortex-a76", ["neon-dotprod", "neon", "portable"]),
        ("max", ["neon-dotprod", "neon"]),
    ],
)
def test_every_emulated_processor_answers_the_bits_of_numpy(
    emulated: list[str], processor: str, names: list[str]
) -> None:
    emulator, built = emulated
    program = [emulator, "-cpu", processor, built]
    for chain in some_chains():
        images = images_of(chain, 2)
        expected = reference.run(chain, images)
        for name in names:
            found = driver.answers_to(program, encode(chain), images, name, 2, expected.shape)
            assert np.array_equal(found, expected), (processor, name)


@pytest.mark.slow
def test_a_processor_without_sdot_refuses_it(emulated: list[str]) -> None:
    emulator, built = emulated
    chain = some_chains()[0]
    with pytest.raises(AssertionError, match="does not run the INT8 instruction set neon-dotprod"):
        driver.answers_to(
            [emulator, "-cpu", "cortex-a53", built], encode(chain), images_of(chain, 1), "neon-dotprod", 1, ()
        )


@pytest.mark.slow
def test_no_sanitizer_complains_and_bits_are_the_same(sanitized: str, library: Library) -> None:
    for chain in some_chains():
        images = images_of(chain, 2)
        expected = reference.run(chain, images)
        for name in library.int8_instruction_sets():
            found = driver.answers_to([sanitized], encode(chain), images, name, 2, expected.shape)
            assert np.array_equal(found, expected), name


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(2))
def test_damaged_blobs_are_refused_or_run(sanitized: str, seed: int) -> None:
    rng = np.random.default_rng(seed)
    layers = [random_layer(rng, 2, 5, 3, 0.5, pool=2), random_layer(rng, 5, 4, 1, 0.5)]
    blob = encode(random_chain(rng, layers, 9, 9, average=True))
    assert len(blob) < 2000
    assert 400 < driver.refused_of_damaged([sanitized], blob, 1500, seed) < 1500
