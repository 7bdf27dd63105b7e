"""The steps of a module's forward on their way into layers: which convolution each belongs to, in which order.

A layer is a convolution, then normalisation, addition, activation, pooling: what comes in another order, or is used
before it is complete, is not a layer.
"""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, TypeAlias

from sis_edge.networks.layers import LayerList
from sis_edge.spec import Activation, NetworkSpec, Pooling

if TYPE_CHECKING:
    from torch import fx

CONV, NORM, ADD, ACTIVATION, POOL, PIXEL = range(6)
"""How far a layer is: each step may come once, after those before it."""

NAMES = ("the convolution", "normalisation", "the addition", "the activation", "pooling", "global pooling")


LEFT_OUT = "left out"
"""What becomes of a step that changes nothing."""

NUMBER = "number"
"""In a step's `meta`: the number that it computes from shapes."""


class NotFormableError(Exception):
    """A step that no layer has; the text goes on after "it"."""


@dataclass
class OpenLayer:
    """A layer as its steps are read; `done` is the last of them."""

    name: str
    options: dict[str, Any]
    done: int = CONV
    pooling: Pooling = "max"
    pool: dict[str, int] = field(default_factory=dict)


@dataclass(frozen=True)
class Value:
    """What a step gives: the result of a layer so far (None: the image).

    `shared`: several steps read it. `flat`: as features without maps. `is_pixel`: the average of each map. `every` and
    `more` are those of a parameter-free shortcut: each so many-th pixel only, and channels of zeros after the others.
    """

    layer: str | None
    shared: bool = False
    flat: bool = False
    is_pixel: bool = False
    every: int = 1
    more: int = 0

    @property
    def is_shortcut(self) -> bool:
        """Whether only an addition can read it."""
        return self.every > 1 or self.more > 0


@dataclass
class StepReader:
    """Layers from steps, in the order of the forward. Methods raise NotFormableError."""

    layers: dict[str, OpenLayer] = field(default_factory=dict)

    def convolve(self, name: str, value: Value, **options: Any) -> Value:
        """A convolution (or linear layer) of that value."""
        if name in self.layers:
            raise NotFormableError("is used a second time; each layer of a formed network has weights of its own")
        if value.is_shortcut:
            raise NotFormableError("reads a subsampled or padded value, which only an addition can")
        if value.layer is None and self.layers:
            raise NotFormableError("reads the image, which only the first layer can")
        options |= {"source": value.layer, "norm": False, "activation": "none", "global_pool": value.is_pixel}
        self.layers[name] = OpenLayer(name, options)
        return Value(name)

    def normalise(self, value: Value) -> Value:
        """Batch normalisation of a convolution."""
        self._next(value, NORM).options["norm"] = True
        return value

    def activate(self, value: Value, activation: Activation) -> Value:
        """ReLU or ReLU6; max pooling and these give the same in either order."""
        layer = self._open(value)
        before_pooling = layer is not None and layer.done == POOL and layer.pooling == "max"
        if before_pooling and layer is not None and layer.options["activation"] == "none" and not value.shared:
            layer.options["activation"] = activation
            return value
        self._next(value, ACTIVATION).options["activation"] = activation
        return value

    def pool(self, value: Value, stride: int, pooling: Pooling, kernel: int, padding: int = 0) -> Value:
        """Pooling; only windows of max pooling may overlap or reach over the border."""
        layer = self._next(value, POOL)
        layer.pooling, layer.pool = pooling, {"stride": stride, "kernel": kernel, "padding": padding}
        return value

    def average(self, value: Value) -> Value:
        """Global average pooling, for the layer that reads it."""
        if value.layer is None or value.is_shortcut or value.flat:
            raise NotFormableError("averages what is not a layer's maps")
        return replace(value, is_pixel=True)

    def add(self, first: Value, second: Value) -> Value:
        """An addition of two results, of which the later layer's has neither activation nor pooling yet."""
        order = list(self.layers)
        if first.layer is None or second.layer is None:
            raise NotFormableError("adds the image; a formed network adds results of layers")
        late, early = sorted((first, second), key=lambda value: order.index(value.layer or ""), reverse=True)
        if late.layer == early.layer:
            raise NotFormableError("adds a layer's result to itself")
        if any(value.flat or value.is_pixel for value in (late, early)) or late.is_shortcut:
            raise NotFormableError("adds what is not the maps of a layer")
        layer = self._next(late, ADD)
        layer.options["adds"] = early.layer
        self._check_shortcut(early, layer)
        return late

    def network(self, name: str, channels: int, side: int) -> NetworkSpec:
        """The network; raises UsageError for what does not fit."""
        layers = LayerList(name, channels, side)
        for layer in self.layers.values():
            layers.add(layer.name, **layer.options)
            if layer.pool:
                layers.pool(**layer.pool, pooling=layer.pooling)
        return layers.spec()

    def _check_shortcut(self, early: Value, late: OpenLayer) -> None:
        if not early.is_shortcut:
            return
        wide = self.layers[str(early.layer)].options["filters"] + early.more
        if wide != late.options["filters"]:
            raise NotFormableError(f"adds {wide} maps to {late.options['filters']}")

    def _open(self, value: Value) -> OpenLayer | None:
        return None if value.layer is None else self.layers[value.layer]

    def _next(self, value: Value, step: int) -> OpenLayer:
        layer = self._open(value)
        if layer is None or value.is_pixel or value.is_shortcut:
            raise NotFormableError("does not follow a layer")
        if layer.done >= step:
            raise NotFormableError(
                f"comes after {NAMES[layer.done]} of {layer.name}; a layer has, in this order: convolution, "
                "normalisation, addition, activation, pooling"
            )
        if value.shared:
            raise NotFormableError(f"follows {layer.name}, whose result is used before it too")
        layer.done = step
        return layer


Sources: TypeAlias = list[Value]
Operation: TypeAlias = Callable[[StepReader, "fx.Node", Sources], tuple[Value, str]]
"""From a step and the values that it reads its own value, and what becomes of it; raises NotFormableError."""


def shape_of(node: Any) -> tuple[int, ...]:
    """The shape of a step's result; empty where it is not one tensor."""
    meta = node.meta.get("tensor_meta") if hasattr(node, "meta") else None
    return tuple(getattr(meta, "shape", ()))
