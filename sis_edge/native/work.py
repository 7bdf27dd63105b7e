"""What computing a layer takes, counted by kinds of work whose seconds a calibration finds.

The counts follow from the structure of the code that computes: of the native kernels (`geometry`, `c/kernels.h`,
`c/plan.c`), and of ONNX Runtime's dense convolution. Taps that lie in the frame of zeros are counted by neither, for
both leave them out. The seconds of a multiply-add depend on the side of the maps too (what a vector or the cache holds
of them), so the kinds carry it.

Native: multiply-adds by kernel, rows at once and map; kernels that jump to maps which the nearest cache has not; input
steps of a 1 x 1 block by its filters, those that jump, and calls; sums begun and stored; stages. By Winograd's
algorithm: vectors transformed and brought back, products by filters at once and map, calls, and weights that only a
farther cache holds. Copies: rows written
and vectors read. ONNX Runtime: multiply-accumulates by kernel and map, what those of left-over filters cost more,
floats brought from one of its layouts to the other, pooled floats, nodes, of which a network's last has a kind of its
own. It computes in a layout of channel blocks; a layer whose inputs do not fit into it is a matrix product in the plain
layout, packed and unpacked.
"""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeAlias

from sis_edge.native import blob, geometry, winograd
from sis_edge.native.blob import Pairs
from sis_edge.native.geometry import InstructionSet
from sis_edge.spec import LayerSpec

Work: TypeAlias = defaultdict[str, float]
"""Counts by kind of work."""

BLOCK_KNOTS = (1, 2, 4, 6, 8, 12)
"""Filters of a block that are calibrated; costs between are interpolated."""

LEAST_LANES = 8
"""Instruction sets of fewer lanes have no blocked layout in ONNX Runtime, or one whose padding was not measured."""

BLOCKS_AT_ONCE = 4
"""Blocks of a layer's filters that ONNX Runtime computes at once; those left over may cost more each."""

EVEN_INPUTS = 4
"""With inputs that are no multiple of it, ONNX Runtime leaves its blocked layout for that layer, as optimised graphs of
release 1.32 show (1.10 stays, and its calibration says what that costs). Fewer inputs than a block's channels are read
from the plain layout."""


WINOGRAD_KNOTS = (1, 3, 6)
"""Filters of a block in Winograd's domain that are calibrated; others cost what the nearest does."""

MIDDLE_BYTES = 512 * 1024
"""What the second cache of most processors holds."""

NEAR_BYTES = 32 * 1024
"""What the nearest cache of nearly every processor holds."""


@dataclass(frozen=True)
class Copy:
    """Maps of `channels` brought to another layout, `side` pixels wide there, max pooled by `pool` on the way.

    The first of a run `wakes` the threads.
    """

    channels: int
    side: int
    pool: int = 1
    wakes: bool = False


@dataclass(frozen=True)
class Transform:
    """Maps of a layer brought into Winograd's domain."""

    layer: LayerSpec


Stage: TypeAlias = Copy | Transform | int
"""A stage of a native chain: an int is the number of a layer."""


