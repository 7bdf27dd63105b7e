"""The time of each layer of a network: with native kernels, also in INT8, and in ONNX Runtime, each within its network.

Timed like the probes of a calibration (`sis_agent/calibration`), but longer: the networks alternate, the kernels report
the seconds of their stages, and ONNX Runtime's profiler those of its nodes.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from networks import Network
from numpy.typing import NDArray
from scipy.stats import spearmanr

from sis_agent.calibration import calibrate as calibration
from sis_agent.calibration import rounds
from sis_agent.native.library import Library
from sis_edge.exporting.onnx_file import to_onnx
from sis_edge.native import blob, nodes, probes, work
from sis_edge.native.int8 import Int8Chain, Int8Layer
from sis_edge.native.int8 import work as int8_work
from sis_edge.native.int8.blob import encode
from sis_edge.native.int8.chain import MOST_WEIGHT
from sis_edge.native.nodes import Nodes

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class LayerTime:
    """Seconds of a layer in each round: in ONNX Runtime without pooling, with kernels without copies.

    `int8_s` are those of the INT8 kernels with what brings the maps, in rounds of their own.
    """

    network: str
    layer: str
    dense_s: Floats
    native_s: Floats
    int8_s: Floats

    @property
    def in_int8(self) -> "LayerTime":
        """The same with the INT8 kernels for the others."""
        return replace(self, native_s=self.int8_s)

    @property
    def ratio(self) -> float:
        """Dense over native."""
        return float(np.median(self.dense_s / self.native_s))

    def interval(self, rng: np.random.Generator) -> tuple[float, float]:
        """The ratio's 95% interval: bootstrap over rounds, and the uncertainty of the profiler's own time."""
        ratios = self.dense_s / self.native_s
        medians = np.median(rng.choice(ratios, (1000, len(ratios))), axis=1)
        low, high = np.quantile(medians, [0.025, 0.975])
        uncertainty = nodes.DOUBT_S / float(np.median(self.native_s))
        return float(low) - uncertainty, float(high) + uncertainty

    def sign(self, rng: np.random.Generator) -> int:
        """1 where kernels are faster, -1 where ONNX Runtime is, 0 where the difference is not significant."""
        low, high = self.interval(rng)
        return 1 if low > 1 else -1 if high < 1 else 0


def measure(networks: Sequence[Network], library: Path, threads: int, measuring_s: float) -> list[LayerTime]:
    """Time all layers of the networks for `measuring_s` seconds, one image on `threads` threads."""
    measured = calibration.measure(
        Library(library),
        calibration.Probes(
            {network.name: blob.encode(network.arrays.layers, global_average=True) for network in networks},
            {network.name: to_onnx(network.arrays, "plain").SerializeToString() for network in networks}
            | {probe.name: probe.onnx() for probe in probes.SMALL},
            {probe.name: probe.onnx() for probe in (probes.REST, *probes.SMALL)},
            {f"{network.name} int8": encode(int8_chain(network)) for network in networks},
        ),
        threads=threads,
        each_s=measuring_s / (2 * len(networks) + 1 + len(probes.SMALL)),
    )
    taken = rounds.at_full_speed(measured.turns)
    usual = {name: measured.parts(name, rounds.medians(each)) for name, each in taken.items()}
    small = [
        (Nodes(measured.operators[probe.name], usual[probe.name][2]), usual[probe.name][0][0]) for probe in probes.SMALL
    ]
    added_s = nodes.added(small, usual[probes.REST.name][0][0])
    times = []
    for network in networks:
        parts = [measured.parts(network.name, seconds) for seconds in taken[network.name]]
        operators = measured.operators[network.name]
        dense = np.array([[own for own, _ in nodes.of_layers(Nodes(operators, part[2]), added_s)] for part in parts])
        layers = [plan.spec for plan in network.plans]
        own = [index for index, stage in enumerate(work.stages(layers, ends_plain=False)) if isinstance(stage, int)]
        native = np.array([part[1] for part in parts])[:, own]
        in_int8 = np.array([int8_work.by_layer(layers, stages) for stages in taken[f"{network.name} int8"]])
        for index, layer in enumerate(layers):
            dense_s = np.maximum(dense[:, index], 1e-7)
            times.append(LayerTime(network.name, layer.name, dense_s, native[:, index], in_int8[:, index]))
    return times


def int8_chain(network: Network) -> Int8Chain:
    """The network in INT8; how long it takes depends on no value, so its steps are not calibrated."""
    layers = []
    for layer in network.arrays.layers:
        weight = np.rint(layer.weight * (MOST_WEIGHT / np.abs(layer.weight).max())).astype(np.int8)
        multiplier = np.full(len(weight), 1e-3, np.float32)
        bias = np.zeros(len(weight), np.int32)
        layers.append(Int8Layer(weight, bias, multiplier, not layer.spec.is_class_layer, pool=layer.spec.pool))
    side = network.plans[0].spec.map_side
    return Int8Chain(tuple(layers), side, side, np.float32(32), 64, global_average=True)


def agreement(one: Sequence[float], two: Sequence[float]) -> dict[str, float]:
    """How often two series of ratios are on the same side of 1, and how their orders agree (Spearman)."""
    first, second = np.array(one), np.array(two)
    return {
        "signs": float(((first > 1) == (second > 1)).mean()),
        "ranks": float(spearmanr(first, second).statistic),
    }
