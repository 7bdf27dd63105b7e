"""The INT8 sparse kernels beside ONNX Runtime's own, on the zoo's networks with real weights and images.

    python benchmarks/int8.py                           four SiS networks and dense NiN, one thread and two, batch 1
    python benchmarks/int8.py --threads 2 --rounds 3000 --networks cifar10-sis1    some minutes, for what lasts

The sessions take turns in random order within each round. Each is measured through ONNX Runtime as a bundle's networks
are: fp32, INT8 by its Q/DQ (all layers, 7-bit weights as on x86 in a bundle), our fp32 kernels where structure chooses
them, and our INT8 kernels. Speed-ups are over dense NiN fp32 in ONNX Runtime. The ceiling counts what one instruction
sums, four products in each of 16 lanes, against the machine's measured rate of them; its share says how much of the
time is such work. Scratch is the memory that a chain needs for its maps. Nothing is asserted.
"""

import argparse
import json
import platform
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime
import torch
from cpu_inference import measure, met, typical_s
from networks import session, table

from sis_agent.native.library import Library
from sis_edge import zoo
from sis_edge.exporting.compact import CompactNetwork, fold
from sis_edge.exporting.int8_chain import quantise_chain
from sis_edge.exporting.int8_native import to_int8_onnx
from sis_edge.exporting.onnx_file import save, to_onnx
from sis_edge.exporting.quantize import quantize
from sis_edge.exporting.sparse_onnx import to_sparse_onnx
from sis_edge.formation import Formation, form
from sis_edge.formation.compaction import compact
from sis_edge.native import blob, build
from sis_edge.native.choice import blocks, choose_by_structure
from sis_edge.native.int8 import reference
from sis_edge.native.int8.blob import encode
from sis_edge.results.statistics import speed_up
from sis_edge.training.batches import normalise
from sis_edge.zoo import entry as zoo_entry
from sis_edge.zoo import samples

TARGETS = {"cifar10-sis1": 7.0, "cifar10-sis2": 10.0, "cifar10-sis3": 13.0, "svhn-sis3": 25.0}
REFERENCE = "nin"
CALIBRATION_IMAGES, CHECKED_IMAGES = 64, 4


def images_of(dataset: str) -> tuple[Any, Any]:
    """The zoo's sample: images to calibrate with, and to run."""
    sample = samples.load(dataset)
    assert sample is not None, "the zoo has a sample of each data set that it was trained on"
    normalised = [
        normalise(torch.from_numpy(part.images[:64].copy()), sample).numpy() for part in (sample.train, sample.test)
    ]
    return normalised[0][:CALIBRATION_IMAGES], normalised[1]


def qdq(model: onnx.ModelProto, calibration: Any) -> onnx.ModelProto:
    """ONNX Runtime's INT8 with every layer quantised."""
    with tempfile.TemporaryDirectory() as folder:
        source, target = Path(folder, "fp32.onnx"), Path(folder, "int8.onnx")
        save(model, source)
        quantize(source, target, calibration, "cpu", narrow_weights=platform.machine() != "aarch64")
        return onnx.load(target)


def sessions_of(name: str, network: CompactNetwork, library: Path, threads: int) -> dict[str, Any]:
    """A network's four forms; the INT8 kernels must answer the bits of numpy."""
    calibration, images = images_of("cifar10")
    plain = to_onnx(network, name)
    chain = quantise_chain(network, calibration)
    graph = zoo.graph(zoo_entry.named(name))
    chosen = blocks(choose_by_structure(compact(graph), compact(form(graph.spec, Formation()))))
    found = {
        f"{name} ORT fp32": session(plain, threads),
        f"{name} ORT INT8": session(qdq(plain, calibration), threads),
        f"{name} ours fp32": session(to_sparse_onnx(network, name, chosen), threads, library),
        f"{name} ours INT8": session(to_int8_onnx(network, chain, name), threads, library),
    }
    answer = found[f"{name} ours INT8"].run(None, {"input": images[:CHECKED_IMAGES]})[0]
    expected = reference.run(chain, images[:CHECKED_IMAGES]).reshape(answer.shape)
    assert np.array_equal(answer, expected), f"{name} in INT8 answers other bits than numpy"
    return found


