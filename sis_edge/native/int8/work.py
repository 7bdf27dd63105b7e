"""What the INT8 kernels do for a layer, counted by kinds of work whose seconds a calibration finds.

The counts follow from `../c/int8_kernels.h` and `../c/int8_spread.h`. A sum of four products in each lane of a vector
is the unit of convolutions: by kernel, rows at once and map, without the rows in the frame of zeros where the kernels
leave them out. Single ones (the last column and the corner of 5 x 5) load a vector each. 1 x 1 layers are counted by
blocks of four filters and four inputs, of which any weight exists. Further: results stored, calls, kernels that jump to
maps which the nearest cache has not; vectors quantised, and spread to planes behind each pooling; sums finished;
stages.
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np

from sis_edge.native.blob import Pairs
from sis_edge.native.int8 import geometry
from sis_edge.native.int8.geometry import QUAD, Int8InstructionSet
from sis_edge.native.work import NEAR_BYTES, Work, rows_seen
from sis_edge.spec import LayerSpec

Part: TypeAlias = tuple[LayerSpec, Pairs]
"""A layer and which of its kernels exist, bool [F, I]."""


@dataclass(frozen=True)
class Quantise:
    """Images rounded to values."""

    layer: LayerSpec


@dataclass(frozen=True)
class Spread:
    """Values brought to a layer, max pooled by `pool` on the way."""

    layer: LayerSpec
    pool: int


@dataclass(frozen=True)
class Finish:
    """Sums of the last layer as real numbers."""

    layer: LayerSpec


Int8Stage: TypeAlias = Quantise | Spread | Finish | int
"""A stage of a chain: an int is the number of a layer."""


def stages(layers: Sequence[LayerSpec]) -> list[Int8Stage]:
    """The stages of a chain as `../c/int8_plan.c` lays them."""
    laid: list[Int8Stage] = [Quantise(layers[0])]
    pool = 1
    for number, layer in enumerate(layers):
        if layer.kernel > 1 or pool > 1:
            laid.append(Spread(layer, pool))
        laid.append(number)
        pool = layer.pool
    return [*laid, Finish(layers[-1])]


def by_layer(layers: Sequence[LayerSpec], values: Iterable[float]) -> list[float]:
    """Values of the stages, summed by layer: what brings maps to it is a layer's own, the end is the last one's."""
    sums, at = [0.0] * len(layers), 0
    for stage, value in zip(stages(layers), values, strict=True):
        sums[min(at, len(layers) - 1)] += value
        at += isinstance(stage, int)
    return sums


def of_stage(isa: Int8InstructionSet, stage: Int8Stage, parts: Sequence[Part]) -> Work:
    """The work of a stage of the chain of these layers."""
    match stage:
        case Quantise(layer):
            return _work(quantised=layer.inputs * layer.map_side * -(-layer.map_side // isa.lanes))
        case Spread(layer, pool):
            return _spread(isa, layer, pool)
        case Finish(layer):
            return _work(**{f"finished{layer.pool}": layer.filters * layer.positions})
        case number:
            layer, pairs = parts[number]
            if layer.kernel == 1:
                return _pointwise(isa, layer, pairs)
            return _convolution(isa, layer, pairs, has_frame=number == 0)


def _spread(isa: Int8InstructionSet, layer: LayerSpec, pool: int) -> Work:
    cut = geometry.cut(isa, layer.map_side)
    vectors = geometry.quads(layer.inputs) * (cut.rows + layer.kernel - 1) * cut.strips
    return _work(**{f"spread{layer.kernel}p{pool}s{layer.map_side}": vectors})


def _pointwise(isa: Int8InstructionSet, layer: LayerSpec, pairs: Pairs) -> Work:
    vectors = geometry.tiles(isa, layer.map_side) * isa.tile
    existing = int(_by_fours(_by_fours(pairs).T).sum())
    share = existing / (geometry.quads(layer.filters) * geometry.quads(layer.inputs))
    return _work(
        **{
            f"points{layer.map_side}": existing * QUAD * vectors,
            f"stored1s{layer.map_side}": geometry.quads(layer.filters) * QUAD * vectors,
            "jumps1": existing * vectors * (1 - share),
        }
    )


def _convolution(isa: Int8InstructionSet, layer: LayerSpec, pairs: Pairs, has_frame: bool) -> Work:
    """`has_frame`: the frame around the maps is not of zeros, for the image's zero point is another."""
    kernel, side = layer.kernel, layer.map_side
    cut, existing = geometry.cut(isa, side), int(pairs.sum())
    work = _work(**{f"stored{kernel}s{side}": layer.filters * cut.vectors})
    planes = 1 if kernel in geometry.SPECIAL_KERNELS else geometry.quads(kernel)
    begin = 0
    for rows in geometry.row_tiles(isa, kernel, cut.rows):
        leaves_out = rows == isa.most_rows and kernel in geometry.SPECIAL_KERNELS and not has_frame and cut.bands == 1
        seen = rows_seen(kernel, cut.rows, begin, rows) if leaves_out else rows * kernel
        work[f"quads{kernel}x{rows}s{side}"] += existing * planes * cut.strips * seen
        work["calls"] += layer.filters * cut.strips
        begin += rows
    if kernel == 5:
        work[f"singles{side}"] = (existing + int(_by_fours(pairs).sum())) * cut.vectors
    maps_bytes = 4 * layer.inputs * isa.lanes * cut.strips * (cut.rows + kernel - 1)
    far = max(0.0, 1 - NEAR_BYTES / maps_bytes) * (1 - existing / pairs.size)
    work[f"jumps{kernel}"] = far * existing * cut.vectors
    return work


def _by_fours(pairs: Pairs) -> Pairs:
    """Whether any of four neighbouring inputs exists, bool [F, quads of I]."""
    missing = -pairs.shape[1] % QUAD
    whole = np.pad(pairs, ((0, 0), (0, missing)))
    return np.asarray(whole.reshape(len(pairs), -1, QUAD).any(axis=2))


def _work(**counts: float) -> Work:
    return defaultdict(float, {"stages": 1.0, **counts})
