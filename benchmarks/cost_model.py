"""Does the cost model foresee, layer by layer, which way is faster here?

    python benchmarks/cost_model.py                        six calibrations between two measurements of all layers
    python benchmarks/cost_model.py --threads 2 --calibrations 3

The layers are those of dense NiN and of the networks of `cpu_inference.py`. Measured is the ratio of ONNX Runtime's
time to the kernels' (`layer_times.py`), twice, before the calibrations and after, with a bootstrap interval of 95%.
A layer is `clear` where the interval does not hold 1. How far the two measurements agree with each other is the most
that a model can. An idle machine is needed. Nothing is asserted.
"""

import argparse
import json
import platform
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
from layer_times import LayerTime, agreement, measure
from networks import Network, all_networks, network, table

from sis_agent.calibration import calibrate as calibration
from sis_agent.native.library import Library
from sis_edge.native import build, costs, probes
from sis_edge.native.choice import best_block, pairs_of


def calibrate(path: Path, threads: int) -> costs.Calibration:
    """The calibration of this machine, as `sis-edge calibrate` makes it."""
    library = Library(path)
    instruction_set = library.instruction_sets()[0]
    found = costs.Calibration(
        board="benchmark",
        cpu=None,
        library=path.parent.name,
        instruction_set=instruction_set,
        onnxruntime=onnxruntime.__version__,
        threads=threads,
        peak_flops=library.peak_flops(instruction_set),
        **calibration.time_probes(library, probes.all_probes(), threads=threads),
    )
    return found.model_copy(update={"fit_error": dict(costs.fit(found).fit_error)})


def foreseen(model: costs.CostModel, networks: Sequence[Network]) -> list[tuple[float, float]]:
    """Dense and native seconds of all layers, in the order of `measure`."""
    found = []
    for entry in networks:
        layers = [plan.spec for plan in entry.plans]
        for plan, before in zip(entry.plans, [None, *layers[:-1]], strict=True):
            found.append((model.dense_s(plan.spec, before), best_block(model, plan.spec, pairs_of(plan))[1]))
    return found


def quality(measured: Sequence[LayerTime], predicted: Sequence[tuple[float, float]]) -> dict[str, float]:
    """How often the model foresaw which way is faster, and how its order of the ratios agrees with the measured."""
    rng = np.random.default_rng(0)
    signs = np.array([layer.sign(rng) for layer in measured])
    ratios = [dense_s / native_s for dense_s, native_s in predicted]
    right = (np.array(ratios) > 1) == (np.array([layer.ratio for layer in measured]) > 1)
    truth = np.array([[np.median(layer.dense_s), np.median(layer.native_s)] for layer in measured])
    error = np.log(np.array(predicted) / truth)
    agreed = agreement([layer.ratio for layer in measured], ratios)
    return {
        "layers": len(measured),
        "signs": agreed["signs"],
        "clear": int((signs != 0).sum()),
        "clear_signs": float(right[signs != 0].mean()),
        "ranks": agreed["ranks"],
        "dense_error": float(np.sqrt(np.mean((error[:, 0] - np.median(error[:, 0])) ** 2))),
        "native_error": float(np.sqrt(np.mean((error[:, 1] - np.median(error[:, 1])) ** 2))),
        "bias": float(np.exp(np.median(error[:, 0] - error[:, 1]))),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--calibrations", type=int, default=6)
    parser.add_argument("--seconds", type=float, default=40, help="of each of the two measurements")
    parser.add_argument("--json", type=Path, help="write all figures to this file")
    arguments = parser.parse_args()
    library = build.library(platform.machine())
    networks = [network("nin", "kernel"), *all_networks()]
    first = measure(networks, library, arguments.threads, arguments.seconds)
    models, spent_s = [], []
    for _ in range(arguments.calibrations):
        start = time.perf_counter()
        models.append(costs.fit(calibrate(library, arguments.threads)))
        spent_s.append(time.perf_counter() - start)
    second = measure(networks, library, arguments.threads, arguments.seconds)
    both = [
        replace(
            one,
            dense_s=np.concatenate([one.dense_s, two.dense_s]),
            native_s=np.concatenate([one.native_s, two.native_s]),
        )
        for one, two in zip(first, second, strict=True)
    ]
    ceiling = agreement([layer.ratio for layer in first], [layer.ratio for layer in second])
    print(
        f"{Library(library).instruction_sets()[0]}, ONNX Runtime {onnxruntime.__version__}, "
        f"{costs.on_threads(arguments.threads)}"
    )
    print(
        f"two measurements ({arguments.seconds:g} s each): signs {ceiling['signs']:.3f}, ranks {ceiling['ranks']:.3f}\n"
    )
    found = [quality(both, foreseen(model, networks)) for model in models]
    names = [name.replace("_", " ") for row in found[:1] for name in row]
    head = ["calibration", "seconds", *names, "kernels miss", "ORT misses"]
    rows = [
        [
            str(at),
            f"{spent:.1f}",
            *(f"{value:.3g}" for value in row.values()),
            *(f"{e:.3f}" for e in m.fit_error.values()),
        ]
        for at, (row, spent, m) in enumerate(zip(found, spent_s, models, strict=True))
    ]
    table(rows, head)
    show_layers(both, [foreseen(model, networks) for model in models], networks)
    if arguments.json:
        layers = [_record(one, two) for one, two in zip(first, second, strict=True)]
        result: dict[str, Any] = {"ceiling": ceiling, "calibrations": found, "layers": layers}
        arguments.json.write_text(json.dumps(result, indent=1))


def show_layers(
    measured: Sequence[LayerTime], predicted: Sequence[Sequence[tuple[float, float]]], networks: Sequence[Network]
) -> None:
    """Each layer: its times, the ratio with its interval, and the ratios that the calibrations foresaw."""
    rng = np.random.default_rng(0)
    shares = [float(pairs_of(plan).mean()) for entry in networks for plan in entry.plans]
    rows = []
    for at, (layer, share) in enumerate(zip(measured, shares, strict=True)):
        low, high = layer.interval(rng)
        ratios = [times[at][0] / times[at][1] for times in predicted]
        wrong = sum((ratio > 1) != (layer.ratio > 1) for ratio in ratios)
        rows.append(
            [
                layer.network,
                layer.layer,
                f"{share:.2f}",
                f"{np.median(layer.dense_s) * 1e6:.1f}",
                f"{np.median([times[at][0] for times in predicted]) * 1e6:.1f}",
                f"{np.median(layer.native_s) * 1e6:.1f}",
                f"{np.median([times[at][1] for times in predicted]) * 1e6:.1f}",
                f"{layer.ratio:.2f}",
                f"{low:.2f} to {high:.2f}",
                f"{min(ratios):.2f} to {max(ratios):.2f}" if ratios else "",
                f"{wrong} wrong" if wrong else "",
            ]
        )
    head = ["network", "layer", "share", "dense us", "model", "native us", "model", "ratio", "95%", "foreseen", "sign"]
    table(rows, head)


def _record(one: LayerTime, two: LayerTime) -> dict[str, Any]:
    return {
        "network": one.network,
        "layer": one.layer,
        "dense_s": [*one.dense_s.tolist(), *two.dense_s.tolist()],
        "native_s": [*one.native_s.tolist(), *two.native_s.tolist()],
    }


if __name__ == "__main__":
    main()
