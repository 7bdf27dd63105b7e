"""What a calibration times: chains of layers, few, and spread over what networks of this kind are made of.

Nearly all are whole networks of other widths, in which every layer finds the caches as it would in any other.
"""

import io
import zipfile
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from sis_agent.calibration import calibrate as calibration
from sis_edge.native import blob, work
from sis_edge.native.blob import Array, Pairs
from sis_edge.native.int8 import probes as int8_probes
from sis_edge.native.widths import (
    FEWER,
    FULL,
    HALF,
    HALF_MICRO,
    ODD,
    ODD_HALF_MICRO,
    ODD_MICRO,
    QUARTER_MICRO,
    name_of,
    of_widths,
)
from sis_edge.spec import LayerSpec, nin


@dataclass(frozen=True)
class LayerPart:
    """A layer of random weights: `share` of its kernels exist, in blocks of `block` filters that share inputs.

    `winograd`: computed by Winograd's algorithm.
    """

    spec: LayerSpec
    share: float = 1.0
    block: int = 1
    winograd: bool = False

    @property
    def pairs(self) -> Pairs:
        """Which kernels exist: bool [F, I], the same for the same part."""
        spec = self.spec
        draw = np.random.default_rng(spec.inputs * spec.filters).random((-(-spec.filters // self.block), spec.inputs))
        return np.repeat(draw < self.share, self.block, axis=0)[: spec.filters]


@dataclass(frozen=True)
class Probe:
    """A chain of layers as the kernels get it; a whole network ends with the average over its last maps."""

    parts: tuple[LayerPart, ...]

    @property
    def layers(self) -> tuple[LayerSpec, ...]:
        """The layers without their weights."""
        return tuple(part.spec for part in self.parts)

    @property
    def name(self) -> str:
        """Unique among probes."""
        formed = "".join(sorted({f"t{p.share:g}b{p.block}" for p in self.parts if p.share < 1}))
        return name_of(self.layers) + formed + ("w" if any(self._winograd) else "")

    @property
    def stages(self) -> list[work.Stage]:
        """Its stages in order, but for the average at the end."""
        return work.stages(self.layers, not self._is_whole, self._winograd)

    @property
    def stage_count(self) -> int:
        """How many stages the kernels answer for."""
        return len(self.stages) + self._is_whole

    @property
    def _is_whole(self) -> bool:
        return self.layers[-1].is_class_layer

    @property
    def _winograd(self) -> list[bool]:
        return [part.winograd for part in self.parts]

    def blob(self) -> bytes:
        """The layers as a chain of the operator."""
        layers = [
            _Layer(part.spec, (_weights(part.spec) * part.pairs[:, :, None, None]).astype(np.float32))
            for part in self.parts
        ]
        return blob.encode(layers, [part.block for part in self.parts], self._is_whole, self._winograd)


@dataclass(frozen=True)
class DenseProbe:
    """A dense network as ONNX Runtime gets it, with the average over the last maps at its end."""

    layers: tuple[LayerSpec, ...]

    @property
    def name(self) -> str:
        """Unique among dense probes."""
        return name_of(self.layers) if self.layers else "rest"

    def onnx(self) -> bytes:
        """Conv, Relu and MaxPool nodes with random weights, and the average."""
        from onnx import TensorProto, helper, numpy_helper

        nodes, weights, value = [], [], "input"
        for number, layer in enumerate(self.layers):
            bias = np.zeros(layer.filters, np.float32)
            weights += [
                numpy_helper.from_array(_weights(layer), f"w{number}"),
                numpy_helper.from_array(bias, f"b{number}"),
            ]
            pads, sides = [layer.kernel // 2] * 4, [layer.kernel] * 2
            nodes.append(
                helper.make_node(
                    "Conv", [value, f"w{number}", f"b{number}"], [f"c{number}"], kernel_shape=sides, pads=pads
                )
            )
            nodes.append(helper.make_node("Relu", [f"c{number}"], [value := f"r{number}"]))
            if layer.pool > 1:
                sides = [layer.pool] * 2
                nodes.append(
                    helper.make_node("MaxPool", [value], [value := f"p{number}"], kernel_shape=sides, strides=sides)
                )
        nodes.append(helper.make_node("GlobalAveragePool", [value], [value := "average"]))
        last = nin().layers[-1]
        first = self.layers[0] if self.layers else replace(last, inputs=last.filters)
        maps: list[str | int | None] = ["batch", first.inputs, first.map_side, first.map_side]
        graph = helper.make_graph(
            nodes,
            "probe",
            [helper.make_tensor_value_info("input", TensorProto.FLOAT, maps)],
            [helper.make_tensor_value_info(value, TensorProto.FLOAT, ["batch", last.filters, 1, 1])],
            weights,
        )
        model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8)
        serialized: bytes = model.SerializeToString()
        return serialized


def all_probes() -> calibration.Probes:
    """All probes by their names, as the agent takes them."""
    return calibration.Probes(
        {probe.name: probe.blob() for probe in NATIVE},
        {probe.name: probe.onnx() for probe in DENSE},
        {probe.name: probe.onnx() for probe in PLAIN},
        {probe.name: probe.blob() for probe in int8_probes.INT8},
    )


def count() -> int:
    """How many they are."""
    return sum(map(len, (NATIVE, DENSE, PLAIN, int8_probes.INT8)))


def archive() -> bytes:
    """All probes as the zip archive that the agent's command `calibrate` reads."""
    buffer = io.BytesIO()
    probes = all_probes()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as file:
        for kind, parts in zip(calibration.KINDS, probes, strict=True):
            for name, data in parts.items():
                file.writestr(f"{kind}{name}", data)
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


WHOLE_NIN = DenseProbe(FULL)
"""The dense network: a probe too."""


def _formed(
    layers: tuple[LayerSpec, ...], share: float, micro: float = 1.0, block: int = 1, winograd: bool = False
) -> Probe:
    """A network of which that share of kernels exists, in its convolutional layers and in its micro networks."""
    return Probe(
        tuple(
            LayerPart(layer, share, winograd=winograd)
            if layer.kernel > 1
            else LayerPart(layer, micro, block if micro < 1 else 1)
            for layer in layers
        )
    )


def _single(kernel: int, side: int, inputs: int, filters: int, pool: int = 1) -> LayerSpec:
    return LayerSpec("probe", "CL", inputs, filters, kernel, side, pool)


NATIVE = (
    *(_formed(layers, 1) for layers in (FULL, HALF_MICRO, QUARTER_MICRO, HALF, FEWER)),
    _formed(FULL, 0.25),
    _formed(HALF_MICRO, 0.5),
    _formed(QUARTER_MICRO, 0.25),
    _formed(FEWER, 0.7),
    _formed(HALF, 0.1),
    *(_formed(HALF_MICRO, 0.4, 0.3, block) for block in (1, 2, 4, 6, 8, 12)),
    *(_formed(layers, 1, winograd=True) for layers in (FULL, QUARTER_MICRO)),
    _formed(FULL, 0.25, winograd=True),
    _formed(HALF_MICRO, 0.5, winograd=True),
    _formed(QUARTER_MICRO, 0.25, winograd=True),
    Probe((LayerPart(_single(5, 16, 48, 96), 0.5, 3, True), LayerPart(_single(3, 16, 96, 96), 0.5, 3, True))),
    # Copies from the plain layout and back to it, with next to no work between.
    *(Probe((LayerPart(_single(kernel, side, 96, 48), 0.05),)) for kernel, side in ((1, 32), (5, 16), (3, 8))),
    *(Probe((LayerPart(_single(1, side, 48, 96, pool=2), 0.05),)) for side in (32, 16)),
)

SMALL = tuple(
    DenseProbe(layers)
    for layers in (of_widths(32, 32, 16, 32, 16, 32, 32, 16), of_widths(40, 24, 24, 32, 32, 16, 32, 24))
)
"""So small that they show what the profiler adds to a node."""

REST = DenseProbe(())
"""What a run of ONNX Runtime takes without its layers."""

PLAIN = (REST, *SMALL, WHOLE_NIN)
"""Runs that are timed as a whole."""

DENSE = (
    *SMALL,
    *(
        DenseProbe(layers)
        for layers in (
            FULL,
            HALF_MICRO,
            QUARTER_MICRO,
            HALF,
            FEWER,
            ODD,
            ODD_MICRO,
            ODD_HALF_MICRO,
            of_widths(64, 104, 88, 72, 88, 104, 72, 88),
            of_widths(88, 64, 40, 112, 64, 80, 112, 64),
            of_widths(144, 72, 56, 144, 120, 72, 96, 104),
            of_widths(176, 136, 32, 64, 40, 112, 160, 72),
        )
    ),
)
"""Networks that are taken apart. Those that the kernels compute whole, too, have the same names and turns."""
