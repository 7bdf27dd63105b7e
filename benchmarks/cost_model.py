"""Does the cost model predict, layer by layer, which implementation is faster on this machine?

    python benchmarks/cost_model.py                        six calibrations between two measurements of all layers
    python benchmarks/cost_model.py --threads 2 --calibrations 3

The layers are those of dense NiN and of the networks of `cpu_inference.py`. The ratio of ONNX Runtime's time to the
kernels' (`layer_times.py`) is measured twice, before and after the calibrations, with a 95% bootstrap interval. A layer
is `clear` where the interval does not contain 1. The agreement of the two measurements with each other is the upper
limit for any model. For the INT8 kernels the same is said of ONNX Runtime's time in float32 over theirs. Run it on an
idle machine. Nothing is asserted.
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
    measured = costs.Calibration(
        board="benchmark",
        cpu=None,
        library=path.parent.name,
        instruction_set=instruction_set,
        onnxruntime=onnxruntime.__version__,
        threads=threads,
        peak_flops=library.peak_flops(instruction_set),
        int8_instruction_set=library.int8_instruction_sets()[0],
        **calibration.time_probes(library, probes.all_probes(), threads=threads),
    )
    return measured.model_copy(update={"fit_error": dict(costs.fit(measured).fit_error)})


def predictions(model: costs.CostModel, networks: Sequence[Network]) -> list[tuple[float, float]]:
    """Dense and native seconds of all layers, in the order of `measure`."""
    seconds = []
    for entry in networks:
        layers = [plan.spec for plan in entry.plans]
        for plan, before in zip(entry.plans, [None, *layers[:-1]], strict=True):
            seconds.append((model.dense_s(plan.spec, before), best_block(model, plan.spec, pairs_of(plan))[1]))
    return seconds


def int8_predictions(model: costs.CostModel, networks: Sequence[Network]) -> list[tuple[float, float]]:
    """The same with the INT8 kernels."""
    assert model.int8 is not None, "`calibrate` times them"
    seconds = []
    for entry in networks:
        seconds += model.int8.layers_s([(plan.spec, pairs_of(plan)) for plan in entry.plans])
    return [(dense_s, int8_s) for (dense_s, _), int8_s in zip(predictions(model, networks), seconds, strict=True)]


def int8_quality(measured: Sequence[LayerTime], predicted: Sequence[tuple[float, float]]) -> dict[str, float]:
    """That of the predictions in INT8."""
    found = quality([layer.in_int8 for layer in measured], predicted)
    names = {"clear": "int8_clear", "clear_signs": "int8_clear_signs", "ranks": "int8_ranks"}
    return {new: found[old] for old, new in (names | {"native_error": "int8_error"}).items()}


def quality(measured: Sequence[LayerTime], predicted: Sequence[tuple[float, float]]) -> dict[str, float]:
    """How often the model predicts the faster implementation, and how its order of the ratios agrees with the truth."""
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
    parser.add_argument("--seconds", type=float, default=40, help="time for each of the two measurements")
    parser.add_argument("--json", type=Path, help="write all figures to this file")
    arguments = parser.parse_args()
    library = build.library(platform.machine())
    networks = [network("nin", "kernel"), *all_networks()]
    first = measure(networks, library, arguments.threads, arguments.seconds)
    models, calibration_s = [], []
    for _ in range(arguments.calibrations):
        start = time.perf_counter()
        models.append(costs.fit(calibrate(library, arguments.threads)))
        calibration_s.append(time.perf_counter() - start)
    second = measure(networks, library, arguments.threads, arguments.seconds)
    both = [
        replace(
            one,
            dense_s=np.concatenate([one.dense_s, two.dense_s]),
            native_s=np.concatenate([one.native_s, two.native_s]),
            int8_s=np.concatenate([one.int8_s, two.int8_s]),
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
    int8_ceiling = agreement([layer.in_int8.ratio for layer in first], [layer.in_int8.ratio for layer in second])
    print(f"in INT8: signs {int8_ceiling['signs']:.3f}, ranks {int8_ceiling['ranks']:.3f}\n")
    qualities = [
        quality(both, predictions(model, networks)) | int8_quality(both, int8_predictions(model, networks))
        for model in models
    ]
    names = [name.replace("_", " ") for row in qualities[:1] for name in row]
    head = ["calibration", "seconds", *names, "kernels' error", "ORT's error", "INT8 kernels' error"]
    rows = [
        [
            str(number),
            f"{seconds:.1f}",
            *(f"{value:.3g}" for value in row.values()),
            *(f"{error:.3f}" for error in model.fit_error.values()),
        ]
        for number, (row, seconds, model) in enumerate(zip(qualities, calibration_s, models, strict=True))
    ]
    table(rows, head)
    in_int8 = [[int8_s for _, int8_s in int8_predictions(model, networks)] for model in models]
    show_layers(both, [predictions(model, networks) for model in models], in_int8, networks)
    if arguments.json:
        layers = [_record(one, two) for one, two in zip(first, second, strict=True)]
        result: dict[str, Any] = {
            "ceiling": ceiling,
            "int8_ceiling": int8_ceiling,
            "calibrations": qualities,
            "layers": layers,
        }
        arguments.json.write_text(json.dumps(result, indent=1))


def show_layers(
    measured: Sequence[LayerTime],
    predicted: Sequence[Sequence[tuple[float, float]]],
    in_int8: Sequence[Sequence[float]],
    networks: Sequence[Network],
) -> None:
    """Each layer: its times, the ratio with its interval, and the ratios that the calibrations predicted."""
    rng = np.random.default_rng(0)
    densities = [float(pairs_of(plan).mean()) for entry in networks for plan in entry.plans]
    rows = []
    for index, (layer, density) in enumerate(zip(measured, densities, strict=True)):
        low, high = layer.interval(rng)
        ratios = [times[index][0] / times[index][1] for times in predicted]
        wrong = sum((ratio > 1) != (layer.ratio > 1) for ratio in ratios)
        rows.append(
            [
                layer.network,
                layer.layer,
                f"{density:.2f}",
                f"{np.median(layer.dense_s) * 1e6:.1f}",
                f"{np.median([times[index][0] for times in predicted]) * 1e6:.1f}",
                f"{np.median(layer.native_s) * 1e6:.1f}",
                f"{np.median([times[index][1] for times in predicted]) * 1e6:.1f}",
                f"{layer.ratio:.2f}",
                f"{low:.2f} to {high:.2f}",
                f"{min(ratios):.2f} to {max(ratios):.2f}" if ratios else "",
                f"{wrong} wrong" if wrong else "",
                f"{np.median(layer.int8_s) * 1e6:.1f}",
                f"{np.median([times[index] for times in in_int8]) * 1e6:.1f}",
            ]
        )
    head = [
        "network",
        "layer",
        "density",
        "dense us",
        "model",
        "native us",
        "model",
        "ratio",
        "95%",
        "predicted",
        "sign",
        "INT8 us",
        "model",
    ]
    table(rows, head)


def _record(one: LayerTime, two: LayerTime) -> dict[str, Any]:
    return {
        "network": one.network,
        "layer": one.layer,
        "dense_s": [*one.dense_s.tolist(), *two.dense_s.tolist()],
        "native_s": [*one.native_s.tolist(), *two.native_s.tolist()],
        "int8_s": [*one.int8_s.tolist(), *two.int8_s.tolist()],
    }


if __name__ == "__main__":
    main()
