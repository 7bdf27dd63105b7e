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
from sis_edge.native import blob, branched, graph_blob
from sis_edge.spec import OUTPUT, LayerSpec, is_chain

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
    widths = [1] * len(specs) if blocks is None else list(blocks)
    transformed = [False] * len(specs) if winograd is None else list(winograd)
    ends = dict(_chains(specs, widths) if is_chain(specs) else branched.stretches(specs, [*map(bool, widths)]))
    begin = 0
    while begin < len(specs):
        if begin in ends:
            _add_native(graph, slice(begin, ends[begin]), widths, transformed)
        else:
            graph.add_layer(begin)
        begin = ends.get(begin, begin + 1)
    if graph.values[len(specs) - 1] != OUTPUT:
        graph.finish()
    model = to_model(network, name, graph.nodes, graph.weights, {DOMAIN: DOMAIN_VERSION})
    onnx.checker.check_model(model)
    return model


def _chains(specs: Sequence[LayerSpec], widths: Sequence[int]) -> list[tuple[int, int]]:
    """The layers of each native node in a chain: consecutive ones in one."""
    found: list[tuple[int, int]] = []
    for number, width in enumerate(widths):
        if width and found and found[-1][1] == number:
            found[-1] = (found[-1][0], number + 1)
        elif width:
            found.append((number, number + 1))
    return found


def _add_native(graph: GraphNodes, part: slice, widths: Sequence[int], winograd: Sequence[bool]) -> None:
    """Add the node of a part of the layers; the last node of a network gives the logits, where it can."""
    layers = graph.layers[part]
    specs = [layer.spec for layer in graph.layers]
    last, source = specs[part.stop - 1], graph.sources[part.start]
    is_last, is_plain = part.stop == len(specs), is_chain(specs)
    if is_plain:
        encoded = blob.encode(layers, widths[part], is_last, winograd[part])
    else:
        encoded = graph_blob.encode(layers, specs[source].name if source >= 0 else None, widths[part])
    is_pixel = last.out_side == 1 or (is_plain and is_last)
    result = OUTPUT if is_last and is_pixel else f"{last.name}.out"
    graph.nodes.append(chain_node(layers, encoded, graph.values[source], result))
    graph.values[part.stop - 1] = result if result == OUTPUT or not is_pixel else graph.as_maps(last.name, result)


def chain_node(layers: Sequence[CompactLayer], chain: bytes, value: str, result: str) -> onnx.NodeProto:
    """A node that computes these layers, for their blob."""
    name = layers[0].spec.name if len(layers) == 1 else f"{layers[0].spec.name}-{layers[-1].spec.name}"
    return helper.make_node(
        OPERATOR, [value], [result], name=name, domain=DOMAIN, chain=chain, check=f"{zlib.crc32(chain):08x}"
    )
