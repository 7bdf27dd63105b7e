"""INT8 with explicit Q/DQ nodes, calibrated on real images by ONNX Runtime's static quantiser; weights per filter.

Two layouts, because runtimes fuse differently:

    tensorrt    Q/DQ on the inputs of convolutions only, symmetric (zero point 0), biases in float: what TensorRT fuses
                into Conv + ReLU + Q (TensorRT developer guide, "Explicit Quantization"). Weights are float32 behind a
                pair of Q and DQ: TensorRT 8 refuses weights that the file holds in INT8
    cpu         Q/DQ on inputs and outputs, activations uint8 with a zero point: ONNX Runtime makes QLinearConv of it

The first convolution and the class layer are the sensitive ones of most networks. Layers in float are slower, so one
stays in float only where a paired test shows that quantising it costs accuracy. Weights are quantised symmetrically: a
synapse that does not exist is 0 in INT8 too.
"""

import logging
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from math import comb
from pathlib import Path
from typing import Any, Literal

import numpy as np
import onnx
from numpy.typing import NDArray

from sis_edge.exporting.onnx_file import IR_VERSION, save
from sis_edge.spec import INPUT

Layout = Literal["tensorrt", "cpu"]
Array = NDArray[np.float32]
Correct = NDArray[np.bool_]
"""Which images a network classifies correctly [N]."""

CALIBRATION_BATCH = 32
_CPU_OPERATORS = ["Conv", "Relu", "MaxPool", "Add", "Clip", "AveragePool"]
"""What ONNX Runtime's processor kernels compute in INT8."""

SIGNIFICANCE = 0.05
"""A loss of accuracy with a smaller p-value is significant."""


@dataclass(frozen=True)
class QuantizationTrial:
    """One way to quantise, compared with another network (float32) on the same images.

    `lost` images only the other one classifies correctly, `won` only this one.
    """

    float_layers: tuple[str, ...]
    images: int
    correct: int
    lost: int
    won: int

    @property
    def accuracy(self) -> float:
        """Share of the images that it classifies correctly."""
        return self.correct / self.images

    @property
    def p_value(self) -> float:
        """Of the hypothesis that both are as accurate."""
        return mcnemar(self.lost, self.won)

    @property
    def is_worse(self) -> bool:
        """Whether it is significantly less accurate than the other network."""
        return self.lost > self.won and self.p_value < SIGNIFICANCE


def mcnemar(lost: int, won: int) -> float:
    """The p-value of McNemar's exact test, two-sided: lost + won discordant images, each as likely lost as won.

    Source: McNemar 1947, Psychometrika 12(2), with the binomial distribution in place of its normal approximation.

    >>> mcnemar(9, 1)
    0.021484375
    """
    discordant, most = lost + won, max(lost, won)
    return min(1.0, 2 * sum(comb(discordant, count) for count in range(most, discordant + 1)) / (1 << discordant))


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
            _batches(calibration),
            quant_format=quantization.QuantFormat.QDQ,
            op_types_to_quantize=["Conv"] if tensorrt else _CPU_OPERATORS,
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
    correct: Callable[[Path], Correct],
    *,
    narrow_weights: bool = False,
) -> tuple[QuantizationTrial, ...]:
    """Write the INT8 version with the fewest layers in float that is not significantly less accurate than `source`.

    Tried in turn: all layers in INT8, without the class layer, without the first, without both. Where all are
    significantly worse, the first of them is taken that is not significantly worse than the most accurate. `correct`
    runs a file on images that are neither the calibration's nor the test's. Returns the trials, the chosen one first.
    """
    layers = [node.name for node in onnx.load(source).graph.node if node.op_type == "Conv"]
    first, last = layers[0], layers[-1]
    reference = correct(source)
    answers: list[Correct] = []
    trials: list[QuantizationTrial] = []
    with tempfile.TemporaryDirectory(prefix="sis-edge-") as folder:
        files = [Path(folder) / f"{number}.onnx" for number in range(4)]
        for path, kept in zip(files, ((), (last,), (first,), (first, last)), strict=True):
            quantize(source, path, calibration, layout, float_layers=kept, narrow_weights=narrow_weights)
            answers.append(correct(path))
            trials.append(compared(kept, reference, answers[-1]))
            if not trials[-1].is_worse:
                chosen = len(trials) - 1
                break
        else:
            chosen = _fewest_in_float(answers)
        target.write_bytes(files[chosen].read_bytes())
    return (trials[chosen], *trials[:chosen], *trials[chosen + 1 :])


def compared(float_layers: tuple[str, ...], reference: Correct, answer: Correct) -> QuantizationTrial:
    """The trial of a network that classifies these images correctly, against another that does those."""
    lost, won = int((reference & ~answer).sum()), int((~reference & answer).sum())
    return QuantizationTrial(float_layers, answer.size, int(answer.sum()), lost, won)


def _fewest_in_float(answers: Sequence[Correct]) -> int:
    """The first of the trials that is not significantly less accurate than the most accurate of them."""
    best = max(answers, key=lambda answer: int(answer.sum()))
    return next(number for number, answer in enumerate(answers) if not compared((), best, answer).is_worse)


def _batches(images: Array) -> Any:
    from onnxruntime.quantization import CalibrationDataReader

    class CalibrationBatches(CalibrationDataReader):  # type: ignore[misc]  # onnxruntime has no types
        def __init__(self) -> None:
            starts = range(0, len(images), CALIBRATION_BATCH)
            self._batches = iter([{INPUT: images[start : start + CALIBRATION_BATCH]} for start in starts])

        def get_next(self) -> dict[str, Array] | None:
            return next(self._batches, None)

    return CalibrationBatches()


@contextmanager
def _quiet() -> Iterator[None]:
    """Without the quantiser's advice to pre-process: our files are folded already."""
    before = logging.root.manager.disable
    logging.disable(logging.WARNING)
    try:
        yield
    finally:
        logging.disable(before)
