"""A compact network as ONNX, written node by node: a layer is a few nodes, and no exporter's version moves the file.

Opset 13 and IR version 8 are the newest that TensorRT 8.2 (JetPack 4.6) and ONNX Runtime 1.10 (Python 3.6) read.
Input `input` float32 [batch, channels, side, side], already normalised; output `logits` float32 [batch, classes].
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

from sis_edge import __version__
from sis_edge.exporting.compact import CompactNetwork
from sis_edge.spec import INPUT, OUTPUT, LayerSpec, added_to, sources_of, subsampling

OPSET = 13
IR_VERSION = 8


def to_onnx(network: CompactNetwork, name: str) -> onnx.ModelProto:
    """Nodes named after their layers (`GraphNodes`), then GlobalAveragePool and Flatten."""
    graph = GraphNodes(network)
    for number in range(len(network.layers)):
        graph.add_layer(number)
    graph.finish()
    model = to_model(network, name, graph.nodes, graph.weights)
    onnx.checker.check_model(model, full_check=True)
    return model


class GraphNodes:
    """The nodes and weights of a network's ONNX graph, layer by layer; `values[n]` is the result of layer n.

    A layer is Conv, Add, Relu or Clip, MaxPool or AveragePool: what it has of those, in this order.
    """

    def __init__(self, network: CompactNetwork) -> None:
        self.layers = network.layers
        specs = [layer.spec for layer in network.layers]
        self.sources, self.added = sources_of(specs), added_to(specs)
        self.nodes: list[onnx.NodeProto] = []
        self.weights: list[onnx.TensorProto] = []
        self.values: dict[int, str] = {-1: INPUT}

    def add_layer(self, number: int) -> None:
        """Add the nodes of one layer and its weights."""
        layer = self.layers[number]
        spec, value, added = layer.spec, self.values[self.sources[number]], self.added[number]
        if spec.global_pool:
            value = self._node("GlobalAveragePool", [value], f"{spec.name}.pooled")
        self.weights.append(numpy_helper.from_array(layer.weight, f"{spec.name}.weight"))
        self.weights.append(numpy_helper.from_array(layer.bias, f"{spec.name}.bias"))
        groups = {} if spec.groups == 1 else {"group": spec.groups}
        value = self._node(
            "Conv",
            [value, f"{spec.name}.weight", f"{spec.name}.bias"],
            f"{spec.name}.conv",
            name=spec.name,
            kernel_shape=[spec.kernel, spec.kernel],
            pads=[spec.pads] * 4,
            strides=[spec.stride, spec.stride],
            **groups,
        )
        if added is not None:
            shortcut = self._shortcut(spec, self.layers[added].spec, self.values[added])
            value = self._node("Add", [value, shortcut], f"{spec.name}.sum")
        if spec.activates == "relu":
            value = self._node("Relu", [value], f"{spec.name}.relu")
        elif spec.activates == "relu6":
            low = self._constant(f"{spec.name}.low", np.array(0, np.float32))
            high = self._constant(f"{spec.name}.high", np.array(6, np.float32))
            value = self._node("Clip", [value, low, high], f"{spec.name}.relu6")
        if spec.pool > 1:
            kind = "MaxPool" if spec.pooling == "max" else "AveragePool"
            sides: dict[str, Any] = {"kernel_shape": [spec.pool_side] * 2, "strides": [spec.pool] * 2}
            if spec.pool_padding:
                sides["pads"] = [spec.pool_padding] * 4
            value = self._node(kind, [value], f"{spec.name}.pool", **sides)
        self.values[number] = value

    def finish(self) -> None:
        """Add the global average pooling that ends the network; a layer that pools before it leaves one pixel."""
        value = self.values[len(self.layers) - 1]
        if not self.layers[-1].spec.global_pool:
            value = self._node("GlobalAveragePool", [value], "pooled", name="global_pool")
        self._node("Flatten", [value], OUTPUT, name="flatten", axis=1)

    def as_maps(self, name: str, value: str) -> str:
        """Results of one pixel, [batch, filters], as maps: what native nodes give of the layer `name`."""
        return self._node("Unsqueeze", [value, self._constant(f"{name}.axes", np.array([2, 3]))], f"{name}.maps")

    def _shortcut(self, spec: LayerSpec, added: LayerSpec, value: str) -> str:
        """The parameter-free shortcut: every so many pixels, and channels of zeros behind those that there are."""
        every, missing = subsampling(spec, added), spec.filters - added.filters
        if every > 1:
            numbers = {"starts": [0, 0], "ends": [added.out_side] * 2, "axes": [2, 3], "steps": [every, every]}
            inputs = [self._constant(f"{spec.name}.{what}", np.array(of, np.int64)) for what, of in numbers.items()]
            value = self._node("Slice", [value, *inputs], f"{spec.name}.subsampled")
        if missing:
            pads = self._constant(f"{spec.name}.pads", np.array([0, 0, 0, 0, 0, missing, 0, 0], np.int64))
            value = self._node("Pad", [value, pads], f"{spec.name}.filled", mode="constant")
        return value

    def _node(self, kind: str, inputs: list[str], output: str, name: str = "", **attributes: Any) -> str:
        self.nodes.append(helper.make_node(kind, inputs, [output], name=name or output, **attributes))
        return output

    def _constant(self, name: str, values: NDArray[Any]) -> str:
        self.weights.append(numpy_helper.from_array(values, name))
        return name


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
