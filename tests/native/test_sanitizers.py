"""Address and undefined-behaviour sanitizers over all kernels, and blobs damaged at random."""

import shutil

import numpy as np
import pytest

from sis_agent.native.library import Library

from . import driver
from .chains import Case, pack, random_layer, reference


def some_cases() -> list[Case]:
    rng = np.random.default_rng(11)
    found = []
    for side, kernel, pool in [(8, 3, 2), (8, 5, 1), (16, 5, 2), (17, 3, 2), (5, 7, 1), (33, 9, 3), (4, 3, 1)]:
        layers = [
            random_layer(rng, 3, 13, kernel, 0.4, pool=pool),
            random_layer(rng, 13, 26, 1, 1.0),
            random_layer(rng, 26, 7, 3, 0.2, relu=False),
        ]
        found.append(Case(layers, side, side + 1, average=bool(side % 2), block=1 + side % 3))
    return found


@pytest.mark.slow
def test_no_sanitizer_complains_and_answers_are_right(sanitized: str, library: Library) -> None:
    assert shutil.which(sanitized)
    for case in some_cases():
        images = case.images(2)
        expected = reference(case, images)
        for name in library.instruction_sets():
            found = driver.answers([sanitized], case, images, name, 2, expected.shape)
            np.testing.assert_allclose(found, expected, atol=1e-4, err_msg=name)


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(4))
def test_damaged_blobs_are_refused_or_run(sanitized: str, seed: int) -> None:
    rng = np.random.default_rng(seed)
    case = Case([random_layer(rng, 2, 5, 3, 0.5, pool=2), random_layer(rng, 5, 4, 1, 0.5)], 9, 9, average=True)
    assert len(pack(case)) < 2000
    refused = driver.refused_of_damaged([sanitized], case, 1500, seed)
    assert 400 < refused < 1500  # most headers are refused; other weights are only other weights
