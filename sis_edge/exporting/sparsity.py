"""Which weights of an ONNX file are 2:4 sparse: at most two of every four consecutive inputs, at each kernel position.

This is the condition of NVIDIA's sparse tensor cores for a convolution [filters, inputs, k, k] (TensorRT developer
guide, "Structured Sparsity"). Weights behind casts and (de)quantisation are found too.
"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import numpy_helper

from sis_edge.formation.granularities.nm import M

N = 2
"""The most inputs of M that a sparse tensor core takes."""

_PASSED = ("Cast", "QuantizeLinear", "DequantizeLinear")


@dataclass(frozen=True)
class WeightSparsity:
    """One convolution's weights: `is_24` is None where the inputs do not come in fours. `most` is what a group has.

    `dtype` is what they are computed in: int8 behind a quantisation, whatever the file holds.
    """

    layer: str
    weight: str
    shape: tuple[int, ...]
    dtype: str
    zeros: float
    most: int | None
    is_24: bool | None


def is_24(weight: NDArray[np.generic]) -> bool | None:
    """Whether weights [F, I, ...] are 2:4 sparse along the inputs; None where I does not divide by four."""
    most = most_of_four(weight)
    return None if most is None else most <= N


def most_of_four(weight: NDArray[np.generic]) -> int | None:
    """The largest count of non-zeros in a group of four consecutive inputs; None where I does not divide by four."""
    filters, inputs, *kernel = weight.shape
    if inputs % M:
        return None
    groups = (weight != 0).reshape(filters, inputs // M, M, *kernel)
    return int(groups.sum(axis=2).max(initial=0))


def weights(path: Path) -> list[WeightSparsity]:
    """Every convolution of an ONNX file, in its order, with what its weights are."""
    return of_model(onnx.load(path))


def of_model(model: onnx.ModelProto) -> list[WeightSparsity]:
    """Every convolution of a model, in its order, with what its weights are."""
    arrays = {value.name: value for value in model.graph.initializer}
    made_by = {name: node for node in model.graph.node for name in node.output}
    rows = []
    for node in model.graph.node:
        if node.op_type != "Conv":
            continue
        name, is_quantised = node.input[1], False
        while name in made_by and made_by[name].op_type in _PASSED:
            is_quantised |= made_by[name].op_type == "QuantizeLinear"
            name = made_by[name].input[0]
        if name not in arrays:
            continue  # weights that are computed at runtime cannot be sparse kernels
        weight = numpy_helper.to_array(arrays[name])
        most = most_of_four(weight)
        rows.append(
            WeightSparsity(
                layer=node.name,
                weight=name,
                shape=weight.shape,
                dtype="int8" if is_quantised else str(weight.dtype),
                zeros=float(np.mean(weight == 0)),
                most=most,
                is_24=None if most is None else most <= N,
            )
        )
    return rows
