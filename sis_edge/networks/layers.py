"""A network's layers as they are added: each gets its width and side from what it reads, and must fit that."""

import re
from dataclasses import replace
from itertools import pairwise

from sis_edge.errors import UsageError, unknown
from sis_edge.spec import Activation, Group, LayerSpec, NetworkSpec, Pooling, check_layer, check_pooling, checked

_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]*")


class LayerList:
    """A network of images [channels, side, side] that grows by a layer at a time.

    Every method raises UsageError, whose sentence begins with the layer's name, for what does not fit.
    """

    def __init__(self, name: str, channels: int, side: int) -> None:
        self.name = name
        self.channels = channels
        self.side = side
        self._layers: dict[str, LayerSpec] = {}

    def add(
        self,
        name: str,
        filters: int,
        kernel: int,
        *,
        group: Group | None = None,
        stride: int = 1,
        padding: int | None = None,
        groups: int = 1,
        norm: bool = True,
        activation: Activation = "relu",
        source: str | None = None,
        adds: str | None = None,
        global_pool: bool = False,
    ) -> None:
        """Add a convolution that reads the layer `source` (None: the layer before, or the image).

        `group` None is CL for kernels larger than 1 x 1 and MP for the others. The rest is `LayerSpec`'s.
        """
        self._check_name(name)
        before = next(reversed(self._layers), None)
        inputs, side = self.result(before if source is None else source, name)
        layer = LayerSpec(
            name,
            group or ("CL" if kernel > 1 else "MP"),
            inputs,
            filters,
            kernel,
            1 if global_pool else side,
            stride=stride,
            padding=None if padding == kernel // 2 else padding,
            groups=groups,
            has_norm=norm,
            activation=activation,
            source=None if source == before else source,
            adds=adds,
            global_pool=global_pool,
        )
        check_layer(layer, None if adds is None else self._earlier(adds, name))
        self._layers[name] = layer

    def pool(self, stride: int, pooling: Pooling = "max", *, kernel: int | None = None, padding: int = 0) -> None:
        """Pool the result of the last layer, by windows of `kernel` (None: `stride`); the rest is `LayerSpec`'s."""
        if not self._layers:
            raise UsageError("pooling comes after a layer, and there is none before it")
        layer = next(reversed(self._layers.values()))
        if layer.pool > 1:
            raise UsageError(f"layer {layer.name} is pooled twice; pool it once, by {layer.pool * stride}")
        side = stride if kernel is None else kernel
        if stride < 2 or side > layer.conv_side + 2 * padding:
            raise UsageError(
                f"layer {layer.name} cannot be pooled by {side}{'' if side == stride else f' with stride {stride}'}: "
                f"its map is {layer.conv_side} x {layer.conv_side}"
            )
        own_kernel = None if side == stride else side
        pooled = replace(layer, pool=stride, pooling=pooling, pool_kernel=own_kernel, pool_padding=padding)
        check_pooling(pooled)
        self._layers[layer.name] = pooled

    def spec(self) -> NetworkSpec:
        """The network, whose last layer gives the class scores."""
        if not self._layers:
            raise UsageError(f"network {self.name} has no layer; give at least one")
        *before, last = self._layers.values()
        if last.has_norm or last.activation != "none" or last.adds:
            raise UsageError(
                f"layer {last.name} is the last and gives the class scores: "
                "it has a bias, and neither normalisation, activation nor addition"
            )
        read = {layer.source for layer in self._layers.values()} | {layer.adds for layer in before}
        for layer, after in pairwise((*before, last)):
            if layer.name not in read and after.source is not None:
                raise UsageError(f"layer {layer.name} is read by no other layer; leave it out")
        # As in the paper's networks: a class layer needs no other mark.
        last = replace(last, is_class_layer=True, has_norm=True, activation="relu")
        return checked(NetworkSpec(self.name, self.channels, self.side, (*before, last)))

    def result(self, name: str | None, reader: str) -> tuple[int, int]:
        """Channels and side of the layer's result (None: of the image), which `reader` asks for."""
        if name is None:
            return self.channels, self.side
        layer = self._earlier(name, reader)
        return layer.filters, layer.out_side

    def __contains__(self, name: object) -> bool:
        return name in self._layers

    def _earlier(self, name: str, reader: str) -> LayerSpec:
        if name not in self._layers:
            raise UsageError(f"layer {reader}: {unknown('earlier layer', name, self._layers)}")
        return self._layers[name]

    def _check_name(self, name: str) -> None:
        if not _NAME.fullmatch(name):
            raise UsageError(f"layer '{name}' must be named in letters, digits, '_', '-' and '.'")
        if name in self._layers:
            raise UsageError(f"layer {name} is there twice; give each layer a name of its own")


def parameter_count(spec: NetworkSpec) -> int:
    """What a training learns in the dense network: synapses, scale and shift of each normalisation, or biases."""
    others = sum(layer.filters * (2 if layer.normalises else 1) for layer in spec.layers)
    return spec.synapse_count + others
