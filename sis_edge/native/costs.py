"""What a layer costs on a board: counted work times the board's measured seconds for each kind of it.

The counts follow from the kernels' structure (`geometry`), the seconds from a calibration by non-negative least
squares of relative errors. For the native kernels the kinds are: vector multiply-adds of a convolution by kernel side
and rows at once; input steps of a 1 x 1 block by its filters; sums begun and stored; rows copied between layouts. For
ONNX Runtime's dense convolution: multiply-accumulates by kernel side, inputs and outputs touched.
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

THIN_INPUTS = 16
"""Below so many inputs ONNX Runtime's dense convolution works another way."""

EVEN_INPUTS = 8
"""With inputs that are no multiple of it, ONNX Runtime leaves its blocked layout for that layer."""


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

    `run_s` is the cost of a session's run beside its layers, `edge_s` that of a float which goes into ONNX Runtime's
    own layout of dense chains or comes out of it.
    """

    isa: InstructionSet
    native: Mapping[str, float]
    relayout: Mapping[str, float]
    dense: Mapping[str, float]
    run_s: float
    edge_s: float = 0.0

    def native_s(self, layer: LayerSpec, pairs: Pairs, block: int = 1) -> float:
        """A native layer without copies between layouts."""
        return _total(native_work(self.isa, layer, pairs, block), self.native)

    def relayout_s(self, channels: int, side: int) -> float:
        """Copying the maps of that many channels from one layout to another."""
        return _total(relayout_work(self.isa, channels, side), self.relayout)

    def dense_s(self, layer: LayerSpec) -> float:
        """The same layer as ONNX Runtime's dense convolution."""
        return _total(dense_work(self.isa, layer), self.dense)


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


def dense_work(isa: InstructionSet, layer: LayerSpec) -> Work:
    """What ONNX Runtime does for a dense layer; its blocked layout fills channels up to whole vectors."""
    is_odd = layer.inputs >= THIN_INPUTS and layer.inputs % EVEN_INPUTS > 0
    family = "odd" if is_odd else "thin" if layer.inputs < THIN_INPUTS else "dense"
    positions = layer.positions
    work = _work(inputs=layer.inputs * positions, outputs=layer.filters * positions)
    if is_odd:
        work["reorder"] = (layer.inputs + layer.filters) * positions
    block = isa.lanes if isa.lanes >= EVEN_INPUTS and not is_odd else 1
    filters = -(-layer.filters // block) * block
    inputs = layer.inputs if family == "thin" else -(-layer.inputs // block) * block
    work[f"{family}{layer.kernel}"] = filters * inputs * layer.kernel * layer.kernel * positions
    return work


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
    return CostModel(isa, _solve(native), _solve(relayout), dense, dense.pop("run"), dense.pop("edges"))


def _probe_work(isa: InstructionSet, probe: probes.DenseProbe) -> Work:
    work = _work(run=1, edges=probe.edge_floats)
    for layer in probe.layers:
        for kind, count in dense_work(isa, layer).items():
            work[kind] += count
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
