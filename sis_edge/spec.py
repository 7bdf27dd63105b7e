"""A network's layers as data: widths, kernels, pools. Everything else stands on this file.

The paper's Network in Network (NiN) alternates convolutional layers (CL: C1, C2, C3) with micro networks of
1 x 1 convolutions (MP: MP1, MP2, MP3). A synapse is one weight of a kernel; biases and normalisation
parameters are not counted.
"""

from dataclasses import dataclass
from math import prod
from typing import Literal

Group = Literal["CL", "MP"]

INPUT, OUTPUT = "input", "logits"
"""Names of an exported network's tensors: images float32 [batch, channels, side, side], normalised; [batch, classes]."""


@dataclass(frozen=True)
class LayerSpec:
    """One convolution with bias, normalisation and ReLU, and the pooling after it.

    `inputs` and `filters` are channel counts, `kernel` the side of the square kernel (stride 1, padded to keep
    the map's size), `map_side` the side of the map that it works on, `pool` the factor of the max pooling after
    it (1: none). The class layer has no normalisation and no ReLU; global average pooling follows it.
    """

    name: str
    group: Group
    inputs: int
    filters: int
    kernel: int
    map_side: int
    pool: int = 1
    is_class_layer: bool = False

    @property
    def weight_shape(self) -> tuple[int, int, int, int]:
        """Shape of the weights: [filters, inputs, kernel, kernel]."""
        return (self.filters, self.inputs, self.kernel, self.kernel)

    @property
    def synapse_count(self) -> int:
        """Synapses when all of them exist."""
        return prod(self.weight_shape)

    @property
    def positions(self) -> int:
        """Output positions: every synapse is one multiply-accumulate at each of them."""
        return self.map_side * self.map_side


@dataclass(frozen=True)
class NetworkSpec:
    """A chain of layers from an image [channels, side, side] to class scores."""

    name: str
    channels: int
    side: int
    layers: tuple[LayerSpec, ...]

    @property
    def classes(self) -> int:
        """Number of class scores."""
        return self.layers[-1].filters

    @property
    def synapse_count(self) -> int:
        """Synapses of the dense network."""
        return sum(layer.synapse_count for layer in self.layers)

    @property
    def macs(self) -> int:
        """Multiply-accumulates of the dense network for one image."""
        return sum(layer.synapse_count * layer.positions for layer in self.layers)


def nin(classes: int = 10) -> NetworkSpec:
    """The paper's dense NiN for 3 x 32 x 32 images: 959,104 synapses with ten classes.

    Source: section 3 of the paper (C1: 192@5x5, MP1: 160 and 96, C2: 192@5x5, MP2: 192 and 192, C3: 192@3x3,
    MP3: 160 and 10). The paper does not name its pooling; max pooling by 2 after MP1 and MP2 halves the maps.
    """
    widths: tuple[tuple[str, Group, int, int, int], ...] = (
        # name, group, filters, kernel, pool
        ("C1", "CL", 192, 5, 1),
        ("MP1a", "MP", 160, 1, 1),
        ("MP1b", "MP", 96, 1, 2),
        ("C2", "CL", 192, 5, 1),
        ("MP2a", "MP", 192, 1, 1),
        ("MP2b", "MP", 192, 1, 2),
        ("C3", "CL", 192, 3, 1),
        ("MP3a", "MP", 160, 1, 1),
        ("MP3b", "MP", classes, 1, 1),
    )
    layers, inputs, side = [], 3, 32
    for name, group, filters, kernel, pool in widths:
        layers.append(LayerSpec(name, group, inputs, filters, kernel, side, pool, name == "MP3b"))
        inputs, side = filters, side // pool
    return NetworkSpec("nin", channels=3, side=32, layers=tuple(layers))
