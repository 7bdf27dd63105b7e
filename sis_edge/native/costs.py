"""What a layer costs on a board: counted work (`work`) times the board's measured seconds for each kind of it.

The seconds come from a calibration, by non-negative least squares of relative errors. The error of the fit shows how
far predictions can be trusted.
"""

import hashlib
import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, TypeAlias

import numpy as np
from pydantic import BaseModel, ConfigDict, Field

from sis_edge.errors import RecordError
from sis_edge.native import geometry, nodes, probes, winograd, work
from sis_edge.native.blob import Pairs
from sis_edge.native.geometry import InstructionSet
from sis_edge.native.work import Copy, Transform, Work
from sis_edge.spec import LayerSpec
from sis_edge.text.limits import with_limit

CALIBRATION_VERSION = 3

DOUBT_S = 0.5e-6
"""How well the time of a stage of the kernels is known, with caches and clocks as they are."""

OTHER_CORES = 0.25
"""Cores that other programs may use before a calibration is doubtful: as in the verdicts on runs."""

LARGE_ERROR = 0.15
"""Cost-model error (root mean square of relative errors) above which a calibration is doubtful."""


MOST_FLOPS = 1e15
"""Of one core; what reports more did not measure it."""

Seconds: TypeAlias = Annotated[float, Field(ge=0, le=1e4)]
"""Of one run of a probe, some milliseconds."""


class Calibration(BaseModel):
    """What a board's calibration measured: seconds of each probe.

    Of native ones those of each stage; of ONNX Runtime's `dense` ones those of each node under its profiler, whose
    operators are in `operators`, of `plain` ones those of a run.

    `library` is the key of the library of kernels that was timed (`build.key`), `other_cores` how many cores other
    programs kept busy meanwhile (None: unknown). `fit_error` is the cost model's error, root mean square of relative
    errors: for the kernels and for ONNX Runtime.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    calibration_version: int = CALIBRATION_VERSION
    board: str
    cpu: str | None
    library: str
    instruction_set: str
    onnxruntime: str
    threads: int = Field(default=1, ge=1)
    peak_flops: float = Field(gt=0, le=MOST_FLOPS)
    native: dict[str, list[Seconds]]
    dense: dict[str, list[Seconds]]
    plain: dict[str, Seconds]
    operators: dict[str, list[str]]
    other_cores: float | None = Field(default=None, ge=0)
    fit_error: dict[str, float] = {}

    @property
    def digest(self) -> str:
        """Sixteen hex digits that only an equal calibration has."""
        return hashlib.sha256(self.model_dump_json().encode()).hexdigest()[:16]

    @property
    def basis(self) -> str:
        """What was measured, in a few words."""
        on = self.board if self.cpu in (None, self.board) else f"{self.board} ({self.cpu})"
        return (
            f"calibrated on {on}: {self.instruction_set}, ONNX Runtime {self.onnxruntime}, {on_threads(self.threads)}"
        )

    @property
    def doubt(self) -> str | None:
        """Why its predictions are doubtful; None where they are not."""
        reasons = [
            "cost-model error for {} is {} (limit {})".format(way, *with_limit(error, LARGE_ERROR, ".1%"))
            for way, error in self.fit_error.items()
            if error > LARGE_ERROR
        ]
        if self.other_cores is not None and self.other_cores > OTHER_CORES:
            cores, limit = with_limit(self.other_cores, OTHER_CORES, ".2f")
            reasons.append(f"other programs kept {cores} cores busy (limit {limit})")
        if not reasons:
            return None
        return (
            f"the calibration of {self.board} is doubtful: {', '.join(reasons)}; "
            "repeat `sis-edge calibrate --again` (with its --host or --profile) on an idle board"
        )


def on_threads(threads: int) -> str:
    """`one core` or `4 threads`."""
    return "one core" if threads == 1 else f"{threads} threads"


@dataclass(frozen=True)
class CostModel:
    """Seconds of each kind of work on a board, with as many threads as were calibrated.

    `run_s` is the cost of a session's run without its layers; `fit_error` is as in `Calibration`.
    """

    isa: InstructionSet
    native: Mapping[str, float]
    copies: Mapping[str, float]
    dense: Mapping[str, float]
    run_s: float
    fit_error: Mapping[str, float]

    def native_s(self, layer: LayerSpec, pairs: Pairs, block: int = 1) -> float:
        """A native layer without copies between layouts."""
        return _total(work.native(self.isa, layer, pairs, block), self.native)

    def winograd_s(self, layer: LayerSpec, pairs: Pairs) -> float:
        """The same by Winograd's algorithm, with the transforms; infinite where it knows no such kernels."""
        if layer.kernel not in winograd.KERNELS:
            return math.inf
        counts = work.by_winograd(self.isa, layer, pairs)
        work.add(counts, work.transformed(self.isa, Transform(layer)))
        return _total(counts, self.native)

    def copy_s(self, copy: Copy) -> float:
        """Copying maps from one layout to another, with pooling on the way."""
        return _total(work.copied(self.isa, copy), self.copies)

    def dense_s(self, layer: LayerSpec, before: LayerSpec | None = None) -> float:
        """The layer as ONNX Runtime's dense convolution without pooling.

        It follows another one of ONNX Runtime's, or its maps come in the plain layout.
        """
        return _total(work.dense(self.isa, layer, before), self.dense)

    def pool_s(self, layer: LayerSpec) -> float:
        """ONNX Runtime's pooling behind a dense layer."""
        return _total(work.pooled(layer), self.dense)

    def reorder_s(self, last: LayerSpec) -> float:
        """ONNX Runtime's change to the plain layout behind a dense layer."""
        return _total(work.reordered(self.isa, last), self.dense)


