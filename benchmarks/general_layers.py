"""Measure what SiS gains in networks with strides, depthwise layers and additions, over the dense network.

    python benchmarks/general_layers.py

resnet20 (3 x 32 x 32) and mobilenet-small (3 x 96 x 96), random weights, one thread, one image. In each round the dense
network in stock ONNX Runtime, the SiS network in stock ONNX Runtime and the same with native kernels run in random
order; a ratio is of the medians of a round in CPU time of the thread. All outputs of a SiS network are compared. `form`
is what the choice by structure takes: a network that it leaves to ONNX Runtime is measured with native kernels all the
same, so that the table shows whether the choice is right. Nothing else is asserted.
"""

import platform
import time
from typing import Any

import numpy as np
import onnxruntime
from networks import session, table

from sis_agent.native.library import Library
from sis_edge.exporting.compact import CompactLayer, CompactNetwork
from sis_edge.exporting.onnx_file import to_onnx
from sis_edge.exporting.sparse_onnx import to_sparse_onnx
from sis_edge.formation import Formation, form
from sis_edge.formation.compaction import LayerPlan, compact
from sis_edge.native import branched, build
from sis_edge.networks.architectures import mobilenet_small, resnet20

ROUNDS, ROUND_S = 60, 0.01
KERNELS, BLOCKS = {"conv": "kernel", "micro": "kernel"}, {"conv": "block", "micro": "block"}
CASES: list[tuple[Any, str, dict[str, Any]]] = [
    (resnet20(), "25% kernels", {"t_c": 0.25, "t_p": 0.25, **KERNELS}),
    (resnet20(), "25% blocks", {"t_c": 0.25, "t_p": 0.25, **BLOCKS}),
    (resnet20(), "50% kernels", {"t_c": 0.5, "t_p": 0.5, **KERNELS}),
    (resnet20(), "75% kernels", {"t_c": 0.75, "t_p": 0.75, **KERNELS}),
    (resnet20(), "dense", {}),
    (mobilenet_small(), "25% kernels", {"t_c": 0.25, "t_p": 0.25, **KERNELS}),
    (mobilenet_small(), "25% kernels of 1 x 1", {"t_c": 1, "t_p": 0.25, **KERNELS}),
    (mobilenet_small(), "25% blocks of 1 x 1", {"t_c": 1, "t_p": 0.25, **BLOCKS}),
    (mobilenet_small(), "50% kernels", {"t_c": 0.5, "t_p": 0.5, **KERNELS}),
    (mobilenet_small(), "dense", {}),
]


def arrays(plans: tuple[LayerPlan, ...], seed: int = 0) -> CompactNetwork:
    """Random weights where synapses exist, such that maps stay near one."""
    rng = np.random.default_rng(seed)
    layers = []
    for plan in plans:
        weight = rng.standard_normal(plan.spec.weight_shape) * (1 if plan.mask is None else plan.mask)
        weight /= np.sqrt(max(1.0, np.count_nonzero(weight) / len(weight)) / 2)
        layers.append(CompactLayer(plan.spec, weight.astype(np.float32), np.full(plan.spec.filters, 0.1, np.float32)))
    return CompactNetwork(tuple(layers))


def measure(sessions: dict[str, onnxruntime.InferenceSession], feed: dict[str, Any]) -> dict[str, Any]:
    """The median CPU time [s] of each session in each round."""
    rng = np.random.default_rng(0)
    found: dict[str, list[float]] = {name: [] for name in sessions}
    for number in range(-3, ROUNDS):
        for name in rng.permutation(sorted(sessions)):
            samples: list[float] = []
            end = time.perf_counter() + ROUND_S
            while len(samples) < 3 or time.perf_counter() < end:
                start = time.thread_time()
                sessions[name].run(None, feed)
                samples.append(time.thread_time() - start)
            if number >= 0:
                found[name].append(float(np.median(samples)))
    return {name: np.array(times) for name, times in found.items()}


def main() -> None:
    """Print the table."""
    library = build.library(platform.machine())
    print(f"{Library(library).instruction_sets()[0]}, ONNX Runtime {onnxruntime.__version__}, {ROUNDS} rounds\n")
    rows = []
    for spec, name, settings in CASES:
        graph = form(spec, Formation(**settings))
        plans = compact(graph)
        sparse = arrays(plans)
        sessions = {
            "dense": session(to_onnx(arrays(compact(form(spec, Formation()))), "dense"), 1),
            "stock": session(to_onnx(sparse, "stock"), 1),
            "native": session(to_sparse_onnx(sparse, "native"), 1, library),
        }
        feed = {"input": np.random.default_rng(1).standard_normal((1, 3, spec.side, spec.side)).astype(np.float32)}
        expected, found = (sessions[form].run(None, feed)[0] for form in ("stock", "native"))
        difference = float(np.abs(found - expected).max() / max(1.0, np.abs(expected).max()))
        assert difference < 1e-4, f"{spec.name} {name} differs from the plain network by {difference}"
        times = measure(sessions, feed)
        chosen = {choice.kind for choice in branched.choose(plans)}
        row = [spec.name, name, f"{spec.synapse_count / graph.synapse_count:.2f}", f"{graph.mac_ratio:.2f}"]
        row += [f"{np.median(times[form]) * 1e6:.0f}" for form in ("dense", "stock", "native")]
        for form_name in ("stock", "native"):
            low, middle, high = np.quantile(times["dense"] / times[form_name], [0.1, 0.5, 0.9])
            row.append(f"{middle:.2f} [{low:.2f} to {high:.2f}]")
        rows.append([*row, "native" if chosen == {"native"} else "stock" if chosen == {"dense"} else "both"])
    head = ["network", "synapses", "fewer", "MAC ratio", "dense us", "stock us", "native us"]
    table(rows, [*head, "stock speed-up [10-90%]", "native speed-up [10-90%]", "form"])


if __name__ == "__main__":
    main()
