"""INT8 with explicit Q/DQ nodes, calibrated on real images by ONNX Runtime's static quantiser; weights per filter.

Two layouts, because run times fuse differently:

    tensorrt    Q/DQ on the inputs of convolutions only, symmetric (zero point 0), biases in float: what TensorRT fuses
                into Conv + ReLU + Q (TensorRT developer guide, "Explicit Quantization"). Weights are float32 behind a
                pair of Q and DQ: TensorRT 8 refuses weights that the file holds in INT8
    cpu         Q/DQ on inputs and outputs, activations uint8 with a zero point: ONNX Runtime makes QLinearConv of it

The first convolution and the class layer are the sensitive ones of most networks, so whether they stay in float is
decided by measured accuracy. Weights are quantised symmetrically: a synapse that does not exist is 0 in INT8 too.
"""

import logging
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
import onnx
from numpy.typing import NDArray

from sis_edge.exporting.onnx_file import IR_VERSION, save
from sis_edge.spec import INPUT

Layout = Literal["tensorrt", "cpu"]
Array = NDArray[np.float32]

CALIBRATION_BATCH = 32
ALLOWED_LOSS = 0.002
"""Accuracy that quantising one more layer may cost: a fifth of a percent, about the noise of some thousand images."""


@dataclass(frozen=True)
class Trial:
    """One way to quantise: which layers stay in float, and the accuracy on the images that decide."""

    float_layers: tuple[str, ...]
    accuracy: float


def quantize(
    source: Path,
    target: Path,
    calibration: Array,
    layout: Layout,
    *,
    float_layers: Sequence[str] = (),
    narrow_weights: bool = False,
) -> None:
    """Write an INT8 version of `source`, its ranges from normalised images [N, 3, s, s].

    `narrow_weights` takes 7 bits for weights: x86 processors without VNNI add products in 16 bits and saturate.
    """
    from onnxruntime import quantization

    tensorrt = layout == "tensorrt"
    with tempfile.TemporaryDirectory(prefix="sis-edge-") as folder, _quiet():
        part = Path(folder) / "int8.onnx"
        quantization.quantize_static(
            str(source),
            str(part),
            _reader(calibration),
            quant_format=quantization.QuantFormat.QDQ,
            op_types_to_quantize=["Conv"] if tensorrt else ["Conv", "Relu", "MaxPool"],
            per_channel=True,
            reduce_range=narrow_weights,
            activation_type=quantization.QuantType.QInt8 if tensorrt else quantization.QuantType.QUInt8,
            weight_type=quantization.QuantType.QInt8,
            nodes_to_exclude=list(float_layers),
            extra_options={
                "WeightSymmetric": True,
                "ActivationSymmetric": tensorrt,
                "QuantizeBias": not tensorrt,
                "AddQDQPairToWeight": tensorrt,
                "OpTypesToExcludeOutputQuantization": ["Conv"] if tensorrt else [],
            },
        )
        model = onnx.load(part)
    used = {node.domain for node in model.graph.node}
    kept = [entry for entry in model.opset_import if entry.domain in used]
    del model.opset_import[:]
    model.opset_import.extend(kept)
    model.ir_version = IR_VERSION
    onnx.checker.check_model(model)
    save(model, target)


def quantize_best(
    source: Path,
    target: Path,
    calibration: Array,
    layout: Layout,
    accuracy: Callable[[Path], float],
    *,
    narrow_weights: bool = False,
) -> tuple[Trial, ...]:
    """Write the INT8 version with the fewest layers in float that costs no more than ALLOWED_LOSS of accuracy.

    Tried in turn: all layers in INT8, without the class layer, without the first, without both; where all cost more,
    the most accurate is taken. `accuracy` measures a file on images that are neither the calibration's nor the test's.
    Returns the trials, the chosen one first.
    """
    layers = [node.name for node in onnx.load(source).graph.node if node.op_type == "Conv"]
    first, last = layers[0], layers[-1]
    enough = accuracy(source) - ALLOWED_LOSS
    trials: list[tuple[Trial, Path]] = []
    with tempfile.TemporaryDirectory(prefix="sis-edge-") as folder:
        for number, kept in enumerate(((), (last,), (first,), (first, last))):
            path = Path(folder) / f"{number}.onnx"
            quantize(source, path, calibration, layout, float_layers=kept, narrow_weights=narrow_weights)
            trials.append((Trial(kept, accuracy(path)), path))
            if trials[-1][0].accuracy >= enough:
                break
        else:
            trials.sort(key=lambda pair: pair[0].accuracy)  # stable: of two as accurate, the later has more in float
        chosen, path = trials[-1]
        target.write_bytes(path.read_bytes())
    return (chosen, *(trial for trial, _ in trials if trial is not chosen))


def _reader(images: Array) -> Any:
    from onnxruntime.quantization import CalibrationDataReader

    class Reader(CalibrationDataReader):  # type: ignore[misc]  # onnxruntime has no types
        def __init__(self) -> None:
            starts = range(0, len(images), CALIBRATION_BATCH)
            self._batches = iter([{INPUT: images[at : at + CALIBRATION_BATCH]} for at in starts])

        def get_next(self) -> dict[str, Array] | None:
            return next(self._batches, None)

    return Reader()


@contextmanager
def _quiet() -> Iterator[None]:
    """Without the quantiser's advice to pre-process: our files are folded already."""
    before = logging.root.manager.disable
    logging.disable(logging.WARNING)
    try:
        yield
    finally:
        logging.disable(before)
