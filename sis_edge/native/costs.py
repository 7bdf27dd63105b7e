"""What a layer costs on a board: counted work (`work`) times the board's measured seconds for each kind of it.

The seconds come from a calibration, by non-negative least squares of relative errors. The error of the fit shows how
far predictions can be trusted.
"""

import hashlib
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, TypeAlias

from pydantic import BaseModel, ConfigDict, Field

from sis_edge.errors import RecordError
from sis_edge.native import fitting, geometry, nodes, probes, winograd, work
from sis_edge.native.blob import Pairs
from sis_edge.native.fitting import Samples
from sis_edge.native.geometry import InstructionSet
from sis_edge.native.int8 import geometry as int8_geometry
from sis_edge.native.int8 import probes as int8_probes
from sis_edge.native.int8 import work as int8_work
from sis_edge.native.int8.costs import Int8Costs
from sis_edge.native.int8.work import Part
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

NO_INT8 = "the calibration is of before the INT8 kernels were timed; repeat `sis-edge calibrate --again`"
"""Why INT8 costs are unknown."""

MOST_FLOPS = 1e15
"""Of one core; what reports more did not measure it."""

Seconds: TypeAlias = Annotated[float, Field(ge=0, le=1e4)]
"""Of one run of a probe, some milliseconds."""


class Calibration(BaseModel):
    """What a board's calibration measured: seconds of each probe.

    Of `native` and `int8` ones those of each stage; of ONNX Runtime's `dense` ones those of each node under its
    profiler, whose operators are in `operators`, of `plain` ones those of a run.

    `library` is the key of the library of kernels that was timed (`build.key`), `other_cores` how many cores other
    programs kept busy meanwhile (None: unknown). `fit_error` is the cost model's error, root mean square of relative
    errors: by what computed. Calibrations of before the kernels in INT8 have no `int8` and no `int8_instruction_set`.
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
    int8: dict[str, list[Seconds]] = {}
    int8_instruction_set: str | None = None
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

    `run_s` is the cost of a session's run without its layers; `fit_error` is as in `Calibration`. `int8` is None where
    the kernels in INT8 were not timed (NO_INT8).
    """

    isa: InstructionSet
    native: Mapping[str, float]
    copies: Mapping[str, float]
    dense: Mapping[str, float]
    run_s: float
    fit_error: Mapping[str, float]
    int8: Int8Costs | None = None

    def native_s(self, layer: LayerSpec, pairs: Pairs, block: int = 1) -> float:
        """A native layer without copies between layouts."""
        return fitting.total(work.native(self.isa, layer, pairs, block), self.native)

    def winograd_s(self, layer: LayerSpec, pairs: Pairs) -> float:
        """The same by Winograd's algorithm, with the transforms; infinite where it knows no such kernels."""
        if layer.kernel not in winograd.KERNELS:
            return math.inf
        counts = work.by_winograd(self.isa, layer, pairs)
        work.add(counts, work.transformed(self.isa, Transform(layer)))
        return fitting.total(counts, self.native)

    def int8_s(self, parts: Sequence[Part]) -> float | None:
        """One inference of a whole network by the INT8 kernels, in a session; None where they were not timed."""
        return None if self.int8 is None else self.run_s + self.int8.chain_s(parts)

    def copy_s(self, copy: Copy) -> float:
        """Copying maps from one layout to another, with pooling on the way."""
        return fitting.total(work.copied(self.isa, copy), self.copies)

    def dense_s(self, layer: LayerSpec, before: LayerSpec | None = None) -> float:
        """The layer as ONNX Runtime's dense convolution without pooling.

        It follows another one of ONNX Runtime's, or its maps come in the plain layout.
        """
        return fitting.total(work.dense(self.isa, layer, before), self.dense)

    def pool_s(self, layer: LayerSpec) -> float:
        """ONNX Runtime's pooling behind a dense layer."""
        return fitting.total(work.pooled(layer), self.dense)

    def reorder_s(self, last: LayerSpec) -> float:
        """ONNX Runtime's change to the plain layout behind a dense layer."""
        return fitting.total(work.reordered(self.isa, last), self.dense)


def fit(calibration: Calibration) -> CostModel:
    """The cost model of a board; raises RecordError where the calibration misses probes of this sis-edge."""
    isa = geometry.instruction_set(calibration.instruction_set)
    native, copies = _native_samples(isa, calibration)
    dense, run_s = _dense_samples(isa, calibration)
    native_costs, copy_costs = fitting.solve(native, DOUBT_S), fitting.solve(copies, DOUBT_S)
    dense_costs = fitting.solve(dense, nodes.DOUBT_S)
    errors = {
        "the sparse kernels": fitting.error(native, native_costs, DOUBT_S),
        "ONNX Runtime": fitting.error(dense, dense_costs, nodes.DOUBT_S),
    }
    int8 = _int8_costs(calibration, errors)
    return CostModel(isa, native_costs, copy_costs, dense_costs, run_s, errors, int8)


def _int8_costs(calibration: Calibration, errors: dict[str, float]) -> Int8Costs | None:
    """The costs of the INT8 kernels, their fit's error added to the others'; None where they were not timed."""
    if calibration.int8_instruction_set is None:
        return None
    isa = int8_geometry.instruction_set(calibration.int8_instruction_set)
    samples: Samples = []
    for probe in int8_probes.INT8:
        measured_s, stages = calibration.int8.get(probe.name, []), probe.stages
        if len(measured_s) != len(stages):
            raise _lacking(calibration, probe.name)
        parts = probe.parts
        samples += [
            (int8_work.of_stage(isa, stage, parts), seconds) for stage, seconds in zip(stages, measured_s, strict=True)
        ]
    costs = fitting.solve(samples, DOUBT_S)
    errors["the INT8 kernels"] = fitting.error(samples, costs, DOUBT_S)
    return Int8Costs(isa, costs)


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
