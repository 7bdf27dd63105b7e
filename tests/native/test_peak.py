"""The measured peak counts the multiply-adds that really run: in the machine code of every instruction set."""

import platform
import re
import subprocess
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest

from sis_edge.native import build, toolchain
from sis_edge.native.toolchain import Toolchain

FINDERS: dict[str, Callable[[str], Toolchain | None]] = {"zig": toolchain._zig, "gcc": toolchain._gcc}
UNITS = [(arch, unit) for arch, units in build.UNITS.items() for unit in units if unit.startswith("isa_")]
CHAINS = int(re.findall(r"CHAINS = (\d+)", (build.SOURCES / "kernels.h").read_text())[0])

# What is added to a register, and any use of a vector register, as the compilers write them (AT&T syntax on x86).
SUMS = {
    "isa_avx512.c": r"vfmadd\d+ps\s.*%(zmm\d+)$",
    "isa_avx2.c": r"vfmadd\d+ps\s.*%(ymm\d+)$",
    "isa_neon.c": r"fmla\s+(v\d+)\.4s,",
    "isa_portable.c": r"addps\s.*%(xmm\d+)$|fmla\s+(v\d+)\.4s,",
}
VECTOR = r"%[xyz]mm\d|\bv\d+\."


def assembly(compiler: Toolchain, unit: str, folder: Path) -> list[str]:
    """The instructions and labels of `work_peak`, without comments."""
    target = folder / "unit.s"
    flags = [*build.FLAGS, "-g0", "-Wno-error"]
    command = compiler.compile_command(build.UNITS[compiler.architecture][unit])
    command += [*flags, "-S", str(build.SOURCES / unit), "-o", str(target)]
    done = subprocess.run(command, env=toolchain.environment(), capture_output=True)
    assert done.returncode == 0, done.stderr.decode()
    lines = [re.sub(r"\s*(#|//).*", "", line).strip() for line in target.read_text().splitlines()]
    start = lines.index("work_peak:")
    return lines[start : lines.index(".cfi_endproc", start)]


def innermost_loop(lines: list[str], within: str) -> list[str]:
    """The shortest run of instructions from a label to a jump back to it that holds a match of `within`."""
    found = []
    for begin, line in enumerate(lines):
        if label := re.fullmatch(r"(\.L\w+):", line):
            for end in range(begin + 1, len(lines)):
                if re.search(rf"\s{re.escape(label[1])}$", lines[end]):
                    found.append(lines[begin + 1 : end + 1])
    return min((loop for loop in found if any(re.search(within, line) for line in loop)), key=len)


EVERYDAY = (toolchain.find(platform.machine()).kind, platform.machine(), "isa_portable.c")
"""The compiler and the processor of the kernels that all other tests run, portable C: the others take seconds each."""

CASES = [
    pytest.param(kind, architecture, unit, marks=[] if (kind, architecture, unit) == EVERYDAY else pytest.mark.slow)
    for kind, find in FINDERS.items()
    for architecture, unit in UNITS
    if kind != "gcc" or architecture == platform.machine() or find(architecture)  # a cross compiler is zig
]


@pytest.mark.parametrize(("kind", "architecture", "unit"), CASES)
def test_every_chain_that_is_counted_runs(kind: str, architecture: str, unit: str, tmp_path: Path) -> None:
    compiler = FINDERS[kind](architecture)
    assert compiler is not None
    loop = innermost_loop(assembly(compiler, unit, tmp_path), SUMS[unit])
    chains = Counter(next(filter(None, match.groups())) for line in loop if (match := re.match(SUMS[unit], line)))
    assert len(chains) == CHAINS, loop
    assert len(set(chains.values())) == 1, "an unrolled loop has each chain as often as every other"
    others = [line for line in loop if re.search(VECTOR, line) and not re.match(SUMS[unit], line)]
    if any("addps" in line for line in loop):  # no fused instruction: as many products, each of a copy of the factor
        assert sum("mulps" in line for line in others) == chains.total(), loop
    else:
        assert not others, "only multiply-adds are timed"
