"""How the INT8 kernels cut maps and rows, as `../c/int8_plan.c` and `../c/int8_kernels.h` do it."""

from dataclasses import dataclass

from sis_edge.errors import unknown
from sis_edge.native import geometry
from sis_edge.native.geometry import Cut

QUAD = 4
MOST_BANDED = 16
SPECIAL_KERNELS = (3, 5)


@dataclass(frozen=True)
class Int8InstructionSet:
    """Lanes of 32 bits in a vector, vectors in a tile, and rows of a filter at once."""

    name: str
    lanes: int
    tile: int
    most_rows: int


INSTRUCTION_SETS = {
    entry.name: entry
    for entry in (
        Int8InstructionSet("avx512-vnni", 16, 4, 16),
        Int8InstructionSet("avx-vnni", 8, 2, 8),
        Int8InstructionSet("avx2", 8, 2, 8),
        Int8InstructionSet("neon-dotprod", 4, 4, 16),
        Int8InstructionSet("neon", 4, 4, 16),
        Int8InstructionSet("portable", 4, 2, 8),
    )
}


def instruction_set(name: str) -> Int8InstructionSet:
    """The instruction set of that name; raises UsageError with the known names."""
    if name not in INSTRUCTION_SETS:
        raise unknown("INT8 instruction set", name, INSTRUCTION_SETS)
    return INSTRUCTION_SETS[name]


def quads(channels: int) -> int:
    """Fours that hold so many channels."""
    return -(-channels // QUAD)


def cut(isa: Int8InstructionSet, side: int) -> Cut:
    """How a map lies in vectors: rows that fit several into one are cut into bands."""
    bands = 1
    while side <= MOST_BANDED and bands * 2 * side <= isa.lanes and bands * 2 <= side:
        bands *= 2
    return Cut(bands, -(-side // bands), 1 if bands > 1 else -(-side // isa.lanes))


def tiles(isa: Int8InstructionSet, side: int) -> int:
    """Tiles of one map."""
    return -(-cut(isa, side).vectors // isa.tile)


def row_tiles(isa: Int8InstructionSet, kernel: int, rows: int) -> list[int]:
    """The rows that a convolution takes at once, from above.

    >>> row_tiles(INSTRUCTION_SETS["avx2"], 3, 14)
    [8, 4, 2]
    """
    if kernel in SPECIAL_KERNELS:
        return geometry.row_tiles(rows, isa.most_rows)
    return [8] * (rows // 8) + [1] * (rows % 8)
