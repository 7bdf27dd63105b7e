"""What SiS networks buy on this processor, against dense NiN fp32 in stock ONNX Runtime with the same threads.

    python benchmarks/cpu_inference.py                     one core and two; AVX-512 and AVX2 where they exist
    python benchmarks/cpu_inference.py --threads 1 --batches 1 --rounds 60

Whole networks, pooling included, weights random (speed does not depend on them). In each round every session has its
turn, in random order; a turn's latency is its median; speed-ups are the median of the rounds' ratios with a bootstrap
interval of 95%; `least` is the ratio of the shortest latencies. Then each layer within its network: GFLOP/s of existing
synapses, share of the core's measured peak, and whether the cost model, calibrated on this machine, had foreseen which
way is faster. AVX2 is measured in a process from which AVX-512 is hidden (mask_cpuid.c), so ONNX Runtime takes its AVX2
path as well. An idle machine is needed; where there is none, `--clock cpu` counts the processor time of the one thread
instead of the time of the clock. Nothing is asserted.
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
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime

from sis_agent.native import calibration
from sis_agent.native.library import Library
from sis_edge.export.compact import CompactLayer, CompactNetwork
from sis_edge.export.onnx_file import to_onnx
from sis_edge.export.sparse_onnx import to_sparse_onnx
from sis_edge.formation import PRESETS, form
from sis_edge.formation.compaction import LayerPlan, compact
from sis_edge.native import blob, build, costs, probes
from sis_edge.native.choice import Choice, blocks, choose, dense_seconds, pairs_of
from sis_edge.results.statistics import speed_up
from sis_edge.spec import nin

TARGETS = {  # speed-ups that were aimed at: block, kernel
    "cifar10-sis1": (1.8, 1.3),
    "cifar10-sis2": (2.7, 1.9),
    "cifar10-sis3": (3.3, 3.3),
    "svhn-sis3": (7.0, 4.0),
}
TURN_S = 0.012


@dataclass(frozen=True)
class Network:
    """A row of the table: a preset formed in one granularity, as plain arrays."""

    preset: str
    granularity: str
    mac_ratio: float
    plans: tuple[LayerPlan, ...]
    arrays: CompactNetwork


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


def session(model: onnx.ModelProto, threads: int, library: Path | None = None) -> onnxruntime.InferenceSession:
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads, options.inter_op_num_threads = threads, 1
    if threads > 1:  # else its threads spin on after a run, on the cores of the next session
        options.add_session_config_entry("session.force_spinning_stop", "1")
    options.log_severity_level = 3
    if library is not None:
        options.register_custom_ops_library(str(library))
    return onnxruntime.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])


def int8(model: onnx.ModelProto, images: np.ndarray[Any, Any]) -> onnx.ModelProto:
    """The network quantised to 8 bits by ONNX Runtime's own tool: QDQ, weights for each filter."""
    from onnxruntime.quantization import CalibrationDataReader, QuantType, quantize_static

    class Reader(CalibrationDataReader):  # type: ignore[misc]
        def __init__(self) -> None:
            self.left = [{"input": images[at : at + 1]} for at in range(len(images))]

        def get_next(self) -> dict[str, Any] | None:
            return self.left.pop() if self.left else None

    with tempfile.TemporaryDirectory() as folder:
        source, target = Path(folder, "fp32.onnx"), Path(folder, "int8.onnx")
        onnx.save(model, source)
        quantize_static(
            source, target, Reader(), per_channel=True, activation_type=QuantType.QUInt8, weight_type=QuantType.QInt8
        )
        return onnx.load(target)


def measure(
    sessions: dict[str, Any], batch: int, rounds: int, clock: Callable[[], float], seed: int = 0
) -> dict[str, dict[int, list[float]]]:
    """Latencies [s] of each session by round; a turn is at least three inferences and TURN_S."""
    rng = np.random.default_rng(seed)
    feed = {"input": rng.standard_normal((batch, 3, 32, 32)).astype(np.float32)}
    found: dict[str, dict[int, list[float]]] = {name: {} for name in sessions}
    for run in sessions.values():
        for _ in range(3):
            run.run(None, feed)
    for number in range(rounds):
        for name in rng.permutation(sorted(sessions)):
            turn: list[float] = []
            end = time.perf_counter() + TURN_S
            while len(turn) < 3 or time.perf_counter() < end:
                start = clock()
                sessions[name].run(None, feed)
                turn.append(clock() - start)
            found[str(name)][number] = turn
    return found


