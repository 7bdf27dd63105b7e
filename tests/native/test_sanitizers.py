"""Address and undefined-behaviour sanitizers over all kernels, and blobs damaged at random."""

import platform
import shutil
from dataclasses import replace

import numpy as np
import pytest

from sis_agent.native.library import Library
from sis_edge.native import toolchain

from . import driver
from .chains import Case, pack, random_layer, reference

FLAGS = ["-O1", "-g", "-fsanitize=address,undefined", "-fno-sanitize-recover=all", "-fno-omit-frame-pointer"]


@pytest.fixture(scope="module")
def program(tmp_path_factory: pytest.TempPathFactory) -> str:
    gcc = toolchain._gcc(platform.machine())
    if gcc is None:
        pytest.skip("the sanitizers' run-time libraries come with gcc 12")
    folder = tmp_path_factory.mktemp("sanitized")
    return str(driver.compile_driver(gcc, folder, FLAGS, FLAGS))


def some_cases() -> list[Case]:
    rng = np.random.default_rng(11)
    found = []
    both = [(8, 3, 2), (8, 5, 1), (16, 5, 2), (17, 3, 2), (4, 3, 1)]
    sizes = [(5, 7, 1, False), (33, 9, 3, False)] + [(*size, is_winograd) for size in both for is_winograd in (0, 1)]
    for side, kernel, pool, is_winograd in sizes:
        layers = [
            replace(random_layer(rng, 3, 13, kernel, 0.4, pool=pool), winograd=bool(is_winograd)),
            random_layer(rng, 13, 26, 1, 1.0),
            random_layer(rng, 26, 7, 3, 0.2, relu=False),
        ]
        found.append(Case(layers, side, side + 1, average=bool(side % 2), block=1 + side % 3))
    return found


@pytest.mark.slow
def test_no_sanitizer_complains_and_answers_are_right(program: str, library: Library) -> None:
    assert shutil.which(program)
    for case in some_cases():
        images = case.images(2)
        expected = reference(case, images)
        for name in library.instruction_sets():
            found = driver.answers([program], case, images, name, 2, expected.shape)
            np.testing.assert_allclose(found, expected, atol=1e-4, err_msg=name)


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(4))
def test_damaged_blobs_are_refused_or_run(program: str, seed: int) -> None:
    rng = np.random.default_rng(seed)
    first = replace(random_layer(rng, 2, 5, 3, 0.5, pool=2), winograd=seed % 2 == 0)
    case = Case([first, random_layer(rng, 5, 4, 1, 0.5)], 9, 9, average=True)
    assert len(pack(case)) < 2000
    refused = driver.refused_of_damaged([program], case, 1500, seed)
    assert 400 < refused < 1500  # most headers are refused; other weights are only other weights
