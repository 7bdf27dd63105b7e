"""A network's layers as data: widths, kernels, pools, branches. Everything else stands on this file.

The paper's Network in Network (NiN) alternates convolutional layers (CL: C1, C2, C3) with micro networks of
1 x 1 convolutions (MP: MP1, MP2, MP3). Other networks of convolutions are written in the same terms: layers in
the order in which they are computed, each reading the layer before it or one that it names. A synapse is one weight of
a kernel; biases and normalisation parameters are not counted.
"""

from collections.abc import Sequence
from dataclasses import asdict, dataclass, fields
from math import prod
from typing import Any, Literal

from sis_edge.errors import UsageError

Group = Literal["CL", "MP"]
Activation = Literal["relu", "relu6", "none"]
Pooling = Literal["max", "average"]

INPUT, OUTPUT = "input", "logits"
"""An exported network's tensors: normalised images float32 [batch, channels, side, side]; logits [batch, classes]."""


@dataclass(frozen=True)
class LayerSpec:
    """One convolution (or linear layer) with normalisation and activation, and the pooling after it.

    `inputs` and `filters` are channel counts, `kernel` the side of the square kernel, `map_side` the side of the map
    that it works on, `pool` the stride of the pooling after it (1: none). Its windows have that side too, so that they
    do not overlap; those of max pooling have the side `pool_kernel` where it is given, and reach `pool_padding` pixels
    over the border, where nothing is the largest. The class layer has a bias and neither normalisation nor activation.

    `padding` None keeps the map's size at stride 1 (kernel // 2). `groups` splits inputs and filters into as many
    parts that do not see each other: as many as inputs is a depthwise layer. `source` names the layer whose result it
    reads (None: the layer before, or the image). The result of the layer `adds` is added after the normalisation and
    before the activation; a narrower one is filled up with channels of zeros behind its own and a larger map
    subsampled, as the parameter-free shortcut of He et al. 2016 (option A). With `global_pool` it works on the average
    of each map of its source, one pixel: a linear layer is a 1 x 1 convolution of that.
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
    pool_kernel: int | None = None
    pool_padding: int = 0

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
        return (self.conv_side + 2 * self.pool_padding - self.pool_side) // self.pool + 1

    @property
    def pool_side(self) -> int:
        """Side of the windows of the pooling after it."""
        return self.pool if self.pool_kernel is None else self.pool_kernel

    @property
    def pools_apart(self) -> bool:
        """Whether the windows of its pooling, if any, neither overlap nor reach over the border."""
        return self.pool_side == self.pool and self.pool_padding == 0

    @property
    def is_depthwise(self) -> bool:
        """Whether each filter sees one input only."""
        return self.groups > 1 and self.groups == self.inputs

    @property
    def normalises(self) -> bool:
        """Whether a normalisation follows the convolution; where none does it has a bias."""
        return self.has_norm and not self.is_class_layer

    @property
    def activates(self) -> Activation:
        """The activation, none in the class layer."""
        return "none" if self.is_class_layer else self.activation

    @property
    def special(self) -> str:
        """What this layer has and none of the paper's has, in a few words; empty where there is nothing."""
        parts = {
            f"stride {self.stride}": self.stride != 1,
            f"padding {self.pads}": self.pads != self.kernel // 2 or self.kernel % 2 == 0,
            f"{self.groups} groups": self.groups != 1,
            f"activation {self.activation}": self.activates not in ("relu", "none")
            or (self.activates == "none" and not self.is_class_layer),
            f"{self.pooling} pooling": self.pool > 1 and self.pooling != "max",
            f"pooling of {self.pool_side} x {self.pool_side} with stride {self.pool}": not self.pools_apart,
            f"the addition of {self.adds}": self.adds is not None,
            "global pooling before it": self.global_pool,
        }
        return ", ".join(words for words, has in parts.items() if has)

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


def sources_of(layers: Sequence[LayerSpec]) -> list[int]:
    """The number of the layer that each layer reads; -1 is the image."""
    numbers = {layer.name: number for number, layer in enumerate(layers)}
    return [number - 1 if layer.source is None else numbers[layer.source] for number, layer in enumerate(layers)]


def added_to(layers: Sequence[LayerSpec]) -> list[int | None]:
    """The number of the layer whose result each layer adds, None where it adds none."""
    numbers = {layer.name: number for number, layer in enumerate(layers)}
    return [None if layer.adds is None else numbers[layer.adds] for layer in layers]


