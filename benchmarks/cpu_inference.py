"""Measure what SiS networks gain on this CPU over dense NiN fp32 in stock ONNX Runtime with the same threads.

    python benchmarks/cpu_inference.py                     one core and two; AVX-512 and AVX2 where they exist
    python benchmarks/cpu_inference.py --threads 1 --batches 1 --rounds 60

Whole networks, pooling included, with random weights (speed does not depend on them). In each round every session
runs once, in random order; its latency in a round is the median; speed-ups are the median of the rounds' ratios with a
95% bootstrap interval; `least` is the ratio of the shortest latencies. `predicted` is the cost model's speed-up after
a calibration on this machine with the same number of threads. Then each layer within its network: GFLOP/s of existing
synapses, as a fraction of the measured peak of the cores, and whether the model predicted the faster implementation
(more on that in `cost_model.py`). AVX2 is measured in a process from which AVX-512 is hidden (mask_cpuid.c), so ONNX
Runtime takes its AVX2 path as well. Run it on an idle machine; where there is none, `--clock cpu` measures the CPU time
of one thread instead of wall time. Nothing is asserted.
"""

import argparse
import json
import logging
import os
import platform
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
from cost_model import calibrate, predictions, quality
from layer_times import measure as measure_layers
from networks import TARGETS, Network, all_networks, network, session, table
from quantised import int8

from sis_agent.native.library import Library
from sis_edge.exporting.onnx_file import to_onnx
from sis_edge.exporting.sparse_onnx import to_sparse_onnx
from sis_edge.native import build, costs
from sis_edge.native.choice import NetworkCost, blocks, choose, dense_seconds, pairs_of
from sis_edge.results.statistics import speed_up

ROUND_S = 0.012


def measure(
    sessions: dict[str, Any], batch: int, rounds: int, clock: Callable[[], float], seed: int = 0
) -> dict[str, dict[int, list[float]]]:
    """Latencies [s] of each session by round; each is at least three inferences and ROUND_S."""
    rng = np.random.default_rng(seed)
    feed = {"input": rng.standard_normal((batch, 3, 32, 32)).astype(np.float32)}
    latencies: dict[str, dict[int, list[float]]] = {name: {} for name in sessions}
    for run in sessions.values():
        for _ in range(3):
            run.run(None, feed)
    for number in range(rounds):
        for name in rng.permutation(sorted(sessions)):
            samples: list[float] = []
            end = time.perf_counter() + ROUND_S
            while len(samples) < 3 or time.perf_counter() < end:
                start = clock()
                sessions[name].run(None, feed)
                samples.append(clock() - start)
            latencies[str(name)][number] = samples
    return latencies


def sessions_of(
    networks: Sequence[Network], choices: dict[str, NetworkCost], library: Path, threads: int
) -> dict[str, onnxruntime.InferenceSession]:
    """Dense NiN, and each network with its chosen kernels, in stock ONNX Runtime and in INT8; outputs must agree."""
    dense = network("nin", "kernel")
    images = np.random.default_rng(1).standard_normal((16, 3, 32, 32)).astype(np.float32)
    sessions = {"dense": session(to_onnx(dense.arrays, "dense"), threads)}
    sessions["nin int8"] = session(int8(to_onnx(dense.arrays, "dense"), images), threads)
    for entry in networks:
        name = entry.name
        chosen = to_sparse_onnx(entry.arrays, name, blocks(choices[name].choices))
        sessions[name] = session(chosen, threads, library)
        sessions[f"{name} stock"] = session(to_onnx(entry.arrays, name), threads)
        if entry.granularity == "kernel":
            sessions[f"{name} int8"] = session(int8(to_onnx(entry.arrays, name), images), threads)
        expected = sessions[f"{name} stock"].run(None, {"input": images})[0]
        difference = np.abs(sessions[name].run(None, {"input": images})[0] - expected).max()
        assert difference < 1e-4, f"{name} differs from the dense ONNX by {difference}"
    return sessions


