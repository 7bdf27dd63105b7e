"""The library for training compiles without a warning by each compiler, for each instruction set."""

import platform
from pathlib import Path

import pytest

from sis_edge.models import kernels
from sis_edge.native import build, toolchain

MACHINE = platform.machine()
LEVELS = {"x86_64": ["x86_64", "x86_64_v3", "x86_64_v4"], "aarch64": ["aarch64"]}


@pytest.mark.slow
@pytest.mark.parametrize("level", LEVELS.get(MACHINE, []))
@pytest.mark.parametrize("kind", ["zig", "gcc"])
def test_it_compiles(kind: str, level: str, tmp_path: Path) -> None:
    """Who has no zig has gcc: what does not compile leaves a training to torch's slower operators."""
    compiler = (toolchain._zig if kind == "zig" else toolchain._gcc)(MACHINE)
    if compiler is None:
        pytest.skip(f"there is no {kind} of the version that is needed")
    assert build.compile_to(compiler, tmp_path, what=kernels.sources(level)).exists()