def subsampling(layer: LayerSpec, added: LayerSpec) -> int:
    """Every how many pixels of the result of `added` one is added to the maps of `layer`."""
    return -(-added.out_side // layer.conv_side)


def checked(spec: NetworkSpec) -> NetworkSpec:
    """The network itself where its layers fit; raises UsageError that names the layer, the value and what is right."""
    if not spec.layers:
        raise UsageError(f"network {spec.name} has no layer; give at least the class layer")
    before: dict[str, LayerSpec] = {}
    for layer in spec.layers:
        if layer.name in before:
            raise UsageError(f"layer {layer.name} is there twice; give each layer a name of its own")
        for role, name in (("source", layer.source), ("adds", layer.adds)):
            if name is not None and name not in before:
                raise UsageError(f"layer {layer.name}: {role} '{name}' is not an earlier layer; name one before it")
        read = before[layer.source] if layer.source else next(reversed(before.values()), None)
        channels, side = (spec.channels, spec.side) if read is None else (read.filters, read.out_side)
        for what, value, right in (
            ("inputs", layer.inputs, channels),
            ("map_side", layer.map_side, 1 if layer.global_pool else side),
        ):
            if value != right:
                raise UsageError(
                    f"layer {layer.name}: {what} is {value}, but what it reads gives {right}; write {what} = {right}"
                )
        check_layer(layer, before[layer.adds] if layer.adds else None)
        before[layer.name] = layer
    last = spec.layers[-1]
    for layer in spec.layers:
        if layer.is_class_layer != (layer is last):
            raise UsageError(f"layer {layer.name}: the class layer is the last one, and the only; mark {last.name} so")
    if last.adds is not None or last.pool > 1:
        raise UsageError(
            f"layer {last.name}: the class layer takes no addition and no pooling; give them to one before it"
        )
    return spec


def check_layer(layer: LayerSpec, added: LayerSpec | None) -> None:
    """Raises UsageError, by the layer's name, for numbers that no layer can have and a sum of maps that do not fit."""
    _check_numbers(layer)
    if added is not None:
        _check_sum(layer, added)


def _check_numbers(layer: LayerSpec) -> None:
    """Raises UsageError for numbers that no layer can have."""
    for what in ("inputs", "filters", "kernel", "map_side", "pool", "stride", "groups"):
        if getattr(layer, what) < 1:
            raise UsageError(f"layer {layer.name}: {what} is {getattr(layer, what)}; give 1 or more")
    if not 0 <= layer.pads < layer.kernel:
        raise UsageError(f"layer {layer.name}: padding is {layer.pads}; give 0 to {layer.kernel - 1} for its kernel")
    for what in ("inputs", "filters"):
        if getattr(layer, what) % layer.groups:
            raise UsageError(
                f"layer {layer.name}: {layer.groups} groups do not divide its {getattr(layer, what)} {what}; "
                "give a number that divides inputs and filters"
            )
    check_pooling(layer)
    if layer.conv_side < 1 or layer.out_side < 1:
        raise UsageError(
            f"layer {layer.name}: kernel {layer.kernel}, stride {layer.stride} and pool {layer.pool} leave nothing of "
            f"its {layer.map_side} x {layer.map_side} pixels; give smaller ones or a larger image"
        )


def check_pooling(layer: LayerSpec) -> None:
    """Raises UsageError for windows of pooling that overlap otherwise than those of max pooling can."""
    if layer.pools_apart:
        return
    side, stride, padding = layer.pool_side, layer.pool, layer.pool_padding
    what = f"layer {layer.name}: pooling of {side} x {side} with stride {stride} and padding {padding}"
    if layer.pooling != "max" or stride < 2:
        raise UsageError(f"{what}; only max pooling with a stride of 2 or more has windows that overlap or are padded")
    if side < stride or not 0 <= 2 * padding <= side:
        raise UsageError(
            f"{what} leaves pixels out; give a size of {stride} or more, and up to half of the size as padding"
        )


def _check_sum(layer: LayerSpec, added: LayerSpec) -> None:
    """Raises UsageError where a result cannot be added, filled up and subsampled."""
    if added.filters > layer.filters:
        raise UsageError(
            f"layer {layer.name}: it adds {added.filters} channels of {added.name} to its {layer.filters}; "
            "give it as many, or add a layer with fewer"
        )
    if -(-added.out_side // subsampling(layer, added)) != layer.conv_side:
        raise UsageError(
            f"layer {layer.name}: maps of {added.out_side} x {added.out_side} of {added.name} cannot be subsampled to "
            f"its {layer.conv_side} x {layer.conv_side}; give strides that lead to the same side"
        )


def is_chain(layers: Sequence[LayerSpec]) -> bool:
    """Whether every layer is as those of the paper and reads the layer before it."""
    return sources_of(layers) == list(range(-1, len(layers) - 1)) and not any(layer.special for layer in layers)


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
