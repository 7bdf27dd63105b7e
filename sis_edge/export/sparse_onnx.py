"""A compact network as ONNX with sparse nodes: the same function, input and output as `onnx_file` writes.

Layers that the native kernels compute stand in nodes `SparseChain` of the domain `sis_edge`, as many consecutive ones
in one node as there are, so that maps keep the kernels' own layout between them; the others stay plain ONNX nodes. A
session needs the library of `sis_edge.native` for the board: `SessionOptions.register_custom_ops_library(path)`.
"""

import zlib
from collections.abc import Sequence

import onnx
from onnx import TensorProto, helper, numpy_helper

from sis_edge import __version__
from sis_edge.export.compact import CompactLayer, CompactNetwork
from sis_edge.export.onnx_file import INPUT, IR_VERSION, OPSET, OUTPUT
from sis_edge.native import blob

DOMAIN = "sis_edge"
DOMAIN_VERSION = 1
OPERATOR = "SparseChain"


def to_sparse_onnx(network: CompactNetwork, name: str, blocks: Sequence[int] | None = None) -> onnx.ModelProto:
    """The network with sparse nodes.

    `blocks` says for each layer how many neighbouring filters share an input list at least, and 0 for a layer that
    stays with ONNX Runtime's dense convolution; all layers are native, one filter at a time, where it is None.
    """
    widths = [1] * len(network.layers) if blocks is None else list(blocks)
    nodes: list[onnx.NodeProto] = []
    weights: list[onnx.TensorProto] = []
    value, at = INPUT, 0
    while at < len(network.layers):
        end = at + 1
        if widths[at]:
            while end < len(network.layers) and widths[end]:
                end += 1
            is_last = end == len(network.layers)
            result = OUTPUT if is_last else f"{network.layers[end - 1].spec.name}.out"
            nodes.append(_sparse_node(network.layers[at:end], widths[at:end], value, result, is_last))
            value = result
        else:
            value = _dense_nodes(network.layers[at], value, nodes, weights)
        at = end
    if value != OUTPUT:
        nodes.append(helper.make_node("GlobalAveragePool", [value], ["pooled"], name="global_pool"))
        nodes.append(helper.make_node("Flatten", ["pooled"], [OUTPUT], name="flatten", axis=1))
    first, last = network.layers[0].spec, network.layers[-1].spec
    graph = helper.make_graph(
        nodes,
        name,
        [
            helper.make_tensor_value_info(
                INPUT, TensorProto.FLOAT, ["batch", first.inputs, first.map_side, first.map_side]
            )
        ],
        [helper.make_tensor_value_info(OUTPUT, TensorProto.FLOAT, ["batch", last.filters])],
        weights,
    )
    model = helper.make_model(
        graph,
        opset_imports=[helper.make_opsetid("", OPSET), helper.make_opsetid(DOMAIN, DOMAIN_VERSION)],
        ir_version=IR_VERSION,
        producer_name="sis-edge",
        producer_version=__version__,
    )
    onnx.checker.check_model(model)
    return model


def _sparse_node(
    layers: Sequence[CompactLayer], widths: Sequence[int], value: str, result: str, is_last: bool
) -> onnx.NodeProto:
    chain = blob.encode(layers, widths, global_average=is_last)
    name = layers[0].spec.name if len(layers) == 1 else f"{layers[0].spec.name}-{layers[-1].spec.name}"
    return helper.make_node(
        OPERATOR, [value], [result], name=name, domain=DOMAIN, chain=chain, check=f"{zlib.crc32(chain):08x}"
    )


def _dense_nodes(layer: CompactLayer, value: str, nodes: list[onnx.NodeProto], weights: list[onnx.TensorProto]) -> str:
    """Conv, Relu and MaxPool of one layer, added to `nodes` and `weights`; returns the last value's name."""
    spec = layer.spec
    parameters = [f"{spec.name}.weight", f"{spec.name}.bias"]
    weights += [
        numpy_helper.from_array(array, name) for array, name in zip((layer.weight, layer.bias), parameters, strict=True)
    ]
    result, sides, pad = f"{spec.name}.conv", [spec.kernel] * 2, [spec.kernel // 2] * 4
    nodes.append(helper.make_node("Conv", [value, *parameters], [result], name=spec.name, kernel_shape=sides, pads=pad))
    if not spec.is_class_layer:
        result, before = f"{spec.name}.relu", result
        nodes.append(helper.make_node("Relu", [before], [result], name=result))
    if spec.pool > 1:
        result, before, sides = f"{spec.name}.pool", result, [spec.pool] * 2
        nodes.append(helper.make_node("MaxPool", [before], [result], name=result, kernel_shape=sides, strides=sides))
    return result
