"""How the kernels cut maps and filters, as `c/plan.c` does it: what the cost model counts."""

from dataclasses import dataclass

from sis_edge.errors import unknown

BANDED_KERNELS = (3, 5)
NAMED_KERNELS = (3, 5, 7)
MOST_ROWS = 16


@dataclass(frozen=True)
class InstructionSet:
    """Floats in a vector, vectors in a tile, filters of a 1 x 1 block, and whether narrow maps are cut into bands.

    `most_sums` of Winograd's algorithm stay in registers.
    """

    name: str
    lanes: int
    tile: int
    most_filters: int
    most_sums: int
    has_bands: bool


INSTRUCTION_SETS = {
    entry.name: entry
    for entry in (
        InstructionSet("avx512", 16, 2, 12, 24, True),
        InstructionSet("avx2", 8, 2, 6, 12, False),
        InstructionSet("neon", 4, 2, 12, 24, False),
        InstructionSet("portable", 4, 2, 6, 12, False),
    )
}


def instruction_set(name: str) -> InstructionSet:
    """The instruction set of that name; raises UsageError with the known names."""
    if name not in INSTRUCTION_SETS:
        raise unknown("instruction set", name, INSTRUCTION_SETS)
    return INSTRUCTION_SETS[name]


@dataclass(frozen=True)
class Cut:
    """A square map as vectors: `bands` of `rows` each, `strips` vectors a row."""

    bands: int
    rows: int
    strips: int

    @property
    def vectors(self) -> int:
        """Vectors of one map."""
        return self.rows * self.strips


def cut(isa: InstructionSet, side: int, kernel: int) -> Cut:
    """How a layer's maps lie in vectors."""
    bands = 1
    if isa.has_bands and (kernel == 1 or kernel in BANDED_KERNELS):
        while bands * 2 * side <= isa.lanes and bands * 2 <= side:
            bands *= 2
    if bands > 1:
        return Cut(bands, -(-side // bands), 1)
    return Cut(1, side, -(-side // isa.lanes))


def row_tiles(rows: int, most: int = MOST_ROWS) -> list[int]:
    """The rows that a convolution takes at once, from above: powers of two, the largest that fit.

    >>> row_tiles(21)
    [16, 4, 1]
    """
    sizes = []
    while rows:
        size = most
        while size > rows:
            size //= 2
        sizes.append(size)
        rows -= size
    return sizes


def blocks(filters: int, most: int) -> list[int]:
    """Filters of the blocks that a 1 x 1 group is cut into: as few as possible, as even as possible.

    >>> blocks(27, 12)
    [9, 9, 9]
    """
    left = -(-filters // most)
    sizes = []
    while left:
        size = -(-filters // left)
        sizes.append(size)
        filters -= size
        left -= 1
    return sizes
