"""A compact network quantised for the INT8 kernels: weights by filter, values of seven bits (`native.int8.chain`).

Ranges come from calibration images. The largest activation is rarely the best end of a range: cutting off a few
outliers makes all other steps finer, so the end with the least squared error is taken.
"""

from collections.abc import Iterator, Sequence

import numpy as np
import onnx
import onnxruntime
from numpy.typing import NDArray

from sis_edge.errors import ExportError
from sis_edge.exporting.compact import CompactLayer, CompactNetwork
from sis_edge.exporting.onnx_file import GraphNodes, to_model
from sis_edge.native.int8 import MOST_VALUE, Int8Chain, Int8Layer
from sis_edge.native.int8.chain import MOST_WEIGHT
from sis_edge.spec import INPUT, is_chain

Array = NDArray[np.float32]

BATCH = 32
BINS = 2048
CUTS = np.linspace(0.2, 1, 81)
"""Ends of a range that are tried, as shares of the largest activation."""

MOST_BIAS = 2**24
"""A filter with small weights and a large bias gets a coarser step, so that its sums stay within 32 bits."""


def why_not(network: CompactNetwork) -> str | None:
    """Why a network cannot be computed by the INT8 kernels; None where it can."""
    specs = [layer.spec for layer in network.layers]
    if is_chain(specs):
        return None
    special = next((f"{spec.name} has {spec.special}" for spec in specs if spec.special), "its layers branch")
    return f"the INT8 kernels compute chains of convolutions with stride 1 only: {special}"


def quantise_chain(network: CompactNetwork, calibration: Array) -> Int8Chain:
    """The whole network in INT8, its ranges from normalised images [N, C, s, s].

    Raises ExportError for a network that is not a chain of the paper's layers.
    """
    reason = why_not(network)
    if reason is not None:
        raise ExportError(reason)
    low, high = min(0.0, float(calibration.min())), max(0.0, float(calibration.max()))
    scale = max(high - low, 1e-6) / MOST_VALUE
    inverse_scale, zero = np.float32(1 / scale), int(np.clip(round(-low / scale), 0, MOST_VALUE))
    scale = 1 / float(inverse_scale)
    layers = []
    for layer, end in zip(network.layers[:-1], range_ends(network, calibration), strict=True):
        layers.append(_layer(layer, scale, end / MOST_VALUE))
        scale = end / MOST_VALUE
    last = network.layers[-1]
    pixels = last.spec.out_side**2
    layers.append(_layer(last, scale, float(pixels)))
    side = network.layers[0].spec.map_side
    return Int8Chain(tuple(layers), side, side, inverse_scale, zero, global_average=True)


def _layer(layer: CompactLayer, scale: float, result_scale: float) -> Int8Layer:
    """One layer for inputs in steps of `scale`, its results in steps of `result_scale`."""
    weight, bias = layer.weight.astype(np.float64), layer.bias.astype(np.float64)
    step = np.maximum(np.abs(weight).max(axis=(1, 2, 3)) / MOST_WEIGHT, np.abs(bias) / scale / MOST_BIAS)
    step = np.where(step > 0, step, 1.0)  # a filter without weights and bias
    return Int8Layer(
        weight=np.rint(weight / step[:, None, None, None]).astype(np.int8),
        bias=np.rint(bias / (scale * step)).astype(np.int32),
        multiplier=(scale * step / result_scale).astype(np.float32),
        relu=layer.spec.activates == "relu",
        pool=layer.spec.pool,
    )


def range_ends(network: CompactNetwork, images: Array) -> list[float]:
    """The largest value that each layer's result keeps, but for the last layer's."""
    session, names = _with_results(network)
    largest = np.full(len(names), 1e-6)
    for results in _batches(session, names, images):
        largest = np.maximum(largest, [result.max() for result in results])
    counts = np.zeros((len(names), BINS))
    for results in _batches(session, names, images):
        for number, result in enumerate(results):
            bins = (result * np.float32((BINS - 1) / largest[number])).astype(np.int32)
            counts[number] += np.bincount(np.maximum(bins, 0).ravel(), minlength=BINS)
    return [best_end(count, end) for count, end in zip(counts, largest, strict=True)]


def best_end(counts: NDArray[np.float64], largest: float) -> float:
    """The end of a range with the least squared error, for a histogram of activations from 0 to `largest`."""
    values = (np.arange(len(counts)) + 0.5) * largest / len(counts)
    errors = []
    for cut in CUTS:
        step = cut * largest / MOST_VALUE
        kept = np.minimum(np.rint(values / step), MOST_VALUE) * step
        errors.append(
            float((counts * (values - kept) ** 2)[1:].sum())
        )  # the first bin holds the zeros, which are exact
    return float(CUTS[int(np.argmin(errors))] * largest)


def _with_results(network: CompactNetwork) -> tuple[onnxruntime.InferenceSession, list[str]]:
    """A session whose outputs are the results of all layers but the last, and their names."""
    graph = GraphNodes(network)
    for number in range(len(network.layers)):
        graph.add_layer(number)
    graph.finish()
    names = [graph.values[number] for number in range(len(network.layers) - 1)]
    model = to_model(network, "calibration", graph.nodes, graph.weights)
    model.graph.output.extend(onnx.helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, None) for name in names)
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    return onnxruntime.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"]), names


def _batches(session: onnxruntime.InferenceSession, names: Sequence[str], images: Array) -> Iterator[list[Array]]:
    for start in range(0, len(images), BATCH):
        yield session.run(list(names), {INPUT: images[start : start + BATCH]})
