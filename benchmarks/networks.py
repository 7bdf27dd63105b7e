"""The networks of the benchmarks, as plain arrays with random weights, their sessions, and text tables."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import onnx
import onnxruntime

from sis_edge.exporting.compact import CompactLayer, CompactNetwork
from sis_edge.formation import PRESETS, form
from sis_edge.formation.compaction import LayerPlan, compact
from sis_edge.native.choice import pairs_of
from sis_edge.spec import nin

TARGETS = {  # target speed-ups: block, kernel
    "cifar10-sis1": (1.8, 1.3),
    "cifar10-sis2": (2.7, 1.9),
    "cifar10-sis3": (3.3, 3.3),
    "svhn-sis3": (7.0, 4.0),
}


@dataclass(frozen=True)
class Network:
    """A preset formed in one granularity, as plain arrays."""

    preset: str
    granularity: str
    mac_ratio: float
    plans: tuple[LayerPlan, ...]
    arrays: CompactNetwork

    @property
    def name(self) -> str:
        """Preset and granularity."""
        return f"{self.preset} {self.granularity}"


def network(preset: str, granularity: str, seed: int = 0) -> Network:
    formation = replace(PRESETS[preset].formation(seed), conv=granularity)
    graph = form(nin(), formation)
    plans = compact(graph)
    rng = np.random.default_rng(seed)
    layers = []
    for plan in plans:
        pairs = pairs_of(plan)
        weight = rng.standard_normal(plan.spec.weight_shape) * pairs[:, :, None, None]
        weight /= np.sqrt(max(1.0, pairs.mean() * plan.spec.inputs * plan.spec.kernel**2) / 2)
        layers.append(CompactLayer(plan.spec, weight.astype(np.float32), np.full(plan.spec.filters, 0.1, np.float32)))
    return Network(preset, granularity, graph.mac_ratio, plans, CompactNetwork(tuple(layers)))


def all_networks() -> list[Network]:
    """Each preset that has a target, in both granularities."""
    return [network(preset, conv) for preset in TARGETS for conv in ("block", "kernel")]


def session(
    model: onnx.ModelProto, threads: int, library: Path | None = None, profile: Path | None = None
) -> onnxruntime.InferenceSession:
    """A session like the agent's; with a `profile`, its events go to a file whose name starts so."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads, options.inter_op_num_threads = threads, 1
    if threads > 1:  # else its threads keep spinning after a run, on the cores of the next session
        options.add_session_config_entry("session.force_spinning_stop", "1")
    options.log_severity_level = 3
    if library is not None:
        options.register_custom_ops_library(str(library))
    if profile is not None:
        options.enable_profiling, options.profile_file_prefix = True, str(profile)
    return onnxruntime.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])


def table(rows: Sequence[Sequence[str]], head: Sequence[str]) -> None:
    widths = [max(len(row[column]) for row in [head, *rows]) for column in range(len(head))]
    for row in [head, ["-" * width for width in widths], *rows]:
        print("| " + " | ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)) + " |")
    print()