def table(rows: Sequence[Sequence[str]], head: Sequence[str]) -> None:
    widths = [max(len(row[at]) for row in [head, *rows]) for at in range(len(head))]
    for row in [head, ["-" * width for width in widths], *rows]:
        print("| " + " | ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)) + " |")
    print()


def whole_networks(
    networks: Sequence[Network],
    model: costs.CostModel,
    library: Path,
    threads: int,
    batch: int,
    arguments: argparse.Namespace,
) -> list[dict[str, Any]]:
    """Measure and print the table of whole networks."""
    dense = network("nin", "kernel")
    images = np.random.default_rng(1).standard_normal((16, 3, 32, 32)).astype(np.float32)
    sessions = {"dense": session(to_onnx(dense.arrays, "dense"), threads)}
    sessions["nin int8"] = session(int8(to_onnx(dense.arrays, "dense"), images), threads)
    choices = {}
    for entry in networks:
        name = f"{entry.preset} {entry.granularity}"
        choices[name] = choose(model, entry.plans)
        chosen = to_sparse_onnx(entry.arrays, name, blocks(choices[name].choices))
        sessions[name] = session(chosen, threads, library)
        sessions[f"{name} stock"] = session(to_onnx(entry.arrays, name), threads)
        if entry.granularity == "kernel":
            sessions[f"{name} int8"] = session(int8(to_onnx(entry.arrays, name), images), threads)
        expected = sessions[f"{name} stock"].run(None, {"input": images})[0]
        difference = np.abs(sessions[name].run(None, {"input": images})[0] - expected).max()
        assert difference < 1e-4, f"{name} differs from the dense ONNX by {difference}"
    clock = time.thread_time if arguments.clock == "cpu" else time.perf_counter
    found = measure(sessions, batch, arguments.rounds, clock)
    least = {name: min(map(min, turns.values())) for name, turns in found.items()}
    base = dense_seconds(model, dense.plans)
    rows, records = [], []
    for name, turns in found.items():
        if name == "dense":
            continue
        result = speed_up(found["dense"], turns)
        assert result is not None
        preset, _, rest = name.partition(" ")
        entry = next((e for e in networks if name.startswith(f"{e.preset} {e.granularity}")), None)
        is_chosen = name in choices
        target = TARGETS[preset][rest != "block"] if is_chosen and preset in TARGETS and threads == batch == 1 else None
        latency = float(np.median([np.median(turn) for turn in turns.values()]))
        interval = [result.interval.low, result.interval.high] if result.interval else None
        predicted = base / choices[name].seconds if is_chosen and threads == batch == 1 else None
        rows.append(
            [
                name,
                f"{latency * 1e3:.3f}",
                f"{result.estimate:.2f}",
                f"{interval[0]:.2f} to {interval[1]:.2f}" if interval else "",
                f"{least['dense'] / least[name]:.2f}",
                f"{entry.mac_ratio:.2f}" if entry else "",
                f"{target:g} {'met' if interval and interval[0] >= target else 'NOT MET'}" if target else "",
                f"{predicted:.2f}" if predicted else "",
            ]
        )
        records.append(
            {"name": name, "threads": threads, "batch": batch, "latency_s": latency, "speed_up": result.estimate}
            | {"interval": interval, "target": target, "predicted": predicted, "least_s": least[name]}
        )
    reference = float(np.median([np.median(turn) for turn in found["dense"].values()]))
    print(
        f"threads {threads}, batch {batch}, {arguments.rounds} rounds, {arguments.clock} clock, "
        f"dense NiN fp32: median {reference * 1e3:.3f} ms, least {least['dense'] * 1e3:.3f} ms\n"
    )
    table(rows, ["network", "median ms", "speed-up", "95% interval", "least", "MAC ceiling", "target", "predicted"])
    return records


def single_layers(
    networks: Sequence[Network], model: costs.CostModel, library: Library, instruction_set: str, peak: float
) -> list[dict[str, Any]]:
    """Each layer on one core within its network: native stages, and ONNX Runtime's own profile of the plain network."""
    rows, records = [], []
    for entry in networks:
        chosen = choose(model, entry.plans)
        with library.chain(
            blob.encode(entry.arrays.layers, [max(1, width) for width in blocks(chosen.choices)], global_average=True)
        ) as chain:
            image = np.random.default_rng(2).standard_normal((1, 3, 32, 32)).astype(np.float32)
            output = np.empty((1, 10, 1, 1), np.float32)
            stages = [chain.profile(image, output) for _ in range(300)]
        layers = [layer for layer, _ in stages[0]]
        least = np.min([[seconds for _, seconds in run] for run in stages], axis=0)
        dense = profiled_layers(to_onnx(entry.arrays, "plain"), [plan.spec.name for plan in entry.plans])
        for at, (plan, choice) in enumerate(zip(entry.plans, chosen.choices, strict=True)):
            own = [seconds for layer, seconds in zip(layers, least, strict=True) if layer == at]
            work_s = max(own)
            dense_s = dense[plan.spec.name]
            flops = 2.0 * plan.macs
            records.append(_layer_record(entry, choice, work_s, sum(own) - work_s, dense_s, flops / work_s, peak))
            rows.append(
                [
                    f"{entry.preset} {entry.granularity}",
                    plan.spec.name,
                    f"{pairs_of(plan).mean():.2f}",
                    f"{work_s * 1e6:.1f}",
                    f"{choice.native_s * 1e6:.1f}",
                    f"{(sum(own) - work_s) * 1e6:.1f}",
                    f"{flops / work_s / 1e9:.0f}",
                    f"{flops / work_s / peak:.0%}",
                    f"{dense_s * 1e6:.1f}",
                    f"{choice.dense_s * 1e6:.1f}",
                    f"{dense_s / work_s:.2f}",
                ]
            )
    print(f"layers on one core, {instruction_set}, measured peak {peak / 1e9:.0f} GFLOP/s; times in microseconds\n")
    head = ["network", "layer", "share", "native", "model", "copies", "GFLOP/s", "of peak", "dense", "model", "ratio"]
    table(rows, head)
    return records


def profiled_layers(model: onnx.ModelProto, names: Sequence[str], runs: int = 400) -> dict[str, float]:
    """Seconds of each layer in ONNX Runtime's profile, with the changes of layout before it.

    The profiler adds some microseconds to every node; the last node, which only renames the result, shows how many.
    """
    with tempfile.TemporaryDirectory() as folder:
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads, options.inter_op_num_threads = 1, 1
        options.enable_profiling, options.profile_file_prefix = True, str(Path(folder, "profile"))
        profiled = onnxruntime.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])
        feed = {"input": np.random.default_rng(0).standard_normal((1, 3, 32, 32)).astype(np.float32)}
        for _ in range(runs):
            profiled.run(None, feed)
        events = json.loads(Path(profiled.end_profiling()).read_text())
    found: dict[str, list[float]] = {name: [] for name in names}
    overhead, waiting = [], 0.0
    for event in events:
        if event.get("cat") != "Node" or not event["name"].endswith("_kernel_time"):
            continue
        operator, name = event["args"]["op_name"], event["name"].partition("_")[0].partition(".")[0]
        if operator.startswith("Reorder"):
            waiting += event["dur"] - (np.median(overhead) if overhead else 0.0)
        elif operator in ("Conv", "FusedConv"):
            found[name].append(event["dur"] + max(waiting, 0.0))
            waiting = 0.0
        elif operator == "Flatten":
            overhead.append(event["dur"])
            waiting = 0.0
    # Whole microseconds: the mean of the quickest quarter tells more than any one of them.
    each = float(np.mean(np.sort(overhead)[: len(overhead) // 4]))
    return {
        name: max(float(np.mean(np.sort(times)[: len(times) // 4])) - each, 0.1) * 1e-6 for name, times in found.items()
    }


def _layer_record(
    entry: Network, choice: Choice, native_s: float, copies_s: float, dense_s: float, flops: float, peak: float
) -> dict[str, Any]:
    return {
        "network": f"{entry.preset} {entry.granularity}",
        "layer": choice.layer.name,
        "native_s": native_s,
        "copies_s": copies_s,
        "dense_s": dense_s,
        "native_model_s": choice.native_s,
        "dense_model_s": choice.dense_s,
        "flops_per_s": flops,
        "share_of_peak": flops / peak,
    }


def model_quality(records: Sequence[dict[str, Any]]) -> dict[str, float]:
    """How often the model foresaw which way is faster, and how its ranking agrees with the measured (Spearman).

    Of layers within 5% of a tie neither the profile, which counts whole microseconds, nor anybody else can tell which
    way is faster; `clear` leaves them out.
    """
    from scipy.stats import spearmanr

    measured = np.array([record["dense_s"] / record["native_s"] for record in records])
    foreseen = np.array([record["dense_model_s"] / record["native_model_s"] for record in records])
    right, clear = (measured > 1) == (foreseen > 1), np.abs(np.log(measured)) > np.log(1.05)
    times = [(r[f"{way}_s"], r[f"{way}_model_s"]) for r in records for way in ("native", "dense")]
    quality = {
        "layers": len(records),
        "sign_right": float(right.mean()),
        "clear_layers": int(clear.sum()),
        "clear_sign_right": float(right[clear].mean()),
        "rank_correlation_of_times": float(spearmanr(times).statistic),
        "rank_correlation_of_ratios": float(spearmanr(measured, foreseen).statistic),
    }
    print("cost model: " + ", ".join(f"{name} {value:.3g}" for name, value in quality.items()) + "\n")
    return quality


def run_here(arguments: argparse.Namespace) -> dict[str, Any]:
    """All measurements of this process's instruction sets."""
    path = build.library(platform.machine())
    library = Library(path)
    instruction_set = library.instruction_sets()[0]
    peak = library.peak_flops(instruction_set)
    measured = costs.Calibration(
        board="benchmark",
        cpu=None,
        library=path.parent.name,
        instruction_set=instruction_set,
        onnxruntime=onnxruntime.__version__,
        peak_flops=peak,
        **calibration.time_probes(
            library,
            {probe.name: probe.blob() for probe in probes.NATIVE},
            {probe.name: probe.onnx() for probe in probes.DENSE},
        ),
    )
    model = costs.fit(measured)
    print(f"## {instruction_set}, ONNX Runtime {onnxruntime.__version__}\n")
    networks = [network(preset, conv) for preset in TARGETS for conv in ("block", "kernel")]
    result: dict[str, Any] = {"instruction_set": instruction_set, "peak_flops": peak, "networks": []}
    for threads in arguments.threads:
        for batch in arguments.batches:
            result["networks"] += whole_networks(networks, model, path, threads, batch, arguments)
    layers = single_layers([network("nin", "kernel"), *networks], model, library, instruction_set, peak)
    return result | {"layers": layers, "cost_model": model_quality(layers)}


def run_masked(arguments: argparse.Namespace) -> int:
    """The same in a process that sees no AVX-512."""
    with tempfile.TemporaryDirectory() as folder:
        mask = Path(folder, "mask_cpuid.so")
        source = Path(__file__).with_name("mask_cpuid.c")
        subprocess.run(["cc", "-O2", "-shared", "-fPIC", "-o", mask, source], check=True)
        words = [sys.executable, __file__, *sys.argv[1:], "--here"]
        if arguments.json:
            words += ["--json", str(arguments.json.with_suffix(".avx2.json"))]
        return subprocess.run(words, env=os.environ | {"LD_PRELOAD": str(mask)}, check=False).returncode


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    numbers = {"type": lambda text: [int(part) for part in text.split(",")]}
    parser.add_argument("--threads", default=[1, 2], **numbers, help="thread counts, 1,2 unless told")
    parser.add_argument("--batches", default=[1, 8], **numbers, help="batch sizes, 1,8 unless told")
    parser.add_argument("--rounds", type=int, default=40)
    parser.add_argument("--clock", choices=["wall", "cpu"], default="wall", help="cpu: for one thread only")
    parser.add_argument("--json", type=Path, help="write all figures to this file")
    parser.add_argument("--here", action="store_true", help="this process only, with whatever the processor shows")
    arguments = parser.parse_args()
    if arguments.clock == "cpu" and arguments.threads != [1]:
        parser.error("--clock cpu counts one thread's time: add --threads 1")
    logging.disable(logging.WARNING)  # the quantiser repeats its advice for every network
    result = run_here(arguments)
    if arguments.json:
        arguments.json.write_text(json.dumps(result, indent=1))
    if not arguments.here and result["instruction_set"] == "avx512":
        return run_masked(arguments)
    return 0


if __name__ == "__main__":
    sys.exit(main())
