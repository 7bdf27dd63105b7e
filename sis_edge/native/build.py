"""The library for a board, compiled on this machine and kept under the hash of all that it is made from."""

import hashlib
import json
import os
import subprocess
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from platformdirs import user_cache_path

from sis_edge.disk import writing
from sis_edge.errors import ExportError
from sis_edge.native import toolchain
from sis_edge.native.toolchain import Toolchain

SOURCES = Path(__file__).parent / "c"
LIBRARY = "libsis_edge.so"

COMMON = ("network.c", "plan.c", "threads.c", "chain.c", "isa.c", "isa_portable.c", "operator.c")
# Each file and the level of the instruction set that it may use.
UNITS: dict[str, dict[str, str]] = {
    "x86_64": {**dict.fromkeys(COMMON, "x86_64"), "isa_avx2.c": "x86_64_v3", "isa_avx512.c": "x86_64_v4"},
    "aarch64": {**dict.fromkeys(COMMON, "aarch64"), "isa_neon.c": "aarch64"},
}
FLAGS = ("-O3", "-std=gnu11", "-fPIC", "-fvisibility=hidden", "-ffp-contract=fast", "-Wall", "-Wextra", "-Werror")
LINK_FLAGS = ("-shared", "-s")
LIBRARIES = ("-lpthread", "-ldl")


def library(architecture: str, cache: Path | None = None, compiler: Toolchain | None = None) -> Path:
    """The library for that architecture, from the cache or compiled now (some seconds).

    Raises UsageError without a compiler, ExportError where it fails, DiskError where the cache cannot be written.
    """
    compiler = compiler or toolchain.find(architecture)
    folder = (cache or user_cache_path("sis-edge") / "native") / key(compiler)
    target = folder / LIBRARY
    if not target.exists():
        with writing(folder):
            folder.mkdir(parents=True, exist_ok=True)
            _compile(compiler, target)
    return target


def key(compiler: Toolchain) -> str:
    """Hash of sources, flags and compiler: equal for libraries that are equal."""
    what = {
        "sources": {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in sorted(SOURCES.iterdir())},
        "units": UNITS[compiler.architecture],
        "levels": toolchain.LEVELS,
        "flags": [FLAGS, LINK_FLAGS, LIBRARIES],
        "compiler": [compiler.kind, compiler.architecture, compiler.version],
    }
    return f"{compiler.architecture}-{hashlib.sha256(json.dumps(what, sort_keys=True).encode()).hexdigest()[:16]}"


def compile_to(
    compiler: Toolchain, folder: Path, flags: tuple[str, ...] = FLAGS, link_flags: tuple[str, ...] = LINK_FLAGS
) -> Path:
    """Compile in `folder` with other flags than usual, say a sanitizer's; no cache."""

    def compile_unit(unit: tuple[str, str]) -> Path:
        source, level = unit
        result = folder / f"{Path(source).stem}.o"
        _run([*compiler.compile_command(level), *flags, "-c", str(SOURCES / source), "-o", str(result)])
        return result

    with ThreadPoolExecutor(os.cpu_count() or 1) as pool:
        objects = list(pool.map(compile_unit, UNITS[compiler.architecture].items()))
    target = folder / LIBRARY
    _run([*compiler.command, *link_flags, "-o", str(target), *map(str, objects), *LIBRARIES])
    return target


def _compile(compiler: Toolchain, target: Path) -> None:
    with tempfile.TemporaryDirectory(dir=target.parent) as folder:
        built = compile_to(compiler, Path(folder))
        built.replace(target)


def _run(command: list[str]) -> None:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        last = "\n".join(done.stderr.strip().splitlines()[-12:])
        raise ExportError(f"the sparse kernels do not compile with `{' '.join(command)}`:\n{last}")
