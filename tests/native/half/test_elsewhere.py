"""The half-precision kernels on emulated processors, with and without FEAT_FP16, and under sanitizers."""

from dataclasses import replace

import numpy as np
import pytest

from .. import driver
from ..chains import Case, pack, random_layer
from ..test_sanitizers import some_cases
from .bounds import long_sums, reference, whole_numbers


def some_chains() -> list[Case]:
    found = [case for case in some_cases() if not any(layer.winograd for layer in case.layers)]
    wide = [
        random_layer(np.random.default_rng(1), 24, 48, 5, 0.5),
        random_layer(np.random.default_rng(2), 48, 27, 1, 1),
    ]
    last = random_layer(np.random.default_rng(3), 3, 13, 3, 0.5, pool=2)
    cases = [*found, Case(wide, 16, 16, average=True, block=27), Case([last], 17, 17, average=True)]
    return [replace(case, half=True) for case in cases]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("processor", "names"),
    [
        ("cortex-a53", ["portable"]),
        ("cortex-a76", ["neon-fp16", "fastest"]),
        ("max", ["neon-fp16", "portable"]),
    ],
)
def test_every_emulated_processor_keeps_the_bound(emulated: list[str], processor: str, names: list[str]) -> None:
    emulator, built = emulated
    program = [emulator, "-cpu", processor, built]
    for case in some_chains():
        images = case.images(2)
        expected, bound = reference(case, images)
        for name in names:
            found = driver.answers(program, case, images, name, 2, expected.shape)
            assert (np.abs(found - expected) <= bound).all(), name


@pytest.mark.slow
@pytest.mark.parametrize("kernel", [1, 3, 5, 7])
def test_whole_numbers_are_exact(emulated: list[str], kernel: int) -> None:
    emulator, built = emulated
    for side in (1, 2, 3, 6, 8, 17):
        layer = random_layer(np.random.default_rng(side), 3, 14, kernel, 0.5, pool=2 if side in (3, 8) else 1)
        case, images = whole_numbers(Case([layer], side + 1, side, average=False, block=14))
        expected, _ = reference(case, images)
        assert np.abs(expected).max() <= 2048, "fp16 has every whole number up to here"
        found = driver.answers([emulator, "-cpu", "cortex-a76", built], case, images, "neon-fp16", 1, expected.shape)
        assert np.array_equal(found, expected), side


@pytest.mark.slow
@pytest.mark.parametrize("kernel", [1, 3, 5, 9])
def test_long_sums_lose_no_terms(emulated: list[str], kernel: int) -> None:
    emulator, built = emulated
    case, images, total = long_sums(kernel)
    found = driver.answers([emulator, "-cpu", "cortex-a76", built], case, images, "neon-fp16", 1, (1, 13, 9, 9))
    assert (found[0, :, 4, 4] == total).all()


@pytest.mark.slow
@pytest.mark.parametrize("processor", ["cortex-a53", "cortex-a57", "cortex-a72"])
@pytest.mark.parametrize("name", ["neon-fp16", "fastest"])
def test_a_processor_without_fp16_refuses(emulated: list[str], processor: str, name: str) -> None:
    emulator, built = emulated
    case = some_chains()[0]
    with pytest.raises(AssertionError, match="does not run the fp16 instruction set neon-fp16"):
        driver.answers([emulator, "-cpu", processor, built], case, case.images(1), name, 1, ())


@pytest.mark.slow
def test_no_sanitizer_complains(sanitized: str) -> None:
    for case in some_chains():
        images = case.images(2)
        expected, bound = reference(case, images)
        found = driver.answers([sanitized], case, images, "portable", 2, expected.shape)
        assert (np.abs(found - expected) <= bound).all()


@pytest.mark.slow
def test_damaged_blobs_are_refused_or_run(sanitized: str) -> None:
    rng = np.random.default_rng(0)
    layers = [random_layer(rng, 2, 5, 3, 0.5, pool=2), random_layer(rng, 5, 4, 1, 0.5)]
    blob = pack(Case(layers, 9, 9, average=True, half=True))
    assert 400 < driver.refused_of_damaged([sanitized], blob, 1500, 0, "portable") < 1500
