"""A network in the precisions that a board's run times want, each with its accuracy and its own golden logits.

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
from sis_edge.exporting import onnx_file, parity
from sis_edge.exporting.half import to_half
from sis_edge.exporting.quantize import quantize_best

Array = NDArray[np.float32]

# What golden logits may differ on a board, as a share of the largest of them. Half floats are summed in another order
# and precision there; in INT8 one rounding the other way moves all that follows.
TOLERANCES = {"fp16": 0.02, "int8": 0.1}


@dataclass(frozen=True, eq=False)
class Labelled:
    """Normalised images float32 [N, 3, s, s] and their classes [N]."""

    images: Array
    labels: NDArray[Any]


@dataclass(frozen=True, eq=False)
class Samples:
    """What variants are made with: images to calibrate, to decide, to test; the golden inputs are the first tested."""

    calibration: Array
    deciding: Labelled
    test: Labelled
    golden_images: int


@dataclass(frozen=True)
class Original:
    """The ONNX file in float32 that variants are made of; what it answers to the samples is computed once for all."""

    source: Path
    samples: Samples

    @cached_property
    def test_logits(self) -> Array:
        """Logits of the test images."""
        return parity.run_onnx(self.source, self.samples.test.images)

    def deciding_accuracy(self, file: Path) -> float:
        """A file's accuracy on the images that decide."""
        return self._own_accuracy if file == self.source else self._accuracy(file)

    @cached_property
    def _own_accuracy(self) -> float:
        return self._accuracy(self.source)

    def _accuracy(self, file: Path) -> float:
        deciding = self.samples.deciding
        return accuracy(parity.run_onnx(file, deciding.images), deciding.labels)


def make(original: Original, spec: VariantSpec, folder: Path) -> dict[str, Any]:
    """Write a variant of a network into `folder`, and return what there is to say of it."""
    source, samples = original.source, original.samples
    path = folder / spec.model
    found: dict[str, Any] = {"name": spec.name, "precision": spec.precision, "runtime": spec.runtime}
    if spec.precision == "fp16":
        onnx_file.save(to_half(onnx.load(source)), path)
    else:
        trials = quantize_best(
            source,
            path,
            samples.calibration,
            "tensorrt" if spec.runtime == "tensorrt" else "cpu",
            original.deciding_accuracy,
            narrow_weights=spec.narrow_weights,
        )
        found["float_layers"] = list(trials[0].float_layers)
        found["trials"] = {" and ".join(trial.float_layers) or "none": trial.accuracy for trial in trials}
    reference = original.test_logits
    logits = parity.run_onnx(path, samples.test.images)
    golden = logits[: samples.golden_images]
    np.save(folder / spec.golden_logits, golden, allow_pickle=False)
    return {
        **found,
        "golden_tolerance": TOLERANCES[spec.precision] * float(np.abs(golden).max()),
        "host_accuracy": accuracy(logits, samples.test.labels),
        "fp32_accuracy": accuracy(reference, samples.test.labels),
        "host_test_images": len(samples.test.labels),
        "agreement": asdict(parity.compare(reference, logits)),
    }


def accuracy(logits: Array, labels: Sequence[int] | NDArray[Any]) -> float:
    """Share of the rows whose highest logit is the label's."""
    return float(np.mean(logits.argmax(axis=1) == np.asarray(labels)))