def stages(
    layers: Sequence[LayerSpec], ends_plain: bool = True, transformed: Sequence[bool] | None = None
) -> list[Stage]:
    """The stages of a native chain as `c/plan.c` lays them: copies, transforms, and the numbers of the layers.

    `transformed` says which layers use Winograd's algorithm (None: none). Without `ends_plain` the average over the
    last maps is the last stage; it is left out.
    """
    laid: list[Stage] = []
    pool = 0  # none yet: the maps come in the plain layout
    for number, layer in enumerate(layers):
        if not (layer.kernel == 1 and pool == 1):
            laid.append(Copy(layer.inputs, layer.map_side, max(pool, 1), wakes=number == 0))
        if transformed is not None and transformed[number]:
            laid.append(Transform(layer))
        laid.append(number)
        pool = layer.pool
    if ends_plain:
        laid.append(Copy(layers[-1].filters, layers[-1].map_side // pool, pool))
    return laid


def native(isa: InstructionSet, layer: LayerSpec, pairs: Pairs, block: int = 1) -> Work:
    """What the kernels do for a layer whose existing kernels are `pairs`, bool [F, I]."""
    return _pointwise(isa, layer, pairs, block) if layer.kernel == 1 else _convolution(isa, layer, pairs)


def _pointwise(isa: InstructionSet, layer: LayerSpec, pairs: Pairs, block: int) -> Work:
    vectors = geometry.cut(isa, layer.map_side, layer.kernel).vectors
    tiles = -(-vectors // isa.tile)
    work = _work(stages=1, **{f"sums1s{layer.map_side}": layer.filters * vectors})
    for group in blob.groups(pairs, block):
        for filters in geometry.blocks(group.end - group.begin, isa.most_filters):
            work["calls"] += tiles
            work["jumps1"] += group.inputs.size * tiles * (1 - group.inputs.size / layer.inputs)
            for knot, share in _knots(filters, isa.most_filters):
                work[f"block{knot}s{layer.map_side}"] += group.inputs.size * tiles * share
    return work


def _convolution(isa: InstructionSet, layer: LayerSpec, pairs: Pairs) -> Work:
    cut = geometry.cut(isa, layer.map_side, layer.kernel)
    work = _work(stages=1, **{f"sums{layer.kernel}s{layer.map_side}": layer.filters * cut.vectors})
    existing = int(pairs.sum())
    most = 4 if cut.bands > 1 else geometry.MOST_ROWS
    kind = "banded" if cut.bands > 1 else "wide" if layer.kernel in geometry.NAMED_KERNELS else "any"
    begin = 0
    for rows in geometry.row_tiles(cut.rows, most):
        seen = rows_seen(layer.kernel, cut.rows, begin, rows) if kind == "wide" else rows * layer.kernel
        work[f"{kind}{layer.kernel}x{rows}s{layer.map_side}"] += existing * layer.kernel * cut.strips * seen
        begin += rows
    maps_bytes = layer.inputs * (layer.map_side + layer.kernel - 1) ** 2 * 4
    far = max(0.0, 1 - NEAR_BYTES / maps_bytes) * (1 - existing / pairs.size)
    work[f"jumps{layer.kernel}"] = far * existing * layer.map_side * cut.strips
    return work


def transformed(isa: InstructionSet, stage: Transform) -> Work:
    """Vectors of tiles that are brought into Winograd's domain."""
    layer = stage.layer
    vectors = winograd.vectors(isa, layer.map_side, layer.kernel)
    return _work(stages=1, **{f"transforms{layer.kernel}": layer.inputs * vectors})


def by_winograd(isa: InstructionSet, layer: LayerSpec, pairs: Pairs) -> Work:
    """What the kernels do for a layer by Winograd's algorithm, once its maps are transformed."""
    cut = winograd.tiles(isa, layer, pairs)
    work = _work(stages=1, **{f"restored{layer.kernel}": layer.filters * cut.vectors})
    weights = 0
    for filters, inputs in winograd.runs(pairs):
        for width in _even(filters, cut.most_filters):
            knot = min(WINOGRAD_KNOTS, key=lambda knot: abs(knot - width))
            products = width * inputs * cut.quads * cut.vectors
            work[f"products{knot}k{layer.kernel}s{layer.map_side}"] += products
            work["products_calls"] += cut.groups * -(-cut.vectors // 4)
        weights += filters * inputs * cut.quads * winograd.QUAD
    if weights:
        work["far_weights"] = weights * max(0.0, 1 - MIDDLE_BYTES / (4 * weights))
    return work


def _even(filters: int, most: int) -> list[int]:
    """The filters of the blocks of a run: full ones, and the rest."""
    return [most] * (filters // most) + ([filters % most] if filters % most else [])


def copied(isa: InstructionSet, copy: Copy) -> Work:
    """Rows written, the vectors that are read for them, and the waking of threads."""
    rows = copy.channels * copy.side
    kind = "pooled" if copy.pool > 1 else "plain"
    vectors = rows * copy.pool * -(-copy.side * copy.pool // isa.lanes)
    return _work(**{f"{kind}_rows": rows, f"{kind}_vectors": vectors, "woken": int(copy.wakes)})


def dense(isa: InstructionSet, layer: LayerSpec, before: LayerSpec | None = None) -> Work:
    """What ONNX Runtime does for a dense layer behind another one (None: the map is given in the plain layout)."""
    family = family_of(isa, layer)
    work = _work(nodes=1, last=int(layer.is_class_layer))
    if (before is not None and leaves_blocks(isa, before)) != (family == "dense"):
        work["reorder"] = layer.inputs * layer.positions
    macs = rows_seen(layer.kernel, layer.map_side, 0, layer.map_side) ** 2
    if family == "odd":
        work["odd_inputs"] = layer.inputs * layer.kernel**2 * layer.positions
        work["odd_outputs"] = layer.filters * layer.positions
        macs *= layer.inputs * layer.filters
    else:
        block = isa.lanes if isa.lanes >= LEAST_LANES else 1
        inputs = layer.inputs if family == "thin" else -(-layer.inputs // block) * block
        blocks = -(-layer.filters // block)
        if rest := blocks % BLOCKS_AT_ONCE:
            work[f"rest_{family}{layer.kernel}b{rest}"] = rest * block * inputs * macs
        macs *= blocks * block * inputs
    work[f"{family}{layer.kernel}s{layer.map_side}"] = macs
    return work


def pooled(layer: LayerSpec) -> Work:
    """What ONNX Runtime does to pool a dense layer's maps; nothing where there is no pooling."""
    return _work(nodes=1, pooled=layer.filters * layer.positions) if layer.pool > 1 else _work()


def reordered(isa: InstructionSet, last: LayerSpec) -> Work:
    """What ONNX Runtime does to bring a dense layer's maps back to the plain layout."""
    return _work(reorder=_left(last)) if leaves_blocks(isa, last) else _work()


def _left(layer: LayerSpec) -> int:
    """Floats of a layer's maps after pooling."""
    return layer.filters * (layer.map_side // layer.pool) ** 2


def family_of(isa: InstructionSet, layer: LayerSpec) -> str:
    """How ONNX Runtime computes a dense layer: `dense` in blocks, `thin` into blocks, `odd` in the plain layout."""
    if layer.inputs < max(isa.lanes, LEAST_LANES):
        return "thin"
    return "odd" if layer.inputs % EVEN_INPUTS else "dense"


def leaves_blocks(isa: InstructionSet, layer: LayerSpec) -> bool:
    """Whether ONNX Runtime leaves the layer's maps in its layout of channel blocks."""
    return family_of(isa, layer) != "odd"


def add(total: Work, part: Work) -> None:
    """Add counts to others."""
    for kind, count in part.items():
        total[kind] += count


def rows_seen(kernel: int, side: int, begin: int, rows: int) -> int:
    """Rows of kernels that meet rows of the map, over the output rows `begin` to `begin` + `rows` - 1.

    >>> rows_seen(3, 8, 0, 8)
    22
    """
    half = kernel // 2
    return sum(min(y + half, side - 1) - max(y - half, 0) + 1 for y in range(begin, begin + rows))


def _work(**counts: float) -> Work:
    return defaultdict(float, counts)


def _knots(filters: int, most: int) -> list[tuple[int, float]]:
    """A block's place between the calibrated ones, as shares of its two neighbours."""
    knots = [knot for knot in BLOCK_KNOTS if knot <= most] or [1]
    if filters >= knots[-1]:
        return [(knots[-1], filters / knots[-1])]
    above = next(number for number, knot in enumerate(knots) if knot >= filters)
    if knots[above] == filters:
        return [(filters, 1.0)]
    low, high = knots[above - 1], knots[above]
    share = (filters - low) / (high - low)
    return [(low, 1 - share), (high, share)]
