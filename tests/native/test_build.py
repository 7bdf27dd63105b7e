"""Compiling: once for the same sources, for the architecture that is asked for, or a sentence that says why not."""

import importlib.util
import platform
import shutil
import subprocess
from pathlib import Path

import pytest

from sis_edge.errors import ExportError, UsageError
from sis_edge.native import build, toolchain
from sis_edge.native.toolchain import Toolchain

# What machine a library is for: ELF's e_machine, two bytes at offset 18 (System V ABI).
ELF_MACHINES = {"x86_64": 62, "aarch64": 183}


def test_the_second_time_nothing_is_compiled(library_path: Path) -> None:
    before = library_path.stat().st_mtime_ns
    assert build.library(platform.machine()) == library_path
    assert library_path.stat().st_mtime_ns == before


@pytest.mark.parametrize("architecture", toolchain.ARCHITECTURES)
def test_a_library_is_of_its_architecture(architecture: str) -> None:
    if importlib.util.find_spec("ziglang") is None:
        pytest.skip("without ziglang only this machine's compiler is there")
    header = build.library(architecture).read_bytes()[:20]
    assert header[:4] == b"\x7fELF"
    assert int.from_bytes(header[18:20], "little") == ELF_MACHINES[architecture]


def test_the_library_asks_for_no_newer_c_library(library_path: Path) -> None:
    if importlib.util.find_spec("ziglang") is None or shutil.which("objdump") is None:
        pytest.skip("needs ziglang and objdump")
    symbols = subprocess.run(["objdump", "-T", library_path], capture_output=True, text=True, check=True).stdout
    versions = {
        tuple(map(int, word.strip("()").removeprefix("GLIBC_").split(".")))
        for word in symbols.split()
        if word.strip("()").startswith("GLIBC_")
    }
    assert versions
    assert max(versions) <= tuple(map(int, toolchain.GLIBC.split(".")))


def test_an_unknown_architecture_lists_the_known() -> None:
    with pytest.raises(UsageError, match="unknown architecture 'riscv64'; known: x86_64, aarch64"):
        build.library("riscv64")


def test_without_a_compiler_the_sentence_says_how_to_get_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(toolchain, "_zig", lambda architecture: None)
    monkeypatch.setattr(toolchain, "_gcc", lambda architecture: None)
    with pytest.raises(UsageError, match=r"no C compiler for aarch64 here; .*install .*native.* brings one"):
        build.library("aarch64")


def test_a_failing_compiler_is_quoted_and_leaves_nothing(tmp_path: Path) -> None:
    compiler = tmp_path / "cc"
    compiler.write_text("#!/bin/sh\necho 'out of registers' >&2\nexit 1\n")
    compiler.chmod(0o755)
    broken = Toolchain("gcc", "x86_64", (str(compiler),), "12.0.0")
    with pytest.raises(ExportError, match="out of registers"):
        build.library("x86_64", tmp_path / "cache", broken)
    assert not list((tmp_path / "cache").rglob("*.so"))


def test_another_compiler_version_is_another_library() -> None:
    old, new = (Toolchain("gcc", "x86_64", ("gcc",), version) for version in ("12.2.0", "13.1.0"))
    assert build.key(old) != build.key(new)
