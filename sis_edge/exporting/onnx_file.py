"""A compact network as ONNX, written node by node: the chain is short, and no exporter's version moves the file.

Opset 13 and IR version 8 are the newest that TensorRT 8.2 (JetPack 4.6) and ONNX Runtime 1.10 (Python 3.6) read.
Input `input` float32 [batch, 3, 32, 32], already normalised; output `logits` float32 [batch, classes].
"""

from collections.abc import Mapping
from pathlib import Path

import onnx
from onnx import TensorProto, helper, numpy_helper

from sis_edge import __version__
from sis_edge.exporting.compact import CompactLayer, CompactNetwork
from sis_edge.spec import INPUT, OUTPUT

OPSET = 13
IR_VERSION = 8


def to_onnx(network: CompactNetwork, name: str) -> onnx.ModelProto:
    """Conv, Relu and MaxPool nodes named after their layers, then GlobalAveragePool and Flatten."""
    nodes: list[onnx.NodeProto] = []
    weights: list[onnx.TensorProto] = []
    value = INPUT
    for layer in network.layers:
        value = add_layer(layer, value, nodes, weights)
    add_pooling(value, nodes)
    model = to_model(network, name, nodes, weights)
    onnx.checker.check_model(model, full_check=True)
    return model


def add_layer(layer: CompactLayer, value: str, nodes: list[onnx.NodeProto], weights: list[onnx.TensorProto]) -> str:
    """Add one layer's nodes behind `value`, and its weights; returns the name of its result."""
    spec = layer.spec
    weights.append(numpy_helper.from_array(layer.weight, f"{spec.name}.weight"))
    weights.append(numpy_helper.from_array(layer.bias, f"{spec.name}.bias"))
    nodes.append(
        helper.make_node(
            "Conv",
            [value, f"{spec.name}.weight", f"{spec.name}.bias"],
            [value := f"{spec.name}.conv"],
            name=spec.name,
            kernel_shape=[spec.kernel, spec.kernel],
            pads=[spec.kernel // 2] * 4,
            strides=[1, 1],
        )
    )
    if not spec.is_class_layer:
        nodes.append(helper.make_node("Relu", [value], [value := f"{spec.name}.relu"], name=f"{spec.name}.relu"))
    if spec.pool > 1:
        sides = [spec.pool, spec.pool]
        name = f"{spec.name}.pool"
        nodes.append(
            helper.make_node("MaxPool", [value], [value := name], name=name, kernel_shape=sides, strides=sides)
        )
    return value


def add_pooling(value: str, nodes: list[onnx.NodeProto]) -> None:
    """Add the global average pooling that ends the chain at `value`."""
    nodes.append(helper.make_node("GlobalAveragePool", [value], ["pooled"], name="global_pool"))
    nodes.append(helper.make_node("Flatten", ["pooled"], [OUTPUT], name="flatten", axis=1))


def to_model(
    network: CompactNetwork,
    name: str,
    nodes: list[onnx.NodeProto],
    weights: list[onnx.TensorProto],
    domains: Mapping[str, int] | None = None,
) -> onnx.ModelProto:
    """The model of these nodes with the fixed input and output; `domains` are further operator sets, by version."""
    first, last = network.layers[0].spec, network.layers[-1].spec
    image: list[str | int | None] = ["batch", first.inputs, first.map_side, first.map_side]
    graph = helper.make_graph(
        nodes,
        name,
        [helper.make_tensor_value_info(INPUT, TensorProto.FLOAT, image)],
        [helper.make_tensor_value_info(OUTPUT, TensorProto.FLOAT, ["batch", last.filters])],
        weights,
    )
    opsets = {"": OPSET} | dict(domains or {})
    return helper.make_model(
        graph,
        opset_imports=[helper.make_opsetid(domain, version) for domain, version in opsets.items()],
        ir_version=IR_VERSION,
        producer_name="sis-edge",
        producer_version=__version__,
    )


def save(model: onnx.ModelProto, path: Path) -> None:
    """Write the model; the same network gives the same bytes."""
    path.write_bytes(model.SerializeToString(deterministic=True))
