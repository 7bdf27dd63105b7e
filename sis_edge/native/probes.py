"""The layers that a calibration times: small, few, and spread over what networks of this kind are made of."""

import io
import zipfile
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from sis_agent.native import calibration
from sis_edge.native import blob
from sis_edge.native.blob import Array, Pairs
from sis_edge.spec import LayerSpec, nin


@dataclass(frozen=True)
class Probe:
    """A layer of random weights: `share` of its kernels exist, in blocks of `block` filters that share inputs."""

    kernel: int
    side: int
    inputs: int
    filters: int
    share: float = 1.0
    block: int = 1

    @property
    def name(self) -> str:
        """Unique among probes."""
        return f"{self.inputs}-{self.filters}k{self.kernel}s{self.side}t{self.share:g}b{self.block}"

    @property
    def spec(self) -> LayerSpec:
        """The layer, with ReLU."""
        return LayerSpec("probe", "CL", self.inputs, self.filters, self.kernel, self.side)

    def pairs(self) -> Pairs:
        """Which kernels exist: bool [F, I], the same for the same probe."""
        draw = np.random.default_rng(self.inputs * self.filters).random((-(-self.filters // self.block), self.inputs))
        return np.repeat(draw < self.share, self.block, axis=0)[: self.filters]

    def blob(self) -> bytes:
        """The layer as a chain of the operator."""
        weight = _weights(self.spec) * self.pairs()[:, :, None, None]
        return blob.encode([_Layer(self.spec, weight.astype(np.float32))], [self.block])


@dataclass(frozen=True)
class DenseProbe:
    """A chain of dense layers as ONNX Runtime gets it. Between layers it keeps a layout of its own, at the ends not."""

    layers: tuple[LayerSpec, ...]

    @property
    def name(self) -> str:
        """Unique among dense probes."""
        widths = "-".join(f"{layer.filters}k{layer.kernel}" for layer in self.layers)
        return f"{self.layers[0].inputs}-{widths}s{self.layers[0].map_side}"

    @property
    def is_whole(self) -> bool:
        """Whether it is a whole network and no part of one."""
        return self.layers[-1].is_class_layer and self.layers[0].inputs == nin().channels

    def onnx(self) -> bytes:
        """Conv, Relu and MaxPool nodes with random weights."""
        from onnx import TensorProto, helper, numpy_helper

        nodes, weights, value = [], [], "input"
        for at, layer in enumerate(self.layers):
            bias = np.zeros(layer.filters, np.float32)
            weights += [
                numpy_helper.from_array(_weights(layer), f"w{at}"),
                numpy_helper.from_array(bias, f"b{at}"),
            ]
            pads, sides = [layer.kernel // 2] * 4, [layer.kernel] * 2
            nodes.append(
                helper.make_node("Conv", [value, f"w{at}", f"b{at}"], [f"c{at}"], kernel_shape=sides, pads=pads)
            )
            nodes.append(helper.make_node("Relu", [f"c{at}"], [value := f"r{at}"]))
            if layer.pool > 1:
                sides = [layer.pool] * 2
                nodes.append(
                    helper.make_node("MaxPool", [value], [value := f"p{at}"], kernel_shape=sides, strides=sides)
                )
        first, last = self.layers[0], self.layers[-1]
        side = last.map_side // last.pool
        maps: list[str | int | None] = ["batch", first.inputs, first.map_side, first.map_side]
        graph = helper.make_graph(
            nodes,
            "probe",
            [helper.make_tensor_value_info("input", TensorProto.FLOAT, maps)],
            [helper.make_tensor_value_info(value, TensorProto.FLOAT, ["batch", last.filters, side, side])],
            weights,
        )
        model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8)
        serialized: bytes = model.SerializeToString()
        return serialized


def archive() -> bytes:
    """All probes as the zip archive that the agent's command `calibrate` reads."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as file:
        for probe in NATIVE:
            file.writestr(f"{calibration.NATIVE}{probe.name}", probe.blob())
        for dense in DENSE:
            file.writestr(f"{calibration.DENSE}{dense.name}", dense.onnx())
    return buffer.getvalue()


def _weights(layer: LayerSpec) -> Array:
    """Weights that maps stay near one with. Few and repeated, so that an archive of them is small."""
    some = np.random.default_rng(1).standard_normal(997) / (layer.kernel * layer.inputs**0.5)
    return np.resize(some.astype(np.float32), layer.weight_shape)


@dataclass(frozen=True, eq=False)
class _Layer:
    spec: LayerSpec
    weight: Array

    @property
    def bias(self) -> NDArray[np.float32]:
        return np.zeros(self.spec.filters, np.float32)


NATIVE = (
    *(Probe(5, 32, 3, 96, share) for share in (0.4, 1)),
    *(Probe(5, 16, inputs, 96, share) for inputs, share in ((24, 0.25), (96, 0.25), (48, 1))),
    *(Probe(3, 16, inputs, 64, share) for inputs, share in ((24, 0.25), (64, 0.5))),
    *(Probe(3, 8, inputs, 128, share) for inputs, share in ((48, 0.25), (192, 0.25), (96, 1))),
    *(Probe(3, 32, inputs, 32, 0.5) for inputs in (3, 32)),
    Probe(5, 8, 48, 64, 0.5),
    *(Probe(1, side, inputs, filters) for side, inputs, filters in ((32, 96, 96), (16, 48, 48), (16, 192, 144))),
    *(Probe(1, 8, inputs, filters) for inputs, filters in ((192, 160), (160, 10), (40, 40))),
    *(Probe(1, 32, 128, 96, 0.2, block) for block in (1, 2, 4, 8, 12)),
    *(Probe(1, 16, 96, 96, 0.25, block) for block in (1, 2, 4, 6, 8, 12)),
)


WHOLE_NIN = DenseProbe(nin().layers)
"""The dense network: a probe too."""


def _single(kernel: int, side: int, inputs: int, filters: int) -> DenseProbe:
    return DenseProbe((LayerSpec("dense", "CL", inputs, filters, kernel, side),))


def _nin(width: float, micro: float) -> tuple[LayerSpec, ...]:
    """NiN with that share of the convolutional layers' filters and of the micro networks' neurons."""
    found, inputs = [], 3
    for layer in nin().layers:
        filters = layer.filters if layer.is_class_layer else int(layer.filters * (width if layer.kernel > 1 else micro))
        found.append(replace(layer, inputs=inputs, filters=filters))
        inputs = filters
    return tuple(found)


def _front(first: int, second: int) -> DenseProbe:
    """NiN's first two layers; the layout between them depends on the number of filters."""
    c1, mp1 = nin().layers[:2]
    return DenseProbe((replace(c1, filters=first), replace(mp1, inputs=first, filters=second)))


DENSE = (
    *(_single(5, 32, 3, filters) for filters in (64, 112, 192)),
    *(_single(5, 16, inputs, filters) for inputs, filters in ((24, 192), (96, 96), (48, 192))),
    *(_single(3, 8, inputs, filters) for inputs, filters in ((48, 192), (192, 96), (96, 192))),
    *(_single(1, 32, inputs, filters) for inputs, filters in ((192, 40), (96, 96), (112, 160))),
    *(_front(*widths) for widths in ((116, 40), (114, 160), (170, 80), (112, 160), (118, 40), (169, 80))),
    *(_single(1, 16, inputs, filters) for inputs, filters in ((48, 48), (192, 144))),
    *(_single(1, 8, inputs, filters) for inputs, filters in ((192, 160), (160, 10), (40, 10))),
    *(
        DenseProbe(_nin(width, micro))
        for width, micro in ((1, 1), (0.5, 0.5), (1, 0.25), (1, 0.5), (0.6, 1), (0.6, 0.25))
    ),
    *(DenseProbe(_nin(1, micro)[begin:end]) for micro in (1, 0.25) for begin, end in ((1, 3), (3, 6), (4, 6), (6, 8))),
)