def whole_networks(
    networks: Sequence[Network],
    model: costs.CostModel,
    library: Path,
    threads: int,
    batch: int,
    arguments: argparse.Namespace,
) -> list[dict[str, Any]]:
    """Measure and print the table of whole networks."""
    choices = {entry.name: choose(model, entry.plans) for entry in networks}
    sessions = sessions_of(networks, choices, library, threads)
    clock = time.thread_time if arguments.clock == "cpu" else time.perf_counter
    latencies = measure(sessions, batch, arguments.rounds, clock)
    least = {name: min(map(min, rounds.values())) for name, rounds in latencies.items()}
    dense_s = dense_seconds(model, network("nin", "kernel").plans)
    rows, records = [], []
    for name, rounds in latencies.items():
        if name == "dense":
            continue
        result = speed_up(latencies["dense"], rounds)
        assert result is not None
        preset, _, rest = name.partition(" ")
        entry = next((each for each in networks if name.startswith(each.name)), None)
        is_chosen = name in choices
        target = TARGETS[preset][rest != "block"] if is_chosen and preset in TARGETS and threads == batch == 1 else None
        latency = typical_s(rounds)
        interval = [result.interval.low, result.interval.high] if result.interval else None
        predicted = dense_s / choices[name].seconds if is_chosen and batch == 1 else None
        rows.append(
            [
                name,
                f"{latency * 1e3:.3f}",
                f"{result.estimate:.2f}",
                f"{interval[0]:.2f} to {interval[1]:.2f}" if interval else "",
                f"{least['dense'] / least[name]:.2f}",
                f"{entry.mac_ratio:.2f}" if entry else "",
                f"{target:g} {met(interval, target)}" if target else "",
                f"{predicted:.2f}" if predicted else "",
            ]
        )
        records.append(
            {"name": name, "threads": threads, "batch": batch, "latency_s": latency, "speed_up": result.estimate}
            | {"interval": interval, "target": target, "predicted": predicted, "least_s": least[name]}
        )
    print(
        f"threads {threads}, batch {batch}, {arguments.rounds} rounds, {arguments.clock} clock, dense NiN fp32: "
        f"median {typical_s(latencies['dense']) * 1e3:.3f} ms, least {least['dense'] * 1e3:.3f} ms\n"
    )
    table(rows, ["network", "median ms", "speed-up", "95% interval", "least", "MAC ceiling", "target", "predicted"])
    return records


def met(interval: list[float] | None, target: float) -> str:
    """Whether the whole interval reaches the target."""
    if interval is None:
        return "unknown: too few rounds"
    return "met" if interval[0] >= target else "NOT MET"


def typical_s(rounds: dict[int, list[float]]) -> float:
    """The median over rounds of a round's median latency."""
    return float(np.median([np.median(samples) for samples in rounds.values()]))


def single_layers(
    networks: Sequence[Network], model: costs.CostModel, library: Path, threads: int, peak: float, seconds: float
) -> tuple[list[dict[str, Any]], dict[str, float]]:
    """Each layer within its network, by the kernels and by ONNX Runtime, measured and predicted."""
    measured, predicted = measure_layers(networks, library, threads, seconds), predictions(model, networks)
    plans = [plan for entry in networks for plan in entry.plans]
    rng = np.random.default_rng(0)
    rows, records = [], []
    for layer, plan, (dense_model_s, native_model_s) in zip(measured, plans, predicted, strict=True):
        dense_s, native_s = float(np.median(layer.dense_s)), float(np.median(layer.native_s))
        flops = 2.0 * plan.macs / native_s
        low, high = layer.interval(rng)
        records.append(
            {"network": layer.network, "layer": layer.layer, "dense_s": dense_s, "native_s": native_s}
            | {"dense_model_s": dense_model_s, "native_model_s": native_model_s, "interval": [low, high]}
            | {"flops_per_s": flops, "share_of_peak": flops / peak / threads}
        )
        rows.append(
            [
                layer.network,
                layer.layer,
                f"{pairs_of(plan).mean():.2f}",
                f"{native_s * 1e6:.1f}",
                f"{native_model_s * 1e6:.1f}",
                f"{flops / 1e9:.0f}",
                f"{flops / peak / threads:.0%}",
                f"{dense_s * 1e6:.1f}",
                f"{dense_model_s * 1e6:.1f}",
                f"{layer.ratio:.2f}",
                f"{low:.2f} to {high:.2f}",
            ]
        )
    print(
        f"layers on {costs.on_threads(threads)}, measured peak of one {peak / 1e9:.0f} GFLOP/s; times in microseconds\n"
    )
    head = ["network", "layer", "density", "native", "model", "GFLOP/s", "of peak", "dense", "model", "ratio", "95%"]
    table(rows, head)
    result = quality(measured, predicted)
    print("cost model: " + ", ".join(f"{name} {value:.3g}" for name, value in result.items()) + "\n")
    return records, result


