"""Winograd's algorithm F(m, r): its matrices, derived exactly, and how the kernels cut a layer into tiles.

m outputs of a filter of r taps take n = m + r - 1 products: y = A ((G g) * (B d)) for n pixels d and taps g. In two
dimensions each matrix works on rows, then on columns. The points are those of Toom and Cook: n - 1 numbers and infinity
(Lavin and Gray, 2016, and the derivation by S. Winograd, 1980). `c/winograd.h` describes the kernels.
"""

import math
from dataclasses import dataclass
from fractions import Fraction
from typing import TypeAlias

from sis_edge.native import blob
from sis_edge.native.blob import Pairs
from sis_edge.native.geometry import InstructionSet
from sis_edge.spec import LayerSpec

POINTS = tuple(Fraction(point) for point in ("0", "1", "-1", "2", "-2", "1/2", "-1/2"))

Matrix: TypeAlias = tuple[tuple[Fraction, ...], ...]

KERNELS = (3, 5)
"""Sides of kernels that the native kernels transform."""

TILE_WIDTH = 4
TILE_ROWS = {3: 2, 5: 4}
"""Pixels that a tile gives in a row, and rows, by the kernel's side."""

QUAD = 4
CHUNK_TILES = 16
NEAR_BYTES = 24 * 1024
MOST_FILTERS = 6


def matrices(outputs: int, taps: int) -> tuple[Matrix, Matrix, Matrix]:
    """A [outputs, n], G [n, taps] and B [n, n] of F(outputs, taps).

    >>> [[str(entry) for entry in row] for row in matrices(2, 3)[2]]
    [['-1', '0', '1', '0'], ['0', '1', '1', '0'], ['0', '-1', '1', '0'], ['0', '-1', '0', '1']]
    """
    points = POINTS[: outputs + taps - 2]
    zero, one = Fraction(0), Fraction(1)
    back = tuple((*(point**row for point in points), one if row == outputs - 1 else zero) for row in range(outputs))
    kernel = tuple(
        tuple(point**column / _product([point - other for other in points if other != point]) for column in range(taps))
        for point in points
    )
    without = [(*_polynomial([other for other in points if other != point]), zero) for point in points]
    return back, (*kernel, (*[zero] * (taps - 1), one)), (*without, _polynomial(points))


def _product(factors: list[Fraction]) -> Fraction:
    result = Fraction(1)
    for factor in factors:
        result *= factor
    return result


def _polynomial(roots: "list[Fraction] | tuple[Fraction, ...]") -> tuple[Fraction, ...]:
    """Coefficients of the polynomial with these roots, the lowest power first."""
    found = [Fraction(1)]
    for root in roots:
        shifted = [Fraction(0), *found]
        found = [high - root * low for high, low in zip(shifted, [*found, Fraction(0)], strict=True)]
    return tuple(found)


@dataclass(frozen=True)
class Tiles:
    """A layer's tiles in vectors, as `c/winograd.c` cuts them.

    `vectors` of tiles, `chunk` of them at a time; `quads` positions by four, `together` of them at a time, in `groups`;
    `most_filters` that share inputs are computed at once.
    """

    vectors: int
    chunk: int
    quads: int
    together: int
    most_filters: int

    @property
    def chunks(self) -> int:
        """Chunks of the map."""
        return -(-self.vectors // self.chunk)

    @property
    def groups(self) -> int:
        """Groups of quads."""
        return -(-self.quads // self.together)


def vectors(isa: InstructionSet, side: int, kernel: int) -> int:
    """Vectors of tiles of a square map."""
    bands = 1
    if isa.has_bands:
        while bands * 2 * side <= isa.lanes and bands * 2 <= side and bands * 2 * QUAD <= isa.lanes:
            bands *= 2
    band_rows, strips = math.ceil(side / bands), 1 if bands > 1 else math.ceil(side / isa.lanes)
    return math.ceil(band_rows / TILE_ROWS[kernel]) * strips


def saved_macs(layer: LayerSpec, kernels: int) -> int:
    """Multiply-accumulates of an image that so many kernels of a layer save, without the transforms."""
    rows, side = TILE_ROWS[layer.kernel], layer.map_side
    products = (rows + layer.kernel - 1) * (TILE_WIDTH + layer.kernel - 1)
    tiles = math.ceil(side / rows) * math.ceil(side / TILE_WIDTH)
    return kernels * max(0, layer.kernel**2 * layer.positions - tiles * products)


def runs(pairs: Pairs) -> list[tuple[int, int]]:
    """Neighbouring filters that have kernels for the same inputs: how many, and how many inputs."""
    return [(group.end - group.begin, group.inputs.size) for group in blob.groups(pairs)]


def tiles(isa: InstructionSet, layer: LayerSpec, pairs: Pairs) -> Tiles:
    """How the kernels cut a layer."""
    found = vectors(isa, layer.map_side, layer.kernel)
    chunk = min(CHUNK_TILES * QUAD // isa.lanes, found)
    at_once = 4 if chunk >= 4 else 2 if chunk >= 2 else 1
    together = 4 // at_once
    map_bytes = layer.inputs * chunk * isa.lanes * 4
    if 2 * len(runs(pairs)) > layer.filters:
        while together < 4 and 2 * together * at_once <= isa.most_sums and 2 * together * map_bytes <= NEAR_BYTES:
            together *= 2
    quads = TILE_ROWS[layer.kernel] + layer.kernel - 1
    return Tiles(
        found,
        chunk,
        quads // QUAD * (layer.kernel + TILE_WIDTH - 1),
        together,
        min(isa.most_sums // (together * min(chunk, 4)), MOST_FILTERS),
    )


MOST_SHARE = 0.6
"""At that share of the direct kernels' work or less, transforms included, it is taken where nothing was measured."""

PRODUCTS, TRANSFORM, RESTORE = 1.75, {3: 150, 5: 420}, {3: 150, 5: 300}
"""On Zen 4 with AVX-512: multiply-adds that take as long as one product, a tile transformed, and one brought back."""


def seems_to_pay(layer: LayerSpec, pairs: Pairs) -> bool:
    """Whether it should be faster than direct convolution, where nothing was measured."""
    if layer.kernel not in KERNELS:
        return False
    side, rows, existing = layer.map_side, TILE_ROWS[layer.kernel], int(pairs.sum())
    positions = (rows + layer.kernel - 1) * (TILE_WIDTH + layer.kernel - 1)
    transforms = layer.inputs * TRANSFORM[layer.kernel] + layer.filters * RESTORE[layer.kernel]
    own = -(-side // rows) * -(-side // TILE_WIDTH) * (existing * positions * PRODUCTS + transforms)
    half = layer.kernel // 2
    seen = sum(min(y + half, side - 1) - max(y - half, 0) + 1 for y in range(side))
    return own <= MOST_SHARE * existing * seen**2
