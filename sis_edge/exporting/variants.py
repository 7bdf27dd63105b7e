"""A network in the precisions that a board's runtimes want, each with its accuracy and its own golden logits.

fp16                typed half precision, for TensorRT
int8-tensorrt       INT8 in the layout that TensorRT fuses
int8-onnxruntime    INT8 in the layout that ONNX Runtime's processor kernels fuse
"""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray

from sis_edge.backends.variants import VariantSpec
from sis_edge.bundles import wrong_images
from sis_edge.exporting import onnx_file, parity
from sis_edge.exporting.half import to_half
from sis_edge.exporting.quantize import Correct, quantize_best

Array = NDArray[np.float32]

CALIBRATION_IMAGES = 256
DECIDING_IMAGES = 5000
"""Training images that decide how INT8 treats the first and the last layer: no test image may decide anything.

INT8 gets some 0.3% of images right that float32 gets wrong, and as many the other way round. Then 5,000 images show a
loss of 0.4 points at SIGNIFICANCE with a power of 80%, and 500, the zoo's sample, one of 2 points.
"""

# What golden logits may differ on a board, as a share of the largest of them. Half floats are summed in another order
# and precision there; in INT8 one rounding the other way moves all that follows.
TOLERANCES = {"fp16": 0.02, "int8": 0.1}


@dataclass(frozen=True, eq=False)
class Labelled:
    """Normalised images float32 [N, 3, s, s] and their classes [N]."""

    images: Array
    labels: NDArray[Any]


@dataclass(frozen=True, eq=False)
class VariantSamples:
    """What variants are made with: images to calibrate, to decide, to test; the golden inputs are the first tested."""

    calibration: Array
    deciding: Labelled
    test: Labelled
    golden_images: int


def split(train_images: int) -> tuple[slice, slice]:
    """Which training images calibrate, and which decide: the first and the last, none both.

    >>> split(50_000), split(100)
    ((slice(0, 256, None), slice(45000, 50000, None)), (slice(0, 50, None), slice(50, 100, None)))
    """
    calibrating = min(CALIBRATION_IMAGES, train_images // 2)
    return slice(0, calibrating), slice(max(calibrating, train_images - DECIDING_IMAGES), train_images)


@dataclass(frozen=True)
class Original:
    """The ONNX file in float32 that variants are made of; what it answers to the samples is computed once for all."""

    source: Path
    samples: VariantSamples

    @cached_property
    def test_logits(self) -> Array:
        """Logits of the test images."""
        return parity.run_onnx(self.source, self.samples.test.images)

    def deciding_correct(self, file: Path) -> Correct:
        """Which of the deciding images a file classifies correctly [N]."""
        return self._own_correct if file == self.source else self._correct(file)

    @cached_property
    def _own_correct(self) -> Correct:
        return self._correct(self.source)

    def _correct(self, file: Path) -> Correct:
        deciding = self.samples.deciding
        correct: Correct = parity.run_onnx(file, deciding.images).argmax(axis=1) == deciding.labels
        return correct


def make(original: Original, spec: VariantSpec, folder: Path) -> dict[str, Any]:
    """Write a variant of a network into `folder`, and return its summary for the manifest."""
    source, samples = original.source, original.samples
    path = folder / spec.model
    summary: dict[str, Any] = {"name": spec.name, "precision": spec.precision, "runtime": spec.runtime}
    if spec.precision == "fp16":
        onnx_file.save(to_half(onnx.load(source)), path)
    else:
        trials = quantize_best(
            source,
            path,
            samples.calibration,
            "tensorrt" if spec.runtime == "tensorrt" else "cpu",
            original.deciding_correct,
            narrow_weights=spec.narrow_weights,
        )
        summary["float_layers"] = list(trials[0].float_layers)
        names = [" and ".join(trial.float_layers) or "none" for trial in trials]
        summary["trials"] = {name: trial.accuracy for name, trial in zip(names, trials, strict=True)}
        summary["paired_tests"] = {
            name: {"images": trial.images, "lost": trial.lost, "won": trial.won, "p_value": trial.p_value}
            for name, trial in zip(names, trials, strict=True)
        }
    logits = parity.run_onnx(path, samples.test.images)
    golden = logits[: samples.golden_images]
    np.save(folder / spec.golden_logits, golden, allow_pickle=False)
    return {
        **summary,
        "golden_tolerance": TOLERANCES[spec.precision] * float(np.abs(golden).max()),
        **judged(original, logits),
    }


def judged(original: Original, logits: Array) -> dict[str, Any]:
    """What a manifest says of a variant that answers these logits to the test images."""
    reference, samples = original.test_logits, original.samples
    return {
        "host_accuracy": accuracy(logits, samples.test.labels),
        "fp32_accuracy": accuracy(reference, samples.test.labels),
        "host_test_images": len(samples.test.labels),
        "host_wrong": _wrong(logits, samples.test.labels),
        "fp32_wrong": _wrong(reference, samples.test.labels),
        "agreement": asdict(parity.compare(reference, logits)),
    }


def _wrong(logits: Array, labels: NDArray[Any]) -> str:
    return wrong_images.pack(np.flatnonzero(logits.argmax(axis=1) != labels).tolist())


def accuracy(logits: Array, labels: Sequence[int] | NDArray[Any]) -> float:
    """Share of the rows whose highest logit is the label's."""
    return float(np.mean(logits.argmax(axis=1) == np.asarray(labels)))
