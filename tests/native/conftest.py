import platform
import shutil
from pathlib import Path

import pytest
from once import made_once

from sis_agent.native.library import Library
from sis_edge.native import build, toolchain

from . import driver

EMULATOR = "qemu-aarch64-static"
# Not optimised: compiled in half the time, and nothing that the sources say is left out before it is checked.
SANITIZERS = ["-O0", "-fsanitize=address,undefined", "-fno-sanitize-recover=all", "-fno-omit-frame-pointer"]


@pytest.fixture(scope="session")
def library_path() -> Path:
    """The library for this machine, from the user's cache."""
    return build.library(platform.machine())


@pytest.fixture(scope="session")
def library(library_path: Path) -> Library:
    return Library(library_path)


@pytest.fixture(scope="session")
def emulated(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    """The driver for aarch64 behind its emulator; `-cpu NAME` goes between."""
    emulator, zig = shutil.which(EMULATOR), toolchain._zig("aarch64")
    if emulator is None or zig is None:
        pytest.skip(f"needs {EMULATOR} (Debian's qemu-user-static) and ziglang")
    # A program without shared libraries needs no file tree of the other architecture.
    command = tuple("aarch64-linux-musl" if word.startswith("aarch64-linux") else word for word in zig.command)
    compiler = toolchain.Toolchain("zig", "aarch64", command, zig.version)

    def make(folder: Path) -> None:
        driver.compile_driver(compiler, folder, ["-O3", "-ffp-contract=fast"], ["-static"])

    return [emulator, str(made_once(tmp_path_factory, "driver for aarch64", make) / driver.PROGRAM)]


@pytest.fixture(scope="session")
def sanitized(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The driver with sanitizers for addresses and undefined behaviour."""
    gcc = toolchain._gcc(platform.machine())
    if gcc is None:
        pytest.skip("the sanitizers' run-time libraries come with gcc 12")

    def make(folder: Path) -> None:
        driver.compile_driver(gcc, folder, SANITIZERS, SANITIZERS)

    return str(made_once(tmp_path_factory, "driver with sanitizers", make) / driver.PROGRAM)
