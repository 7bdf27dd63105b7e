"""What a layer costs on a board: counted work times the board's measured seconds for each kind of it.

The counts follow from the kernels' structure (`geometry`), the seconds from a calibration by non-negative least
squares of relative errors. For the native kernels the kinds are: vector multiply-adds of a convolution by kernel side
and rows at once; input steps of a 1 x 1 block by its filters; sums begun and stored; rows copied between layouts. For
ONNX Runtime's dense convolution: multiply-accumulates by kernel side, what those of left-over filters cost more,
weights loaded, floats brought from one of its layouts to the other, nodes. It computes in a layout of channel blocks; a
layer whose inputs do not fit into it is a matrix product in the plain layout, which is packed and unpacked.
"""

import hashlib
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from pydantic import BaseModel, ConfigDict

from sis_edge.errors import RecordError
from sis_edge.native import blob, geometry, probes
from sis_edge.native.blob import Pairs
from sis_edge.native.geometry import InstructionSet
from sis_edge.spec import LayerSpec

CALIBRATION_VERSION = 2

Work: TypeAlias = defaultdict[str, float]
"""Counts by kind of work."""

BLOCK_KNOTS = (1, 2, 4, 6, 8, 12)
"""Filters of a block that are calibrated; costs between are interpolated."""

LEAST_LANES = 8
"""Instruction sets of fewer lanes have no blocked layout in ONNX Runtime, or one whose padding was not measured."""

BLOCKS_AT_ONCE = 4
"""Of a layer's filters ONNX Runtime takes so many blocks at once; what is left over may cost more for each."""

EVEN_INPUTS = 4
"""With inputs that are no multiple of it, ONNX Runtime leaves its blocked layout for that layer, as optimised graphs of
release 1.32 show (1.10 stays, and its calibration says what that costs). Fewer inputs than a block's channels are read
from the plain layout."""


class Calibration(BaseModel):
    """What a board's calibration measured: seconds of each probe, of its stages where it is native.

    `library` is the key of the library of kernels that was timed (`build.key`).
    """

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    calibration_version: int = CALIBRATION_VERSION
    board: str
    cpu: str | None
    library: str
    instruction_set: str
    onnxruntime: str
    peak_flops: float
    native: dict[str, list[float]]
    dense: dict[str, list[float]]

    @property
    def digest(self) -> str:
        """Sixteen hex digits that only an equal calibration has."""
        return hashlib.sha256(self.model_dump_json().encode()).hexdigest()[:16]

    @property
    def basis(self) -> str:
        """What was measured, in a few words."""
        on = self.board if self.cpu in (None, self.board) else f"{self.board} ({self.cpu})"
        return f"calibrated on {on}: {self.instruction_set}, ONNX Runtime {self.onnxruntime}, one core"


@dataclass(frozen=True)
class CostModel:
    """Seconds of each kind of work on one core of a board.

    `run_s` is the cost of a session's run beside its layers.
    """

    isa: InstructionSet
    native: Mapping[str, float]
    relayout: Mapping[str, float]
    dense: Mapping[str, float]
    run_s: float

    def native_s(self, layer: LayerSpec, pairs: Pairs, block: int = 1) -> float:
        """A native layer without copies between layouts."""
        return _total(native_work(self.isa, layer, pairs, block), self.native)

    def relayout_s(self, channels: int, side: int) -> float:
        """Copying the maps of that many channels from one layout to another."""
        return _total(relayout_work(self.isa, channels, side), self.relayout)

    def dense_s(self, layer: LayerSpec, before: LayerSpec | None = None) -> float:
        """The layer as ONNX Runtime's dense convolution, behind another one of its or at a chain's beginning."""
        return _total(dense_work(self.isa, layer, before), self.dense)


