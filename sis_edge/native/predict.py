"""Will sparsity pay on this board? Answered from its calibration, before anything is trained."""

import json
import platform
from dataclasses import dataclass
from pathlib import Path

from platformdirs import user_cache_path
from pydantic import ValidationError

from sis_agent.native import calibration
from sis_agent.native.library import Library
from sis_edge.disk import writing
from sis_edge.errors import RecordError
from sis_edge.formation import SynapticGraph, form
from sis_edge.formation.compaction import compact
from sis_edge.formation.formation import Formation
from sis_edge.native import build, probes
from sis_edge.native.choice import NetworkCost, choose, dense_seconds
from sis_edge.native.costs import CALIBRATION_VERSION, Calibration, CostModel, fit


@dataclass(frozen=True)
class Prediction:
    """Seconds of one inference on one core: the dense network, this one in ONNX Runtime alone, and as chosen."""

    dense_s: float
    compact_s: float
    chosen: NetworkCost
    mac_ratio: float

    @property
    def speed_up(self) -> float:
        """The dense network's seconds over those of the chosen way."""
        return self.dense_s / self.chosen.seconds

    @property
    def compact_speed_up(self) -> float:
        """The same where ONNX Runtime computes all layers of the compact network."""
        return self.dense_s / self.compact_s

    @property
    def pays(self) -> bool:
        """Whether the sparse network is faster than the dense one."""
        return self.speed_up > 1


def predict(model: CostModel, graph: SynapticGraph) -> Prediction:
    """What the graph's network should cost on the board of the model, against the dense network of its spec."""
    plans = compact(graph)
    dense = compact(form(graph.spec, Formation()))
    return Prediction(dense_seconds(model, dense), dense_seconds(model, plans), choose(model, plans), graph.mac_ratio)


def calibrate_here(cpu: str | None, cache: Path | None = None, again: bool = False) -> Calibration:
    """This machine's calibration, from the cache or measured now (some ten seconds on an idle machine).

    It is kept by processor, library and ONNX Runtime: another of them is measured again. Raises UsageError without a
    compiler for the library, DiskError where the cache cannot be written.
    """
    import onnxruntime

    path = build.library(platform.machine(), cache)
    library = Library(path)
    name = f"{path.parent.name}-ort{onnxruntime.__version__}-{_words(cpu)}.json"
    target = (cache or user_cache_path("sis-edge") / "native") / "calibrations" / name
    if target.exists() and not again:
        try:
            return read_calibration(target)
        except RecordError:
            pass  # of another version or damaged: measured again
    instruction_set = library.instruction_sets()[0]
    measured = Calibration(
        board=platform.node() or "this machine",
        cpu=cpu,
        instruction_set=instruction_set,
        onnxruntime=onnxruntime.__version__,
        peak_flops=library.peak_flops(instruction_set),
        native=calibration.time_native(library, {probe.name: probe.blob() for probe in probes.NATIVE}),
        dense=calibration.time_dense({probe.name: probe.onnx() for probe in probes.DENSE}),
    )
    with writing(target.parent):
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(measured.model_dump_json(indent=1))
    return measured


def read_calibration(path: Path) -> Calibration:
    """A stored calibration; raises RecordError where it is none or of another version."""
    try:
        data = json.loads(path.read_text())
        if data.get("calibration_version") != CALIBRATION_VERSION:
            raise RecordError(f"{path} has another version than {CALIBRATION_VERSION}; calibrate the board again")
        found = Calibration.model_validate(data)
        fit(found)
    except (OSError, ValueError, AttributeError, ValidationError) as error:
        raise RecordError(f"{path} is no readable calibration ({error}); calibrate the board again") from None
    return found


def _words(text: str | None) -> str:
    """A processor's name as part of a file's."""
    return "".join(c if c.isalnum() else "-" for c in text or "unknown").strip("-")[:60]
