"""What Winograd's algorithm changes in a network: its sparse form against the one with direct kernels, on real images.

The bound holds for the host's kernels. Those of other instruction sets round the same products in another order.
"""

import tempfile
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from sis_edge.bundles.sparse_form import WinogradError
from sis_edge.exporting import onnx_file, parity
from sis_edge.exporting.compact import CompactNetwork
from sis_edge.exporting.sparse import Plan
from sis_edge.exporting.sparse_onnx import to_sparse_onnx
from sis_edge.text.limits import with_limit

BOUND = 1e-3
"""Largest difference of a logit, over the range of the logits, that is accepted."""

TRAIN_IMAGES = 256
"""Training images that the error is measured on: a zoo's sample has as many."""

Array = NDArray[np.float32]


def measure(network: CompactNetwork, plan: Plan, library: Path, train: Array, test: Array) -> WinogradError:
    """Compare the plan's network with the same one by direct kernels, on normalised images [N, channels, s, s].

    `library` must run on this machine.
    """
    with tempfile.TemporaryDirectory() as folder:
        direct, transformed = Path(folder, "direct.onnx"), Path(folder, "winograd.onnx")
        onnx_file.save(to_sparse_onnx(network, "direct", plan.blocks), direct)
        onnx_file.save(to_sparse_onnx(network, "winograd", plan.blocks, plan.winograd), transformed)
        on_train, on_test = (
            [parity.run_onnx(path, images, library=library) for path in (direct, transformed)]
            for images in (train, test)
        )
    agreed, tested = parity.compare(*on_train), parity.compare(*on_test)
    reach = float(np.ptp(on_train[0]))
    error = agreed.max_abs_difference / reach if reach else float(agreed.max_abs_difference > 0)
    largest = max(agreed.max_abs_difference, tested.max_abs_difference)
    return WinogradError(
        images=agreed.images,
        error=error,
        test_images=tested.images,
        top1_agreement=tested.top1_agreement,
        left_out=_left_out(error, largest, tested.top1_agreement),
    )


def _left_out(error: float, largest: float, top1_agreement: float) -> str | None:
    """Why it is not used: it misses a bound; None where it keeps them all."""
    if not error <= BOUND:
        return "its error is {} of the logits' range (allowed {})".format(*with_limit(error, BOUND, ".2g"))
    if not 2 * largest <= parity.TOLERANCE:
        return "logits differ by up to {} (allowed {})".format(*with_limit(largest, parity.TOLERANCE / 2, ".2g"))
    if top1_agreement < 1:
        return f"top-1 agrees on {with_limit(top1_agreement, 1, '.2%')[0]} of the test images"
    return None