def run_here(arguments: argparse.Namespace) -> dict[str, Any]:
    """All measurements of this process's instruction sets."""
    path = build.library(platform.machine())
    library = Library(path)
    instruction_set = library.instruction_sets()[0]
    peak = library.peak_flops(instruction_set)
    print(f"## {instruction_set}, ONNX Runtime {onnxruntime.__version__}\n")
    networks = all_networks()
    result: dict[str, Any] = {"instruction_set": instruction_set, "peak_flops": peak, "networks": [], "layers": {}}
    for threads in arguments.threads:
        model = costs.fit(calibrate(path, threads))
        for batch in arguments.batches:
            result["networks"] += whole_networks(networks, model, path, threads, batch, arguments)
        if arguments.seconds:
            records, agreed = single_layers(
                [network("nin", "kernel"), *networks], model, path, threads, peak, arguments.seconds
            )
            result["layers"][str(threads)] = {"layers": records, "cost_model": agreed}
    return result


def run_masked(arguments: argparse.Namespace) -> int:
    """The same in a process from which AVX-512 is hidden."""
    with tempfile.TemporaryDirectory() as folder:
        mask = Path(folder, "mask_cpuid.so")
        source = Path(__file__).with_name("mask_cpuid.c")
        subprocess.run(["cc", "-O2", "-shared", "-fPIC", "-o", mask, source], check=True)
        command = [sys.executable, __file__, *sys.argv[1:], "--here"]
        if arguments.json:
            command += ["--json", str(arguments.json.with_suffix(".avx2.json"))]
        return subprocess.run(command, env=os.environ | {"LD_PRELOAD": str(mask)}, check=False).returncode


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    numbers = {"type": lambda text: [int(part) for part in text.split(",")]}
    parser.add_argument("--threads", default=[1, 2], **numbers, help="thread counts [default: 1,2]")
    parser.add_argument("--batches", default=[1, 8], **numbers, help="batch sizes [default: 1,8]")
    parser.add_argument("--rounds", type=int, default=40)
    parser.add_argument("--seconds", type=float, default=30, help="time for all layers, per thread count; 0: skip")
    parser.add_argument("--clock", choices=["wall", "cpu"], default="wall", help="cpu: one thread only")
    parser.add_argument("--json", type=Path, help="write all figures to this file")
    parser.add_argument("--here", action="store_true", help="measure in this process only, with the CPU as it is")
    arguments = parser.parse_args()
    if arguments.clock == "cpu" and arguments.threads != [1]:
        parser.error("--clock cpu measures one thread; add --threads 1")
    logging.disable(logging.WARNING)  # the quantiser repeats its advice for every network
    result = run_here(arguments)
    if arguments.json:
        arguments.json.write_text(json.dumps(result, indent=1))
    if not arguments.here and result["instruction_set"] == "avx512":
        return run_masked(arguments)
    return 0


if __name__ == "__main__":
    sys.exit(main())
