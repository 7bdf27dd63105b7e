"""The library for a board, compiled on this machine and kept under the hash of all that it is made from."""

import fcntl
import hashlib
import json
import os
import subprocess
import tempfile
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from sis_edge.errors import ExportError
from sis_edge.files import own_programs
from sis_edge.files.cache import cache_root
from sis_edge.files.disk import writing
from sis_edge.native import toolchain
from sis_edge.native.toolchain import Toolchain

SOURCES = Path(__file__).parent / "c"
LIBRARY = "libsis_edge.so"

COMMON = (
    "cursor.c", "network.c", "graph.c", "plan.c", "graph_plan.c", "winograd.c", "threads.c", "chain.c", "isa.c",
    "isa_portable.c", "operator.c",
)  # fmt: skip
HALF = ("half_isa.c", "half_portable.c")
INT8 = ("int8_network.c", "int8_plan.c", "int8_weights.c", "int8_isa.c", "int8_portable.c")
# Each file and the level of the instruction set that it may use.
UNITS: dict[str, dict[str, str]] = {
    "x86_64": {
        **dict.fromkeys(COMMON + HALF + INT8, "x86_64"),
        "half_f16c.c": "x86_64_v3",
        "isa_avx2.c": "x86_64_v3",
        "isa_avx512.c": "x86_64_v4",
        "int8_avx2.c": "x86_64_v3",
        "int8_avxvnni.c": "x86_64_v3_vnni",
        "int8_avx512.c": "x86_64_v4_vnni",
    },
    "aarch64": {
        **dict.fromkeys(COMMON + HALF + INT8, "aarch64"),
        "isa_neon.c": "aarch64",
        "half_neon.c": "aarch64_fp16",
        "int8_neon.c": "aarch64",
        "int8_dotprod.c": "aarch64_dotprod",
    },
}
FLAGS = ("-O3", "-std=gnu11", "-fPIC", "-fvisibility=hidden", "-ffp-contract=fast", "-Wall", "-Wextra", "-Werror")
LINK_FLAGS = ("-shared", "-s")
LIBRARIES = ("-lpthread", "-ldl")


@dataclass(frozen=True)
class Sources:
    """What a library is made of: its file's name, the folders whose files decide it, each unit and its level."""

    name: str
    folders: tuple[Path, ...]
    units: dict[str, str]


def operator(architecture: str) -> Sources:
    """The operator of ONNX Runtime with the sparse kernels: what a bundle holds."""
    units = {str(SOURCES / name): level for name, level in UNITS[architecture].items()}
    return Sources(LIBRARY, (SOURCES,), units)


def library(
    architecture: str, cache: Path | None = None, compiler: Toolchain | None = None, what: Sources | None = None
) -> Path:
    """The library for that architecture (`what`: the operator), from the cache or compiled now (some seconds).

    Raises UsageError without a compiler, ExportError where it fails, DiskError where the cache cannot be written.
    """
    compiler = compiler or toolchain.find(architecture)
    what = what or operator(architecture)
    folder = (cache or cache_root() / "native") / key(compiler, what)
    target = folder / what.name
    if not target.exists():
        with writing(folder):
            folder.mkdir(parents=True, exist_ok=True)
            with (folder / "lock").open("a") as lock:
                fcntl.flock(lock, fcntl.LOCK_EX)  # several commands at once compile once
                if not target.exists():
                    _compile(compiler, target, what)
    return target


def key(compiler: Toolchain, what: Sources | None = None) -> str:
    """Hash of sources, flags and compiler: equal for libraries that are equal."""
    what = what or operator(compiler.architecture)
    files = sorted(path for folder in what.folders for path in folder.iterdir())
    decided_by = {
        "sources": {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in files},
        "units": {Path(source).name: level for source, level in what.units.items()},
        "levels": toolchain.LEVELS,
        "flags": [FLAGS, LINK_FLAGS, LIBRARIES],
        "compiler": [compiler.kind, compiler.architecture, compiler.version],
    }
    return f"{compiler.architecture}-{hashlib.sha256(json.dumps(decided_by, sort_keys=True).encode()).hexdigest()[:16]}"


def compile_to(
    compiler: Toolchain,
    folder: Path,
    flags: tuple[str, ...] = FLAGS,
    link_flags: tuple[str, ...] = LINK_FLAGS,
    what: Sources | None = None,
) -> Path:
    """Compile in `folder` with other flags than usual, say a sanitizer's; no cache."""
    what = what or operator(compiler.architecture)

    def compile_unit(unit: tuple[str, str]) -> Path:
        source, level = unit
        result = folder / f"{Path(source).stem}.o"
        _run([*compiler.compile_command(level), *flags, "-c", source, "-o", str(result)])
        return result

    with ThreadPoolExecutor(os.cpu_count() or 1) as pool:
        objects = list(pool.map(compile_unit, what.units.items()))
    target = folder / what.name
    _run([*compiler.command, *link_flags, "-o", str(target), *map(str, objects), *LIBRARIES])
    return target


def _compile(compiler: Toolchain, target: Path, what: Sources) -> None:
    with tempfile.TemporaryDirectory(dir=target.parent) as folder:
        built = compile_to(compiler, Path(folder), what=what)
        own_programs.remember(built)
        built.replace(target)


def _run(command: list[str]) -> None:
    done = subprocess.run(command, env=toolchain.environment(), capture_output=True, text=True, check=False)
    if done.returncode:
        last = "\n".join(done.stderr.strip().splitlines()[-12:])
        raise ExportError(f"the sparse kernels do not compile with `{' '.join(command)}`:\n{last}")