def fit(calibration: Calibration) -> CostModel:
    """The cost model of a board; raises RecordError where the calibration misses probes of this sis-edge."""
    isa = geometry.instruction_set(calibration.instruction_set)
    native, copies = _native_samples(isa, calibration)
    dense, run_s = _dense_samples(isa, calibration)
    native_costs, copy_costs = _solve(native, DOUBT_S), _solve(copies, DOUBT_S)
    dense_costs = _solve(dense, nodes.DOUBT_S)
    errors = {
        "the sparse kernels": _error(native, native_costs, DOUBT_S),
        "ONNX Runtime": _error(dense, dense_costs, nodes.DOUBT_S),
    }
    return CostModel(isa, native_costs, copy_costs, dense_costs, run_s, errors)


Samples: TypeAlias = list[tuple[Work, float]]
"""Counted work, and the seconds that it took."""


def _native_samples(isa: InstructionSet, calibration: Calibration) -> tuple[Samples, Samples]:
    """Layers and copies of the native probes."""
    layers: Samples = []
    copies: Samples = []
    for probe in probes.NATIVE:
        measured_s = calibration.native.get(probe.name, [])
        if len(measured_s) != probe.stage_count:
            raise _lacking(calibration, probe.name)
        for stage, seconds in zip(probe.stages, measured_s, strict=False):
            if isinstance(stage, Copy):
                copies.append((work.copied(isa, stage), seconds))
            elif isinstance(stage, Transform):
                layers.append((work.transformed(isa, stage), seconds))
            else:
                layers.append((_part_work(isa, probe.parts[stage]), seconds))
    return layers, copies


def _part_work(isa: InstructionSet, part: probes.LayerPart) -> Work:
    if part.winograd:
        return work.by_winograd(isa, part.spec, part.pairs)
    return work.native(isa, part.spec, part.pairs, part.block)


def _dense_samples(isa: InstructionSet, calibration: Calibration) -> tuple[Samples, float]:
    """Layers and poolings of ONNX Runtime's probes, and the seconds of a run without them."""
    lacking = [probe.name for probe in probes.PLAIN if probe.name not in calibration.plain]
    if lacking:
        raise _lacking(calibration, lacking[0])
    rest_s = calibration.plain[probes.REST.name]
    small = [(_nodes(calibration, probe.name), calibration.plain[probe.name]) for probe in probes.SMALL]
    added_s = nodes.added(small, rest_s)
    samples: Samples = []
    for probe in probes.DENSE:
        times = nodes.of_layers(_nodes(calibration, probe.name), added_s)
        if len(times) != len(probe.layers):
            raise _lacking(calibration, probe.name)
        before: LayerSpec | None = None
        for layer, (layer_s, pool_s) in zip(probe.layers, times, strict=True):
            samples.append((work.dense(isa, layer, before), max(layer_s, 0.0)))
            if layer.pool > 1:
                samples.append((work.pooled(layer), max(pool_s, 0.0)))
            before = layer
    return samples, rest_s


def _nodes(calibration: Calibration, name: str) -> nodes.Nodes:
    seconds, operators = calibration.dense.get(name, []), calibration.operators.get(name, [])
    found = nodes.Nodes(operators, seconds)
    if len(seconds) != len(operators) or not found.kept:
        raise _lacking(calibration, name)
    return found


def _lacking(calibration: Calibration, name: str) -> RecordError:
    return RecordError(f"the calibration of {calibration.board} lacks {name}; calibrate the board again")


def _solve(samples: Samples, doubt_s: float) -> dict[str, float]:
    """Non-negative seconds for each kind of work, such that relative errors are least in square.

    Samples that are in doubt by as much as they take weigh less.
    """
    from scipy.optimize import nnls

    kinds = sorted({kind for counts, _ in samples for kind in counts})
    table = np.array([[counts[kind] for kind in kinds] for counts, _ in samples], dtype=np.float64)
    seconds = np.array([measured for _, measured in samples])
    scale, weights = table.max(axis=0), 1 / (seconds + doubt_s)
    solution, _ = nnls(table / scale * weights[:, None], seconds * weights)
    return {kind: float(value) for kind, value in zip(kinds, solution / scale, strict=True)}


def _error(samples: Samples, costs: Mapping[str, float], doubt_s: float) -> float:
    """Root mean square of the relative errors of the fitted costs."""
    errors = [(_total(counts, costs) - seconds) / (seconds + doubt_s) for counts, seconds in samples]
    return float(np.sqrt(np.mean(np.square(errors))))


def _total(counts: Work, seconds: Mapping[str, float]) -> float:
    return sum(count * _cost(kind, seconds) for kind, count in counts.items())


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
    """`wide` of `wide5x16s32`; odd numbers of inputs cost what others do where no probe says more."""
    return re.split(r"\d", kind, maxsplit=1)[0].replace("odd", "dense")


def _numbers_apart(one: str, two: str) -> int:
    """How far apart the numbers in two names of a family are: `wide5x16s32` and `wide5x8s32` by 8."""
    first, second = ([int(part) for part in re.findall(r"\d+", text)] for text in (one, two))
    return sum(abs(a - b) for a, b in zip(first, second, strict=False))