def native_work(isa: InstructionSet, layer: LayerSpec, pairs: Pairs, block: int = 1) -> Work:
    """What the kernels do for a layer whose existing kernels are `pairs`, bool [F, I]."""
    cut = geometry.cut(isa, layer.map_side, layer.kernel)
    work: Work = defaultdict(float)
    if layer.kernel == 1:
        work["sums1"] += layer.filters * cut.vectors
        tiles = -(-cut.vectors // isa.tile)
        for group in blob.groups(pairs, block):
            for filters in geometry.blocks(group.end - group.begin, isa.most_filters):
                for knot, share in _knots(filters, isa.most_filters):
                    work[f"block{knot}"] += group.inputs.size * tiles * share
        return work
    work["sums"] += layer.filters * cut.vectors
    taps = int(pairs.sum()) * layer.kernel * layer.kernel * cut.strips
    most = 4 if cut.bands > 1 else geometry.MOST_ROWS
    kind = "banded" if cut.bands > 1 else "wide" if layer.kernel in geometry.NAMED_KERNELS else "any"
    for rows in geometry.row_tiles(cut.rows, most):
        work[f"{kind}{layer.kernel}x{rows}"] += taps * rows
    return work


def relayout_work(isa: InstructionSet, channels: int, side: int) -> Work:
    """Rows copied, and the vectors of them."""
    rows = channels * side
    return _work(rows=rows, row_vectors=rows * -(-side // isa.lanes))


def dense_work(isa: InstructionSet, layer: LayerSpec, before: LayerSpec | None = None) -> Work:
    """What ONNX Runtime does for a dense layer behind another one (None: the map comes in the plain layout)."""
    family, was_blocked = _family_of(isa, layer), before is not None and _family_of(isa, before) != "odd"
    sides = layer.kernel * layer.kernel
    work = _work(nodes=1)
    if was_blocked != (family == "dense"):
        work["reorder"] = layer.inputs * layer.positions
    if layer.pool > 1:
        work["pooled"] = layer.filters * layer.positions
    if family == "odd":
        work["odd_inputs"] = layer.inputs * sides * layer.positions
        work["odd_outputs"] = layer.filters * layer.positions
        weights = layer.synapse_count
    else:
        block = isa.lanes if isa.lanes >= LEAST_LANES else 1
        inputs = layer.inputs if family == "thin" else -(-layer.inputs // block) * block
        blocks = -(-layer.filters // block)
        weights = blocks * block * inputs * sides
        if rest := blocks % BLOCKS_AT_ONCE:
            work[f"rest{rest}"] = rest * block * inputs * sides * layer.positions
    work["weights"] = weights
    work[f"{family}{layer.kernel}"] = weights * layer.positions
    return work


def _family_of(isa: InstructionSet, layer: LayerSpec) -> str:
    """How ONNX Runtime computes a dense layer: `dense` in blocks, `thin` into blocks, `odd` in the plain layout."""
    if layer.inputs < max(isa.lanes, LEAST_LANES):
        return "thin"
    return "odd" if layer.inputs % EVEN_INPUTS else "dense"


def fit(calibration: Calibration) -> CostModel:
    """The cost model of a board; raises RecordError where the calibration misses probes of this sis-edge."""
    isa = geometry.instruction_set(calibration.instruction_set)
    missing = [probe.name for probe in probes.NATIVE if len(calibration.native.get(probe.name, ())) != 3]
    missing += [probe.name for probe in probes.DENSE if len(calibration.dense.get(probe.name, ())) != 1]
    if missing:
        raise RecordError(f"the calibration of {calibration.board} lacks {missing[0]}; calibrate the board again")
    native, relayout = [], []
    for probe in probes.NATIVE:
        before, work, after = calibration.native[probe.name]
        native.append((native_work(isa, probe.spec, probe.pairs(), probe.block), work))
        relayout.append((relayout_work(isa, probe.inputs, probe.side), before))
        relayout.append((relayout_work(isa, probe.filters, probe.side), after))
    dense = _solve([(_probe_work(isa, probe), calibration.dense[probe.name][0]) for probe in probes.DENSE])
    return CostModel(isa, _solve(native), _solve(relayout), dense, dense.pop("run"))


def _probe_work(isa: InstructionSet, probe: probes.DenseProbe) -> Work:
    work = _work(run=1)
    before: LayerSpec | None = None
    for layer in probe.layers:
        for kind, count in dense_work(isa, layer, before).items():
            work[kind] += count
        before = layer
    if before is not None and _family_of(isa, before) != "odd":
        work["reorder"] += before.filters * (before.map_side // before.pool) ** 2
    if not probe.is_whole:
        del work["weights"]  # they stay in the cache from one run to the next
    return work


def _work(**counts: float) -> Work:
    return defaultdict(float, counts)


def _solve(samples: Sequence[tuple[Work, float]]) -> dict[str, float]:
    """Non-negative seconds for each kind of work, such that relative errors are least in square."""
    from scipy.optimize import nnls

    kinds = sorted({kind for work, _ in samples for kind in work})
    counts = np.array([[work[kind] for kind in kinds] for work, _ in samples], dtype=np.float64)
    seconds = np.array([measured for _, measured in samples])
    scale = counts.max(axis=0)
    solution, _ = nnls(counts / scale / seconds[:, None], np.ones(len(seconds)))
    return {kind: float(value) for kind, value in zip(kinds, solution / scale, strict=True)}


def _total(work: Work, seconds: Mapping[str, float]) -> float:
    return sum(count * _cost(kind, seconds) for kind, count in work.items())


def _cost(kind: str, seconds: Mapping[str, float]) -> float:
    """Seconds of that kind; of the nearest calibrated one where networks hold what no probe had."""
    if kind in seconds:
        return seconds[kind]
    family = _family(kind)
    known = {other: cost for other, cost in seconds.items() if _family(other) == family}
    if not known:
        return max(seconds.values())
    nearest = min(known, key=lambda other: (_numbers_apart(kind, other), other))
    return known[nearest]


def _family(kind: str) -> str:
    """`wide` of `wide5x16`; odd numbers of inputs cost what others do where no probe says more."""
    return kind.rstrip("0123456789x").replace("odd", "dense")


def _numbers_apart(one: str, two: str) -> int:
    """How far apart the numbers in two names of a family are: `wide5x16` and `wide5x8` by 8."""
    first, second = (
        [int(part) for part in "".join(c if c.isdecimal() else " " for c in text).split()] for text in (one, two)
    )
    return sum(abs(a - b) for a, b in zip(first, second, strict=False))


def _knots(filters: int, most: int) -> list[tuple[int, float]]:
    """A block's place between the calibrated ones, as shares of its two neighbours."""
    knots = [knot for knot in BLOCK_KNOTS if knot <= most] or [1]
    if filters >= knots[-1]:
        return [(knots[-1], filters / knots[-1])]
    above = next(at for at, knot in enumerate(knots) if knot >= filters)
    if knots[above] == filters:
        return [(filters, 1.0)]
    low, high = knots[above - 1], knots[above]
    share = (filters - low) / (high - low)
    return [(low, 1 - share), (high, share)]
