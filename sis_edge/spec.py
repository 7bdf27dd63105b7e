"""A network's layers as data: widths, kernels, pools, branches. Everything else stands on this file.

The paper's Network in Network (NiN) alternates convolutional layers (CL: C1, C2, C3) with micro networks of
1 x 1 convolutions (MP: MP1, MP2, MP3). Other networks of convolutions are written in the same terms: layers in
the order in which they are computed, each reading the layer before it or one that it names. A synapse is one weight of
a kernel; biases and normalisation parameters are not counted.
"""

from dataclasses import asdict, dataclass, fields
from math import prod
from typing import Any, Literal

Group = Literal["CL", "MP"]
Activation = Literal["relu", "relu6", "none"]
Pooling = Literal["max", "average"]

INPUT, OUTPUT = "input", "logits"
"""An exported network's tensors: normalised images float32 [batch, channels, side, side]; logits [batch, classes]."""


@dataclass(frozen=True)
class LayerSpec:
    """One convolution (or linear layer) with normalisation and activation, and the pooling after it.

    `inputs` and `filters` are channel counts, `kernel` the side of the square kernel, `map_side` the side of the map
    that it works on, `pool` the factor of the pooling after it (1: none). The class layer has a bias and neither
    normalisation nor activation.

    `padding` None keeps the map's size at stride 1 (kernel // 2). `groups` splits inputs and filters into as many
    parts that do not see each other: as many as inputs is a depthwise layer. `source` names the layer whose result it
    reads (None: the layer before, or the image). The result of the layer `adds` is added after the normalisation and
    before the activation; a narrower one is filled up with channels of zeros and a larger map subsampled, as the
    parameter-free shortcut of He et al. 2016 (option A). With `global_pool` it works on the average of each map of its
    source, one pixel: a linear layer is a 1 x 1 convolution of that.
    """

    name: str
    group: Group
    inputs: int
    filters: int
    kernel: int
    map_side: int
    pool: int = 1
    is_class_layer: bool = False
    stride: int = 1
    padding: int | None = None
    groups: int = 1
    has_norm: bool = True
    activation: Activation = "relu"
    pooling: Pooling = "max"
    source: str | None = None
    adds: str | None = None
    global_pool: bool = False

    @property
    def weight_shape(self) -> tuple[int, int, int, int]:
        """Shape of the weights: [filters, inputs / groups, kernel, kernel]."""
        return (self.filters, self.inputs // self.groups, self.kernel, self.kernel)

    @property
    def synapse_count(self) -> int:
        """Synapses when all of them exist."""
        return prod(self.weight_shape)

    @property
    def pads(self) -> int:
        """Zeros around the map on each side, in pixels."""
        return self.kernel // 2 if self.padding is None else self.padding

    @property
    def conv_side(self) -> int:
        """Side of the convolution's result, before the pooling."""
        return (self.map_side + 2 * self.pads - self.kernel) // self.stride + 1

    @property
    def out_side(self) -> int:
        """Side of the layer's result."""
        return self.conv_side // self.pool

    @property
    def positions(self) -> int:
        """Output positions: every synapse is one multiply-accumulate at each of them."""
        return self.conv_side * self.conv_side

    def as_dict(self) -> dict[str, Any]:
        """Its fields, those of the paper's chain always and the others where they are not the usual ones.

        Digests and files of graphs of the paper's networks stand on these names.
        """
        usual = {field.name: field.default for field in fields(self)}
        always = ("name", "group", "inputs", "filters", "kernel", "map_side", "pool", "is_class_layer")
        return {name: value for name, value in asdict(self).items() if name in always or value != usual[name]}


@dataclass(frozen=True)
class NetworkSpec:
    """Layers from an image [channels, side, side] to class scores, in the order in which they are computed."""

    name: str
    channels: int
    side: int
    layers: tuple[LayerSpec, ...]

    def as_dict(self) -> dict[str, Any]:
        """Its fields as plain data, see `LayerSpec.as_dict`."""
        layers = [layer.as_dict() for layer in self.layers]
        return {"name": self.name, "channels": self.channels, "side": self.side, "layers": layers}

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