def whole_networks(
    names: list[str], library: Path, threads: int, arguments: argparse.Namespace
) -> list[dict[str, Any]]:
    """Measure and print the table of whole networks."""
    sessions: dict[str, onnxruntime.InferenceSession] = {}
    for name in dict.fromkeys([REFERENCE, *names]):
        sessions |= sessions_of(name, fold(zoo.load(zoo_entry.named(name))), library, threads)
    clock: Callable[[], float] = time.thread_time if arguments.clock == "cpu" else time.perf_counter
    latencies = measure(sessions, arguments.batch, arguments.rounds, clock)
    reference_rounds = latencies[f"{REFERENCE} ORT fp32"]
    rows, records = [], []
    for label, rounds in latencies.items():
        result = speed_up(reference_rounds, rounds)
        assert result is not None
        interval = [result.interval.low, result.interval.high] if result.interval else None
        target = (
            TARGETS.get(label.split()[0]) if label.endswith("ours INT8") and threads == arguments.batch == 1 else None
        )
        rows.append(
            [
                label,
                f"{typical_s(rounds) * 1e3:.3f}",
                f"{result.estimate:.2f}",
                f"{interval[0]:.2f} to {interval[1]:.2f}" if interval else "",
                f"{target:g} {met(interval, target)}" if target else "",
            ]
        )
        records.append({"name": label, "threads": threads, "latency_s": typical_s(rounds), "speed_up": result.estimate})
        records[-1] |= {"interval": interval, "target": target}
    print(f"threads {threads}, batch {arguments.batch}, {arguments.rounds} rounds, {arguments.clock} clock\n")
    table(rows, ["form", "median ms", "speed-up", "95% interval", "target"])
    return records


def by_layer(names: list[str], library: Library) -> None:
    """Each layer's time with its share of the rate of sums of four products, the least of 200 runs."""
    calibration, images = images_of("cifar10")
    rate = library.int8_rate(library.int8_instruction_sets()[0])
    rows: list[list[str]] = []
    scratch: list[list[str]] = []
    for name in dict.fromkeys([REFERENCE, *names]):
        network = fold(zoo.load(zoo_entry.named(name)))
        chain = quantise_chain(network, calibration)
        fp32 = blob.encode(network.layers, global_average=True)
        with library.chain(encode(chain)) as running, library.chain(fp32) as other:
            scratch.append([name, f"{running.scratch_bytes() / 1e6:.2f}", f"{other.scratch_bytes() / 1e6:.2f}"])
            outputs = np.empty((1, *running.output_shape), np.float32)
            runs = [running.profile(images[:1].copy(), outputs) for _ in range(200)]
        least = np.min([[seconds for _, seconds in run] for run in runs], axis=0)
        for number, layer in enumerate(network.layers):
            seconds = sum(s for (at, _), s in zip(runs[0], least, strict=True) if at == number)
            macs = int((layer.weight != 0).any(axis=(2, 3)).sum()) * layer.spec.kernel**2 * layer.spec.positions
            share = macs / seconds / rate
            rows.append([name, layer.spec.name, f"{seconds * 1e6:.1f}", f"{macs / seconds / 1e9:.0f}", f"{share:.0%}"])
    print(
        f"{library.int8_instruction_sets()[0]}: {rate / 1e9:.0f} billion multiply-accumulates per second on registers\n"
    )
    table(rows, ["network", "layer", "us", "GMAC/s", "of the rate"])
    table(scratch, ["network", "scratch INT8, MB", "scratch fp32, MB"])


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--networks", default=",".join(TARGETS), help="of the zoo, comma-separated")
    parser.add_argument("--threads", default="1,2", help="thread counts [default: 1,2]")
    parser.add_argument("--batch", type=int, default=1)
    parser.add_argument("--rounds", type=int, default=60)
    parser.add_argument("--clock", choices=["wall", "cpu"], default="wall", help="cpu: one thread only")
    parser.add_argument("--json", type=Path, help="write all figures to this file")
    arguments = parser.parse_args()
    threads = [int(part) for part in arguments.threads.split(",")]
    if arguments.clock == "cpu" and threads != [1]:
        parser.error("--clock cpu measures one thread; add --threads 1")
    names, path = arguments.networks.split(","), build.library(platform.machine())
    records = [record for count in threads for record in whole_networks(names, path, count, arguments)]
    by_layer(names, Library(path))
    if arguments.json:
        arguments.json.write_text(json.dumps(records, indent=1))


if __name__ == "__main__":
    main()
