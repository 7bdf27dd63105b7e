"""The driver: the kernels as a program, compiled for whatever a test needs."""

import os
import struct
import subprocess
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np

from sis_edge.native import build, toolchain
from sis_edge.native.toolchain import Toolchain

from .chains import Array, Case, pack

SOURCE = Path(__file__).with_name("driver.c")
PROGRAM = "driver"


def compile_driver(compiler: Toolchain, folder: Path, flags: Sequence[str], link_flags: Sequence[str]) -> Path:
    """Everything but the operator, as one program."""
    levels = build.UNITS[compiler.architecture]
    units = {build.SOURCES / name: level for name, level in levels.items() if name != "operator.c"}
    units[SOURCE] = levels["chain.c"]
    include = [*flags, f"-I{build.SOURCES}"]
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        objects = list(pool.map(lambda unit: compile_unit(compiler, unit[0], unit[1], folder, include), units.items()))
    program = folder / PROGRAM
    run([*compiler.command, *link_flags, "-o", str(program), *map(str, objects), "-lpthread"])
    return program


def compile_unit(compiler: Toolchain, source: Path, level: str, folder: Path, flags: Sequence[str]) -> Path:
    result = folder / f"{source.stem}.o"
    run([*compiler.compile_command(level), *flags, "-std=gnu11", "-c", str(source), "-o", str(result)])
    return result


def run(command: Sequence[str], stdin: bytes = b"") -> bytes:
    done = subprocess.run(command, env=toolchain.environment(), input=stdin, capture_output=True, check=False)
    assert done.returncode == 0, f"{' '.join(command)}: {done.stderr.decode(errors='replace')}"
    return done.stdout


def answers(
    program: Sequence[str], case: Case, images: Array, instruction_set: str, threads: int, shape: tuple[int, ...]
) -> Array:
    """What the driver answers for a case; `shape` is that of all outputs."""
    return answers_to(program, pack(case), images, instruction_set, threads, shape)


def answers_to(
    program: Sequence[str], blob: bytes, images: Array, instruction_set: str, threads: int, shape: tuple[int, ...]
) -> Array:
    """What the driver answers for a blob."""
    stdin = struct.pack("<I", len(blob)) + blob + images.tobytes()
    words = [*program, "run", instruction_set, str(len(images)), str(threads)]
    return np.frombuffer(run(words, stdin), dtype="<f4").reshape(shape)


def refused_of_damaged(
    program: Sequence[str], blob: bytes, count: int, seed: int, instruction_set: str = "fastest"
) -> int:
    """How many of `count` damaged blobs the driver refuses; it must neither crash nor hang."""
    return int(run([*program, "damage", str(count), str(seed), instruction_set], struct.pack("<I", len(blob)) + blob))
