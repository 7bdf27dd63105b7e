"""Reading an ONNX model, without its weights where they lie in other files; its inputs are fixed in place."""

from collections.abc import Iterator, Mapping
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

from sis_edge.build.given.model_file import Axis, ModelInput
from sis_edge.errors import UsageError
from sis_edge.files.lfs import check_fetched

if TYPE_CHECKING:
    import onnx

RESERVED = ("model.onnx", "inputs.npz", "expected.npz", "labels.npy")
"""What the bundle itself puts beside the model."""

MEASURED = ("float16", "float32", "float64", "bool", *(f"{u}int{bits}" for u in ("", "u") for bits in (8, 16, 32, 64)))


def load(path: Path) -> "onnx.ModelProto":
    """The model, without external data; raises UsageError for a file that is not ONNX."""
    import onnx
    from google.protobuf.message import DecodeError  # type: ignore[import-untyped,unused-ignore]

    try:
        proto = onnx.load(str(path), load_external_data=False)
    except (DecodeError, ValueError) as error:
        reason = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
        raise UsageError(f"{path} is not an ONNX model ({reason}); export it again, or check the path") from None
    if not proto.ir_version or not proto.graph.node:
        raise UsageError(f"{path} is not an ONNX model (it has no graph); export it again, or check the path")
    if not all(isinstance(text, str) for text in _texts(proto)):  # protobuf gives bytes where they are not UTF-8
        raise UsageError(f"{path} is damaged (a name in it is not UTF-8); export it again")
    return proto


def opset(proto: "onnx.ModelProto") -> int | None:
    """The version of ONNX's own operators that it uses."""
    return next((each.version for each in proto.opset_import if each.domain in ("", "ai.onnx")), None)


def inputs(proto: "onnx.ModelProto", path: Path) -> tuple[ModelInput, ...]:
    """What must be fed: older exporters list weights as inputs too, which are not counted."""
    import onnx

    weights = {tensor.name for tensor in proto.graph.initializer}
    weights |= {tensor.values.name for tensor in proto.graph.sparse_initializer}
    found = []
    for value in proto.graph.input:
        if value.name in weights:
            continue
        kind, tensor = value.type.WhichOneof("value"), value.type.tensor_type
        words = onnx.TensorProto.DataType.Name(tensor.elem_type).lower() if kind == "tensor_type" else str(kind)
        dtype = str(onnx.helper.tensor_dtype_to_np_dtype(tensor.elem_type)) if words not in ("undefined", kind) else ""
        if dtype not in MEASURED:
            raise UsageError(
                f"{path}: its input {value.name} is of type {words}, and inputs can be: {', '.join(MEASURED)}"
            )
        if not tensor.HasField("shape"):
            raise UsageError(f"{path}: its input {value.name} has no shape in the file; export it with one")
        found.append(ModelInput(value.name, dtype, tuple(_axis(axis) for axis in tensor.shape.dim)))
    return tuple(found)


def external_files(proto: "onnx.ModelProto", path: Path) -> tuple[str, ...]:
    """The files with its weights, relative to its folder; raises UsageError for one that is missing or elsewhere."""
    found: dict[str, None] = {}
    for tensor in _tensors(proto.graph):
        for entry in tensor.external_data:
            if entry.key == "location":
                found[entry.value] = None
    for location in found:
        parts = PurePosixPath(location).parts
        if PurePosixPath(location).is_absolute() or ".." in parts or location in RESERVED:
            raise UsageError(
                f"{path} has external data in {location}, which cannot go into a bundle; "
                "save it with its data in a file of its own beside it"
            )
        if not (path.parent / location).is_file():
            raise UsageError(f"{path} has external data in {location}, which is not in {path.parent}; put it there")
        check_fetched(path.parent / location)
    return tuple(found)


def fixed(proto: "onnx.ModelProto", shapes: Mapping[str, tuple[int, ...]]) -> bool:
    """Fix the axes of the inputs in place; returns whether anything changed."""
    changed = False
    for value in proto.graph.input:
        for axis, length in zip(value.type.tensor_type.shape.dim, shapes.get(value.name, ()), strict=False):
            if axis.WhichOneof("value") != "dim_value" or axis.dim_value != length:
                axis.dim_value = length
                changed = True
    return changed


def _axis(axis: "onnx.TensorShapeProto.Dimension") -> Axis:
    if axis.WhichOneof("value") == "dim_value" and axis.dim_value > 0:
        return axis.dim_value
    return axis.dim_param or "?"


def _texts(proto: "onnx.ModelProto") -> Iterator[str | bytes]:
    """Every name of the graph, and where its external data is."""
    graph = proto.graph
    yield from (each.domain for each in proto.opset_import)
    yield from (each.name for each in (*graph.input, *graph.output, *graph.value_info))
    for node in graph.node:
        yield from (node.name, node.op_type, node.domain, *node.input, *node.output)
    for tensor in _tensors(graph):
        yield tensor.name
        yield from (text for entry in tensor.external_data for text in (entry.key, entry.value))


def _tensors(graph: "onnx.GraphProto") -> "Iterator[onnx.TensorProto]":
    yield from graph.initializer
    for node in graph.node:
        for attribute in node.attribute:
            yield from (attribute.t, *attribute.tensors)
            for inner in (attribute.g, *attribute.graphs):
                if inner.node or inner.initializer:
                    yield from _tensors(inner)
