"""Random networks with branches that native nodes can say, with weights, and what they must answer: ONNX Runtime's."""

import numpy as np
from hypothesis import strategies as st
from numpy.typing import NDArray

from sis_edge.exporting.compact import CompactLayer, CompactNetwork
from sis_edge.exporting.onnx_file import to_onnx
from sis_edge.formation import Formation, form
from sis_edge.formation.compaction import compact
from sis_edge.native import graph_blob
from sis_edge.spec import LayerSpec, NetworkSpec, subsampling

Array = NDArray[np.float32]


def weighted(layers: tuple[LayerSpec, ...], share: float, seed: int, block: int = 1) -> CompactNetwork:
    """Weights of which that share of kernels exists, in blocks of neighbouring filters."""
    rng = np.random.default_rng(seed)
    found = []
    for spec in layers:
        filters, inputs, kernel, _ = spec.weight_shape
        exists = np.repeat(rng.random((-(-filters // block), inputs, 1, 1)) < share, block, axis=0)[:filters]
        weight = rng.standard_normal(spec.weight_shape) * exists / np.sqrt(max(1.0, share * inputs * kernel**2))
        found.append(CompactLayer(spec, weight.astype(np.float32), rng.standard_normal(filters).astype(np.float32)))
    return CompactNetwork(tuple(found))


def formed(spec: NetworkSpec, formation: Formation, seed: int = 0) -> CompactNetwork:
    """A network's compact layers as it is formed, with random weights."""
    rng = np.random.default_rng(seed)
    found = []
    for plan in compact(form(spec, formation)):
        weight = rng.standard_normal(plan.spec.weight_shape) * (1 if plan.mask is None else plan.mask)
        weight /= np.sqrt(max(1, np.count_nonzero(weight) / len(weight)) / 2)
        found.append(CompactLayer(plan.spec, weight.astype(np.float32), np.full(plan.spec.filters, 0.1, np.float32)))
    return CompactNetwork(tuple(found))


@st.composite
def networks(draw: st.DrawFn) -> CompactNetwork:
    """One to six layers: sides from 1 to 50, strides, depthwise layers, all additions, pooling, a linear end."""
    side, channels = draw(st.integers(1, 9) | st.integers(1, 50)), draw(st.sampled_from([1, 3, 5]))
    layers: list[LayerSpec] = []
    for number in range(draw(st.integers(1, 5))):
        source = draw(st.sampled_from([None, *layers])) if layers else None
        read = source or (layers[-1] if layers else None)
        inputs, now = (channels, side) if read is None else (read.filters, read.out_side)
        is_depthwise = inputs > 1 and draw(st.booleans())
        kernel = draw(st.sampled_from([1, 3, 3, 5, 7]))
        layer = LayerSpec(
            f"L{number}",
            "CL",
            inputs,
            inputs if is_depthwise else draw(st.sampled_from([1, 2, 7, 12])),
            kernel,
            now,
            pool=draw(st.sampled_from([1, 1, 2, 3])) if now >= 9 else 1,
            stride=draw(st.sampled_from([1, 1, 2, 3] if kernel == 1 else [1, 1, 2])),
            groups=inputs if is_depthwise else 1,
            activation=draw(st.sampled_from(["relu", "relu6", "none"])),
            pooling=draw(st.sampled_from(["max", "average"])),
            source=None if source is None else source.name,
        )
        fitting = [
            other.name
            for other in layers
            if other.filters <= layer.filters and -(-other.out_side // subsampling(layer, other)) == layer.conv_side
        ]
        adds = draw(st.sampled_from([None, *fitting]))
        layers.append(LayerSpec(**{**vars(layer), "adds": adds}))
    if draw(st.booleans()):
        last = layers[-1]
        layers.append(LayerSpec("fc", "MP", last.filters, 3, 1, 1, is_class_layer=True, global_pool=True))
    share, block = draw(st.sampled_from([0.05, 0.3, 1.0])), draw(st.sampled_from([1, 1, 2, 5]))
    return weighted(tuple(layers), share, draw(st.integers(0, 2**32)), block)


def pack(network: CompactNetwork) -> bytes:
    return graph_blob.encode(network.layers)


def images(network: CompactNetwork, batch: int, seed: int = 0) -> Array:
    first = network.layers[0].spec
    shape = (batch, first.inputs, first.map_side, first.map_side)
    return np.random.default_rng(seed).standard_normal(shape).astype(np.float32)


def reference(network: CompactNetwork, x: Array) -> Array:
    """The last layer's maps [N, F, side, side] in ONNX Runtime, without the average that ends a network."""
    import onnx
    import onnxruntime

    model = to_onnx(network, "reference")
    last = network.layers[-1].spec
    value = {node.output[0]: node for node in model.graph.node}["logits"].input[0]
    if not last.global_pool:
        value = {node.output[0]: node for node in model.graph.node}[value].input[0]
    sides: list[str | int | None] = ["batch", last.filters, last.out_side, last.out_side]
    model.graph.output.append(onnx.helper.make_tensor_value_info(value, onnx.TensorProto.FLOAT, sides))
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads, options.log_severity_level = 1, 3
    session = onnxruntime.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])
    found: Array = session.run([value], {"input": x})[0]
    return found
