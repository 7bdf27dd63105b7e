"""Networks with any inputs in TensorRT: its types as numpy's, an engine's tensors against those that are given."""

from typing import Any, Dict, List, Tuple

from sis_agent.protocol import ProblemError
from sis_agent.runners import inputs
from sis_agent.runners.base import Tensors
from sis_agent.runners.tensorrt.dialects import Dialect, Tensor

# TensorRT's types -> numpy's names; its others (BF16, FP8, INT4) have none, and an input or output cannot be one.
TYPES = {
    "FLOAT": "float32",
    "HALF": "float16",
    "INT8": "int8",
    "UINT8": "uint8",
    "INT32": "int32",
    "INT64": "int64",
    "BOOL": "bool",
}
# What TensorRT before 10 makes of an ONNX file's types: whole numbers and doubles of 8 bytes become those of 4.
NARROWED = {("int64", "int32"), ("float64", "float32")}


def check_types(tensors: List[Tensor]) -> None:
    """Raise the problem `bad-model` for an input or output of a type that numpy does not have."""
    for tensor in tensors:
        if tensor.dtype not in TYPES:
            raise ProblemError(
                "bad-model",
                "the engine's tensor '{}' is {}, and inputs and outputs must be one of {}".format(
                    tensor.name, tensor.dtype, ", ".join(TYPES)
                ),
            )


def as_taken(model_path: str, tensors: List[Tensor], given: Tensors) -> Tensors:
    """The given tensors in the engine's types; raises ProblemError `bad-inputs` where they do not fit, `bad-model`."""
    check_types(tensors)
    taken = dict(given)
    wanted = []
    for tensor in tensors:
        if tensor.is_input:
            kind = TYPES[tensor.dtype]
            wanted.append(inputs.NetworkInput(tensor.name, kind, tensor.shape))
            value = given.get(tensor.name)
            if value is not None and (value.dtype.name, kind) in NARROWED:
                narrow = value.astype(kind)
                if kind == "float32" or (narrow == value).all():
                    taken[tensor.name] = narrow
    inputs.check(model_path, wanted, taken)
    return taken


def tensor_shapes(dialect: Dialect, context: Any, tensors: List[Tensor], given: Tensors) -> Dict[str, Tuple[int, ...]]:
    """Every tensor's shape for these inputs; raises ProblemError `bad-inputs`, and `bad-model` for an open output."""
    shapes: Dict[str, Tuple[int, ...]] = {}
    for tensor in tensors:
        if tensor.is_input:
            shape = tuple(int(size) for size in given[tensor.name].shape)
            if -1 in tensor.shape and not dialect.set_input_shape(context, tensors, tensor.name, shape):
                text = (
                    "the engine does not take the input '{}' of the shape {}; the job's log.txt has TensorRT's reason"
                )
                raise ProblemError("bad-inputs", text.format(tensor.name, list(shape)))
            shapes[tensor.name] = shape
    for tensor in tensors:
        if not tensor.is_input:
            shapes[tensor.name] = dialect.output_shape(context, tensors, tensor.name)
            if min((*shapes[tensor.name], 0)) < 0:
                raise ProblemError(
                    "bad-model",
                    "the size of the output '{}' depends on values ({}), which this runner does not take".format(
                        tensor.name, list(shapes[tensor.name])
                    ),
                )
    return shapes
