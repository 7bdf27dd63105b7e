"""A compact network as ONNX with sparse nodes: the same function, input and output as `onnx_file` writes.

Layers that the native kernels compute are nodes `SparseChain` of the domain `sis_edge`, consecutive ones in one node,
so that maps keep the kernels' own layout between them; the others stay plain ONNX nodes. A session needs the library of
`sis_edge.native` for the board: `SessionOptions.register_custom_ops_library(path)`.
"""

import zlib
from collections.abc import Sequence

import onnx
from onnx import helper

from sis_edge.exporting.compact import CompactLayer, CompactNetwork
from sis_edge.exporting.onnx_file import GraphNodes, to_model
from sis_edge.native import blob
from sis_edge.spec import OUTPUT, follows

DOMAIN = "sis_edge"
DOMAIN_VERSION = 1
OPERATOR = "SparseChain"


def to_sparse_onnx(
    network: CompactNetwork, name: str, blocks: Sequence[int] | None = None, winograd: Sequence[bool] | None = None
) -> onnx.ModelProto:
    """The network with sparse nodes.

    `blocks` says for each layer how many neighbouring filters share an input list at least, and 0 for a layer that
    stays with ONNX Runtime's dense convolution. Where it is None, all layers that native kernels compute are native,
    one filter at a time. `winograd` says which of the native layers use Winograd's algorithm; None: none.
    """
    graph = GraphNodes(network)
    specs = [layer.spec for layer in network.layers]
    widths = [int(not spec.special) for spec in specs] if blocks is None else list(blocks)
    transformed = [False] * len(specs) if winograd is None else list(winograd)
    begin = 0
    while begin < len(network.layers):
        end = begin + 1
        if widths[begin]:
            while end < len(network.layers) and widths[end] and follows(specs, end):
                end += 1
            is_last = end == len(network.layers)
            result = OUTPUT if is_last else f"{network.layers[end - 1].spec.name}.out"
            value = graph.values[graph.sources[begin]]
            chain = blob.encode(network.layers[begin:end], widths[begin:end], is_last, transformed[begin:end])
            graph.nodes.append(_sparse_node(network.layers[begin:end], chain, value, result))
            graph.values[end - 1] = result
        else:
            graph.add_layer(begin)
        begin = end
    if graph.values[len(network.layers) - 1] != OUTPUT:
        graph.finish()
    model = to_model(network, name, graph.nodes, graph.weights, {DOMAIN: DOMAIN_VERSION})
    onnx.checker.check_model(model)
    return model


def _sparse_node(layers: Sequence[CompactLayer], chain: bytes, value: str, result: str) -> onnx.NodeProto:
    name = layers[0].spec.name if len(layers) == 1 else f"{layers[0].spec.name}-{layers[-1].spec.name}"
    return helper.make_node(
        OPERATOR, [value], [result], name=name, domain=DOMAIN, chain=chain, check=f"{zlib.crc32(chain):08x}"
    )
