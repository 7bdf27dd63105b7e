"""Parameters and multiply-accumulates of an ONNX model, where they can be known."""

from collections.abc import Mapping
from math import prod
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import onnx

Shapes = Mapping[str, tuple[int, ...]]

UNCOUNTED = frozenset(
    ("ConvTranspose", "DeformConv", "LSTM", "GRU", "RNN", "Einsum", "Attention", "If", "Loop", "Scan")
)
"""Operators that multiply, or hold others, in ways that are not counted here."""


def parameters(proto: "onnx.ModelProto") -> int | None:
    """Floating-point weights; None for a quantised model, whose integers may be weights or not, and without any."""
    from onnx import TensorProto

    if any(
        "Quantize" in node.op_type or "QLinear" in node.op_type or "Integer" in node.op_type
        for node in proto.graph.node
    ):
        return None
    floats = (TensorProto.FLOAT, TensorProto.FLOAT16, TensorProto.DOUBLE, TensorProto.BFLOAT16)
    found = sum(prod(tensor.dims) for tensor in proto.graph.initializer if tensor.data_type in floats)
    return found or None


def macs(proto: "onnx.ModelProto") -> int | None:
    """Those of Conv, Gemm and MatMul for one run of the model, whose inputs are fixed; None where one is unknown."""
    from onnx import shape_inference

    nodes = proto.graph.node
    if any(
        node.op_type in UNCOUNTED
        or "QLinear" in node.op_type
        or "Integer" in node.op_type
        or node.domain not in ("", "ai.onnx")
        for node in nodes
    ):
        return None
    try:
        graph = shape_inference.infer_shapes(proto, data_prop=True).graph
    except Exception:  # of a model that ONNX's own inference cannot follow; runtimes may all the same
        return None
    shapes = {tensor.name: tuple(tensor.dims) for tensor in graph.initializer}
    for value in (*graph.input, *graph.value_info, *graph.output):
        dims = value.type.tensor_type.shape.dim
        if value.type.tensor_type.HasField("shape") and all(axis.WhichOneof("value") == "dim_value" for axis in dims):
            shapes[value.name] = tuple(axis.dim_value for axis in dims)
    total = 0
    for node in nodes:
        if node.op_type in ("Conv", "Gemm", "MatMul"):
            if any(name not in shapes for name in (*node.input[:2], node.output[0])):
                return None
            total += _of(node, shapes)
    return total


def _of(node: "onnx.NodeProto", shapes: Shapes) -> int:
    """Outputs times the products that each sums up."""
    left, right, result = (shapes[name] for name in (*node.input[:2], node.output[0]))
    if node.op_type == "Conv":
        return prod(result) * prod(right[1:])
    transposed = any(attribute.name == "transA" and attribute.i for attribute in node.attribute)
    return prod(result) * (left[0] if transposed else left[-1])
