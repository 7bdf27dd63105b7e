"""Measure what Winograd's algorithm gains on this CPU: each network with it, without it, and dense NiN in ONNX Runtime.

    python benchmarks/winograd.py                          one thread, batch 1: whole networks, then each layer
    python benchmarks/winograd.py --threads 2 --batch 8 --rounds 60

Whole networks with random weights (speed does not depend on them), as `cpu_inference.py` measures: in each round every
session runs once, in random order; speed-ups over dense NiN fp32 in stock ONNX Runtime are the median of the rounds'
ratios with a 95% bootstrap interval, `least` is the ratio of the shortest latencies. `chosen` is what a calibration on
this machine chooses, `exact` the same without Winograd's algorithm. Then each layer of more than 1 x 1: stages of the
kernels by the two algorithms, interleaved, and the share of the core's peak that direct convolution would need to be as
fast. On a busy machine add `--clock cpu` (one thread). Nothing is asserted.
"""

import argparse
import json
import platform
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
from cost_model import calibrate
from cpu_inference import measure, typical_s
from networks import Network, network, session, table

from sis_agent.native.library import Library
from sis_edge.exporting.onnx_file import to_onnx
from sis_edge.exporting.sparse_onnx import to_sparse_onnx
from sis_edge.native import blob, build, costs, winograd
from sis_edge.native.choice import blocks, choose, dense_seconds, pairs_of
from sis_edge.native.choice import winograd as by_winograd
from sis_edge.results.statistics import speed_up

TARGETS = {"nin": 1.5, "cifar10-sis1": 2.8, "cifar10-sis2": 4.5, "cifar10-sis3": 5.5, "svhn-sis3": 12.0}


def whole_networks(
    networks: Sequence[Network], model: costs.CostModel, library: Path, arguments: argparse.Namespace
) -> list[dict[str, Any]]:
    """Measure and print the table of whole networks; the outputs of the ways must agree."""
    threads = arguments.threads
    sessions = {"dense": session(to_onnx(networks[0].arrays, "dense"), threads)}
    images = np.random.default_rng(1).standard_normal((4, 3, 32, 32)).astype(np.float32)
    predicted = {}
    for entry in networks:
        expected = session(to_onnx(entry.arrays, entry.preset), threads).run(None, {"input": images})[0]
        for way, exact in (("chosen", False), ("exact", True)):
            found = choose(model, entry.plans, exact)
            model_file = to_sparse_onnx(entry.arrays, "x", blocks(found.choices), by_winograd(found.choices))
            name = f"{entry.preset} {way}"
            sessions[name] = session(model_file, threads, library)
            predicted[name] = dense_seconds(model, networks[0].plans) / found.seconds
            difference = np.abs(sessions[name].run(None, {"input": images})[0] - expected).max()
            assert difference < 1e-3 * np.ptp(expected), f"{name} differs by {difference}"
    clock = time.thread_time if arguments.clock == "cpu" else time.perf_counter
    latencies = measure(sessions, arguments.batch, arguments.rounds, clock)
    least = {name: min(map(min, rounds.values())) for name, rounds in latencies.items()}
    rows, records = [], []
    for name in predicted:
        result = speed_up(latencies["dense"], latencies[name])
        assert result is not None
        interval = [result.interval.low, result.interval.high] if result.interval else None
        target = (
            TARGETS[name.partition(" ")[0]] if name.endswith("chosen") and arguments.batch == threads == 1 else None
        )
        record: dict[str, Any] = {
            "name": name,
            "latency_s": typical_s(latencies[name]),
            "speed_up": result.estimate,
            "interval": interval,
            "least": least["dense"] / least[name],
            "predicted": predicted[name],
            "target": target,
        }
        records.append(record)
        rows.append(
            [
                name,
                f"{record['latency_s'] * 1e3:.3f}",
                f"{result.estimate:.2f}",
                f"{interval[0]:.2f} to {interval[1]:.2f}" if interval else "",
                f"{record['least']:.2f}",
                f"{predicted[name]:.2f}" if arguments.batch == 1 else "",
                f"{target:g}" if target else "",
            ]
        )
    print(
        f"threads {threads}, batch {arguments.batch}, {arguments.rounds} rounds, {arguments.clock} clock; dense NiN: "
        f"median {typical_s(latencies['dense']) * 1e3:.3f} ms, least {least['dense'] * 1e3:.3f} ms\n"
    )
    table(rows, ["network", "median ms", "speed-up", "95% interval", "least", "predicted", "target"])
    return records


