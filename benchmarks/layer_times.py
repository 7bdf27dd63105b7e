"""How long each layer of a network takes: by native kernels, and by ONNX Runtime, each within its network.

They are timed as a calibration times its probes (`sis_agent/native`), only longer: the networks take turns, the kernels
tell the seconds of their stages, and ONNX Runtime's profiler those of its nodes.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from networks import Network
from numpy.typing import NDArray
from scipy.stats import spearmanr

from sis_agent.native import calibration, turns
from sis_agent.native.library import Library
from sis_edge.export.onnx_file import to_onnx
from sis_edge.native import blob, nodes, probes, work

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class LayerTime:
    """Seconds of a layer, a value for each turn: in ONNX Runtime without pooling, by kernels without copies."""

    network: str
    layer: str
    dense_s: Floats
    native_s: Floats

    @property
    def ratio(self) -> float:
        """Dense over native."""
        return float(np.median(self.dense_s) / np.median(self.native_s))

    def interval(self, rng: np.random.Generator) -> tuple[float, float]:
        """95% of it: bootstrap over turns, and what the profiler adds is in doubt by."""
        medians = [
            np.median(rng.choice(values, (500, len(values))), axis=1) for values in (self.dense_s, self.native_s)
        ]
        low, high = np.quantile(medians[0] / medians[1], [0.025, 0.975])
        doubt = nodes.DOUBT_S / float(np.median(self.native_s))
        return float(low) - doubt, float(high) + doubt

    def sign(self, rng: np.random.Generator) -> int:
        """1 where kernels are faster, -1 where ONNX Runtime is, 0 where that cannot be told."""
        low, high = self.interval(rng)
        return 1 if low > 1 else -1 if high < 1 else 0


def measure(networks: Sequence[Network], library: Path, threads: int, measuring_s: float) -> list[LayerTime]:
    """Time all layers of the networks for so long, one image on `threads` threads."""
    small = [probes.REST, *probes.SMALL]
    taken, operators = calibration.measure(
        Library(library),
        {network.name: blob.encode(network.arrays.layers, global_average=True) for network in networks},
        {network.name: to_onnx(network.arrays, "plain").SerializeToString() for network in networks}
        | {probe.name: probe.onnx() for probe in small},
        threads=threads,
        each_s=measuring_s / (2 * len(networks) + len(small)),
    )
    taken = turns.at_one_speed(taken)
    runs: dict[str, list[nodes.Run]] = {}
    stages: dict[str, list[list[float]]] = {}
    for (kind, name), seconds in taken:
        if kind == "native":
            stages.setdefault(name, []).append(seconds)
        else:
            runs.setdefault(name, []).append(nodes.Run(seconds[0], operators[name], seconds[1:]))
    usual = {name: _median_run(each) for name, each in runs.items()}
    rest_s = usual.pop(probes.REST.name).whole_s
    added_s = nodes.added(list(usual.values()), rest_s)
    found = []
    for network in networks:
        dense = np.array([[own for own, _ in nodes.of_layers(run, added_s)] for run in runs[network.name]])
        layers = [plan.spec for plan in network.plans]
        own = [at for at, stage in enumerate(work.stages(layers, ends_plain=False)) if isinstance(stage, int)]
        native = np.array(stages[network.name])[:, own]
        for at, layer in enumerate(layers):
            found.append(LayerTime(network.name, layer.name, np.maximum(dense[:, at], 1e-7), native[:, at]))
    return found


def agreement(one: Sequence[float], two: Sequence[float]) -> dict[str, float]:
    """How often two series of ratios are on the same side of 1, and how their orders agree (Spearman)."""
    first, second = np.array(one), np.array(two)
    return {
        "signs": float(((first > 1) == (second > 1)).mean()),
        "ranks": float(spearmanr(first, second).statistic),
    }


def _median_run(runs: Sequence[nodes.Run]) -> nodes.Run:
    whole: Any = np.median([run.whole_s for run in runs])
    each: Any = np.median([run.nodes_s for run in runs], axis=0)
    return nodes.Run(float(whole), runs[0].operators, each.tolist())
