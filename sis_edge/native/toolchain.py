"""The compilers that may build the library: `ziglang` from PyPI for any board, or a gcc of that architecture."""

import importlib.util
import os
import platform
import shutil
import subprocess
import sys
from dataclasses import dataclass

from sis_edge import extras
from sis_edge.errors import UsageError, unknown
from sis_edge.files.cache import cache_root

GLIBC = "2.27"
"""Oldest C library that a board may have: that of Ubuntu 18.04, the Jetson Nano's."""

ARCHITECTURES = ("x86_64", "aarch64")

# What a level of an instruction set is called by each compiler.
LEVELS = {
    "x86_64": {"zig": ["-mcpu=x86_64"], "gcc": ["-march=x86-64"]},
    "x86_64_v3": {"zig": ["-mcpu=x86_64_v3"], "gcc": ["-march=x86-64-v3"]},
    "x86_64_v4": {
        "zig": ["-mcpu=x86_64_v4", "-mprefer-vector-width=512"],
        "gcc": ["-march=x86-64-v4", "-mprefer-vector-width=512"],
    },
    "x86_64_v3_vnni": {"zig": ["-mcpu=x86_64_v3+avxvnni"], "gcc": ["-march=x86-64-v3", "-mavxvnni"]},
    "x86_64_v4_vnni": {
        "zig": ["-mcpu=x86_64_v4+avx512vnni", "-mprefer-vector-width=512"],
        "gcc": ["-march=x86-64-v4", "-mavx512vnni", "-mprefer-vector-width=512"],
    },
    # Runs on every aarch64 board and is scheduled for the cores of most of them.
    "aarch64": {"zig": ["-mcpu=generic"], "gcc": ["-march=armv8-a", "-mtune=cortex-a72"]},
    "aarch64_fp16": {"zig": ["-mcpu=generic+fullfp16"], "gcc": ["-march=armv8.2-a+fp16", "-mtune=cortex-a76"]},
    "aarch64_dotprod": {
        "zig": ["-mcpu=generic+dotprod"],
        "gcc": ["-march=armv8.2-a+dotprod", "-mtune=cortex-a76"],
    },
}


@dataclass(frozen=True)
class Toolchain:
    """A compiler for one architecture: its command, the kind of its options, and its version for the cache's key."""

    kind: str
    architecture: str
    command: tuple[str, ...]
    version: str

    def compile_command(self, level: str) -> list[str]:
        """The command up to the level's options; sources and `-c -o` follow."""
        return [*self.command, *LEVELS[level][self.kind]]


def find(architecture: str) -> Toolchain:
    """The first compiler for that architecture; raises UsageError that says how to get one."""
    if architecture not in ARCHITECTURES:
        raise unknown("architecture", architecture, ARCHITECTURES)
    toolchain = _zig(architecture) or _gcc(architecture)
    if toolchain is None:
        raise UsageError(f"no C compiler for {architecture} here; `{extras.adding('native')}` brings one")
    return toolchain


def environment() -> dict[str, str]:
    """The environment that compilers run in: zig's own cache lies in ours, unless the user has named another place."""
    return {"ZIG_GLOBAL_CACHE_DIR": str(cache_root() / "zig"), **os.environ}


def _zig(architecture: str) -> Toolchain | None:
    if importlib.util.find_spec("ziglang") is None:
        return None
    command = (sys.executable, "-m", "ziglang")
    return Toolchain(
        "zig",
        architecture,
        (*command, "cc", "-target", f"{architecture}-linux-gnu.{GLIBC}"),
        _output([*command, "version"]),
    )


def _gcc(architecture: str) -> Toolchain | None:
    """The cross compiler of Debian's name, or this machine's own; 12 is the oldest with the shuffles used here."""
    names = [f"{architecture}-linux-gnu-gcc"]
    if platform.machine() == architecture:
        names.append("gcc")
    for name in names:
        path = shutil.which(name)
        if path is None:
            continue
        version = _output([path, "-dumpfullversion"])
        if version.split(".")[0].isdecimal() and int(version.split(".")[0]) >= 12:
            return Toolchain("gcc", architecture, (path,), version)
    return None


def _output(command: list[str]) -> str:
    done = subprocess.run(command, env=environment(), capture_output=True, text=True, check=False)
    return done.stdout.strip()
