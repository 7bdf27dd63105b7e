"""A network in half precision, with its types written into the file: for runtimes that take the precision from it.

Strongly typed TensorRT (11, and 10 on request) computes what the ONNX says. So the weights are fp16, a cast
follows the input, another one precedes the logits, and both ends stay float32: callers need not know.
"""

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from sis_edge.errors import ExportError
from sis_edge.spec import INPUT, OUTPUT
from sis_edge.text.limits import with_limit

LARGEST = float(np.finfo(np.float16).max)
"""The largest number of fp16, 65,504."""


def to_half(model: onnx.ModelProto) -> onnx.ModelProto:
    """The same network with fp16 weights and arithmetic between float32 ends.

    Raises ExportError for a weight that fp16 cannot hold; one below 6e-8 becomes 0, as rounding demands.
    """
    half = onnx.ModelProto()
    half.CopyFrom(model)
    graph = half.graph
    for initializer in graph.initializer:
        if initializer.data_type != TensorProto.FLOAT:
            continue
        values = numpy_helper.to_array(initializer)
        largest = float(np.abs(values).max(initial=0))
        if not largest <= LARGEST:  # also finds NaN
            value, limit = with_limit(largest, LARGEST, ",.6g")
            raise ExportError(
                f"{initializer.name} holds {value}, and half precision ends at {limit}; "
                "train with weight decay, or leave fp16 out of the profile's precisions"
            )
        initializer.CopyFrom(numpy_helper.from_array(values.astype(np.float16), initializer.name))
    for node in graph.node:
        node.input[:] = [_inner(name) for name in node.input]
        node.output[:] = [_inner(name) for name in node.output]
    nodes = [
        helper.make_node("Cast", [INPUT], [_inner(INPUT)], name="input.half", to=TensorProto.FLOAT16),
        *graph.node,
        helper.make_node("Cast", [_inner(OUTPUT)], [OUTPUT], name="logits.single", to=TensorProto.FLOAT),
    ]
    del graph.node[:]
    graph.node.extend(nodes)
    del graph.value_info[:]
    onnx.checker.check_model(half, full_check=True)
    return half


def _inner(name: str) -> str:
    """The tensor on the half precision side of a cast."""
    return f"{name}.half" if name in (INPUT, OUTPUT) else name