def single_layers(
    networks: Sequence[Network], model: costs.CostModel, library: Library, arguments: argparse.Namespace
) -> list[dict[str, Any]]:
    """Each convolution on its own by both algorithms, in turns: medians of the kernels' stages, without copies."""
    peak = library.peak_flops(library.instruction_sets()[0])
    rows, records = [], []
    for entry in networks:
        for plan, layer in zip(entry.plans, entry.arrays.layers, strict=True):
            if plan.spec.kernel not in winograd.KERNELS:
                continue
            seconds = _both(library, layer, arguments.rounds)
            direct_s, winograd_s = (float(np.median(each)) for each in seconds)
            pairs = pairs_of(plan)
            modelled_s = [model.native_s(plan.spec, pairs), model.winograd_s(plan.spec, pairs)]
            record = {"network": entry.preset, "layer": plan.spec.name, "direct_s": direct_s, "winograd_s": winograd_s}
            records.append(record | {"model_s": modelled_s, "share_of_peak": 2 * plan.macs / winograd_s / peak})
            rows.append(
                [
                    entry.preset,
                    plan.spec.name,
                    f"{pairs.mean():.2f}",
                    *(f"{1e6 * value:.1f}" for value in (direct_s, modelled_s[0], winograd_s, modelled_s[1])),
                    f"{float(np.median(seconds[0] / seconds[1])):.2f}",
                    f"{2 * plan.macs / winograd_s / peak:.0%}",
                ]
            )
    print(f"convolutions, one thread, measured peak {peak / 1e9:.0f} GFLOP/s; microseconds\n")
    head = ["network", "layer", "density", "direct", "model", "Winograd", "model", "ratio", "peak that direct needs"]
    table(rows, head)
    return records


def _both(library: Library, layer: Any, rounds: int) -> tuple[Any, Any]:
    """Seconds of the layer's own stages in each round: direct, and by Winograd's algorithm with its transforms."""
    shape = (1, layer.spec.inputs, layer.spec.map_side, layer.spec.map_side)
    images = np.random.default_rng(0).standard_normal(shape).astype(np.float32)
    seconds: tuple[list[float], list[float]] = ([], [])
    with (
        library.chain(blob.encode([layer])) as direct,
        library.chain(blob.encode([layer], winograd=[True])) as transformed,
    ):
        outputs = np.empty((1, *direct.output_shape), np.float32)
        for _ in range(10 * rounds):
            for chain, taken in ((direct, seconds[0]), (transformed, seconds[1])):
                stages = [each for _, each in chain.profile(images, outputs)]
                taken.append(sum(stages[1:-1]))  # between the copies into the kernels' layout and out of it
    return np.array(seconds[0]), np.array(seconds[1])


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--batch", type=int, default=1)
    parser.add_argument("--rounds", type=int, default=40)
    parser.add_argument("--clock", choices=["wall", "cpu"], default="wall", help="cpu: one thread only")
    parser.add_argument("--json", type=Path, help="write all figures to this file")
    arguments = parser.parse_args()
    if arguments.clock == "cpu" and arguments.threads != 1:
        parser.error("--clock cpu measures one thread; add --threads 1")
    path = build.library(platform.machine())
    library = Library(path)
    print(f"## {library.instruction_sets()[0]}, ONNX Runtime {onnxruntime.__version__}\n")
    model = costs.fit(calibrate(path, arguments.threads))
    networks = [network(preset, "kernel") for preset in TARGETS]
    result = {"networks": whole_networks(networks, model, path, arguments)}
    if arguments.threads == 1:
        result["layers"] = single_layers(networks, model, library, arguments)
    if arguments.json:
        arguments.json.write_text(json.dumps(result, indent=1))
    return 0


if __name__ == "__main__":
    sys.exit(main())
