"""What a calibration times of the INT8 kernels: whole networks of several widths and shares.

Every sixteenth filter of a layer is the same, so that an archive of them is small.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sis_edge.native.blob import Pairs
from sis_edge.native.int8 import work
from sis_edge.native.int8.blob import encode
from sis_edge.native.int8.chain import MOST_WEIGHT, Int8Chain, Int8Layer
from sis_edge.native.int8.work import Int8Stage, Part
from sis_edge.native.widths import FEWER, FULL, HALF, HALF_MICRO, QUARTER_MICRO, name_of
from sis_edge.spec import LayerSpec

PERIOD = 16


@dataclass(frozen=True)
class Int8Probe:
    """A network of which that share of kernels exists, in its convolutional layers and in its micro networks."""

    layers: tuple[LayerSpec, ...]
    share: float = 1.0
    micro: float = 1.0

    @property
    def name(self) -> str:
        """Unique among all"""
        return f"int8-{name_of(self.layers)}t{self.share:g}m{self.micro:g}"

    @property
    def parts(self) -> list[Part]:
        """The layers and which of their kernels exist."""
        return [(layer, self._pairs(layer)) for layer in self.layers]

    @property
    def stages(self) -> list[Int8Stage]:
        """What the kernels answer seconds for."""
        return work.stages(self.layers)

    def blob(self) -> bytes:
        """The network as a chain of the operator."""
        layers = tuple(_layer(layer, pairs) for layer, pairs in self.parts)
        side = self.layers[0].map_side
        return encode(Int8Chain(layers, side, side, np.float32(32), 64, global_average=True))

    def _pairs(self, layer: LayerSpec) -> Pairs:
        share = self.share if layer.kernel > 1 else self.micro
        draw = np.random.default_rng(layer.inputs * layer.filters).random((PERIOD, layer.inputs))
        exists: Pairs = np.resize(draw < share, (layer.filters, layer.inputs))
        return exists


def _layer(layer: LayerSpec, pairs: Pairs) -> Int8Layer:
    """Few weights, none of which is zero; with that multiplier values stay within their range."""
    rng = np.random.default_rng(1)
    some = np.resize(rng.integers(1, MOST_WEIGHT, 61) * rng.choice((-1, 1), 61), layer.weight_shape[1:])
    weight: NDArray[np.int8] = (some * pairs[:, :, None, None]).astype(np.int8)
    multiplier = np.full(layer.filters, 1 / (MOST_WEIGHT * np.sqrt(some.size)), np.float32)
    return Int8Layer(
        weight, np.zeros(layer.filters, np.int32), multiplier, relu=not layer.is_class_layer, pool=layer.pool
    )


INT8 = (
    Int8Probe(FULL),
    Int8Probe(QUARTER_MICRO),
    Int8Probe(HALF),
    Int8Probe(FULL, 0.25, 1.0),
    Int8Probe(HALF_MICRO, 0.5, 0.3),
    Int8Probe(QUARTER_MICRO, 0.25, 0.1),
    Int8Probe(FEWER, 0.7, 0.1),
    Int8Probe(HALF, 0.1, 0.03),
)
