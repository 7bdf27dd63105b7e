import platform
from pathlib import Path

import pytest
from emulated import EMULATOR
from once import made_once
from sshd import require

from sis_agent.native.library import Library
from sis_edge.native import build, toolchain

from . import driver

AARCH64 = "/usr/aarch64-linux-gnu/lib"  # its C library: Debian's libc6-arm64-cross
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
    emulator, loader = require(EMULATOR), require(f"{AARCH64}/ld-linux-aarch64.so.1")
    # A static program would need no files of the other architecture, but zig compiles a whole C library for it.
    links = [f"-Wl,--dynamic-linker={loader}", f"-Wl,-rpath,{AARCH64}"]

    def make(folder: Path) -> None:
        driver.compile_driver(toolchain.find("aarch64"), folder, ["-O3", "-ffp-contract=fast"], links)

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
