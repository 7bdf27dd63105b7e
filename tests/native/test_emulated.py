"""The NEON kernels, run by an emulated processor: right or wrong, no speed."""

import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from sis_edge.native import toolchain

from . import driver
from .chains import Case, random_layer, reference
from .test_sanitizers import some_cases

EMULATOR = "qemu-aarch64-static"


@pytest.fixture(scope="module")
def program(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    emulator, zig = shutil.which(EMULATOR), toolchain._zig("aarch64")
    if emulator is None or zig is None:
        pytest.skip(f"needs {EMULATOR} (Debian's qemu-user-static) and ziglang")
    # A program without shared libraries needs no file tree of the other architecture.
    command = tuple("aarch64-linux-musl" if word.startswith("aarch64-linux") else word for word in zig.command)
    compiler = toolchain.Toolchain("zig", "aarch64", command, zig.version)
    folder: Path = tmp_path_factory.mktemp("aarch64")
    built = driver.compile_driver(compiler, folder, ["-O3", "-ffp-contract=fast"], ["-static"])
    return [emulator, "-cpu", "cortex-a57", str(built)]


@pytest.mark.slow
@pytest.mark.parametrize("name", ["neon", "portable"])
def test_every_case_answers_as_numpy(program: list[str], name: str) -> None:
    for case in some_cases():
        images = case.images(2)
        expected = reference(case, images)
        found = driver.answers(program, case, images, name, 2, expected.shape)
        np.testing.assert_allclose(found, expected, atol=1e-4)


@pytest.mark.slow
@pytest.mark.parametrize("is_winograd", [False, True])
def test_a_layer_of_the_papers_network(program: list[str], is_winograd: bool) -> None:
    rng = np.random.default_rng(1)
    first = replace(random_layer(rng, 24, 192, 5, 0.25, pool=1), winograd=is_winograd)
    layers = [first, random_layer(rng, 192, 10, 1, 1.0, relu=False)]
    case = Case(layers, 16, 16, average=True)
    images = case.images(1)
    expected = reference(case, images)
    np.testing.assert_allclose(driver.answers(program, case, images, "neon", 1, expected.shape), expected, atol=1e-4)
