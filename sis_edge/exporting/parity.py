"""Does the exported network answer as the trained one? Asked with real images, in ONNX Runtime on this machine."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import onnxruntime
from numpy.typing import NDArray

from sis_edge.errors import ExportError
from sis_edge.spec import INPUT, OUTPUT
from sis_edge.text.limits import with_limit

TOLERANCE = 1e-4
"""Largest difference of a logit that rounding explains: float32 sums in another order."""

Array = NDArray[np.float32]


@dataclass(frozen=True)
class ParityResult:
    """Agreement of two sets of logits for the same images."""

    images: int
    max_abs_difference: float
    top1_agreement: float


def run_onnx(path: Path, inputs: Array, batch_size: int = 64, library: Path | None = None) -> Array:
    """Logits [N, classes] of an ONNX file for normalised images [N, 3, s, s]; `library` has operators of its own."""
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    if library is not None:
        options.register_custom_ops_library(str(library))
    session = onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    parts = [
        session.run([OUTPUT], {INPUT: inputs[start : start + batch_size]})[0]
        for start in range(0, len(inputs), batch_size)
    ]
    return np.concatenate(parts)


def compare(reference: Array, answer: Array) -> ParityResult:
    """How far the answer is from the reference, both [N, classes]; NaN counts as infinitely far."""
    difference = np.abs(reference.astype(np.float64) - answer)
    worst = float(np.max(np.where(np.isnan(difference), np.inf, difference)))
    agreement = float(np.mean(reference.argmax(axis=1) == answer.argmax(axis=1)))
    return ParityResult(len(reference), worst, agreement)


def check(path: Path, inputs: Array, reference: Array) -> ParityResult:
    """Compare an ONNX file with PyTorch's logits; raises ExportError beyond the tolerance or at another top-1."""
    result = compare(reference, run_onnx(path, inputs))
    if result.max_abs_difference > TOLERANCE or result.top1_agreement < 1:
        difference, allowed = with_limit(result.max_abs_difference, TOLERANCE, ".2g")
        agreement, _ = with_limit(result.top1_agreement, 1, ".1%")
        raise ExportError(
            f"{path} does not answer as PyTorch: logits differ by up to {difference} "
            f"(allowed {allowed}), top-1 agrees on {agreement} of {result.images} images; "
            "keep the file and report it: nothing was bundled"
        )
    return result
