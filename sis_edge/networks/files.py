"""A network in a TOML file: its layers in the order in which they are computed.

    name = "small"              # default: the file's name
    side = 32                   # images of 32 x 32 pixels
    channels = 3                # default 3

    [[layer]]
    type = "conv"               # conv, depthwise, linear, pool
    name = "stem"               # default: the type and its number, conv1
    filters = 16                # also of linear; a depthwise layer has as many as it reads
    kernel = 3                  # side of the square kernel; linear has none
    stride = 2                  # default 1
    padding = 1                 # default: half the kernel, which keeps the map's size at stride 1
    groups = 1                  # default 1
    norm = true                 # batch normalisation, else a bias; default true, false in the last layer
    activation = "relu"         # relu, relu6, none; default relu, none in the last layer
    from = "stem"               # the layer that it reads; default: the one before
    add = "stem"                # a layer whose result is added before the activation (residual)
    group = "CL"                # CL or MP: whether t_c or t_p forms it; default CL, MP for 1 x 1 and linear
    t = 0.5                     # a density of its own

    [[layer]]
    type = "pool"               # of the layer before
    pooling = "max"             # max, average, global (one average for each map); default max
    size = 2                    # side of the windows, of max and average
    stride = 2                  # of max; default: the size, so that windows do not overlap
    padding = 0                 # of max; default 0

A linear layer reads one pixel, after global pooling, or the whole map. The last layer gives the class scores.
"""

from collections import Counter
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal, Self

from pydantic import Field, model_validator

from sis_edge.errors import UsageError
from sis_edge.files.model import FrozenModel
from sis_edge.files.toml_lines import line_of
from sis_edge.files.validation import load_toml
from sis_edge.formation import Formation
from sis_edge.networks.layers import LayerList
from sis_edge.spec import Activation, Group, NetworkSpec

_FIELDS = {
    "conv": "name filters kernel stride padding groups norm activation from add group t",
    "depthwise": "name kernel stride padding norm activation from add group t",
    "linear": "name filters norm activation from add group t",
    "pool": "pooling size stride padding",
}
_NEEDS = {"conv": ("filters", "kernel"), "depthwise": ("kernel",), "linear": ("filters",), "pool": ()}


class LayerTable(FrozenModel):
    """One [[layer]] table, see above."""

    type: Literal["conv", "depthwise", "linear", "pool"]
    name: str | None = None
    filters: int | None = Field(default=None, ge=1)
    kernel: int | None = Field(default=None, ge=1)
    stride: int = Field(default=1, ge=1)
    padding: int | None = Field(default=None, ge=0)
    groups: int = Field(default=1, ge=1)
    norm: bool | None = None
    activation: Activation | None = None
    source: str | None = Field(default=None, alias="from")
    add: str | None = None
    group: Group | None = None
    t: float | None = Field(default=None, gt=0, le=1)
    pooling: Literal["max", "average", "global"] = "max"
    size: int | None = Field(default=None, ge=2)

    @model_validator(mode="after")
    def _fields_of_its_type(self) -> Self:
        known = _FIELDS[self.type].split()
        given = {"from" if name == "source" else name for name in self.model_fields_set} - {"type"}
        if others := sorted(given.difference(known)):
            raise ValueError(f"a {self.type} layer has no {others[0]}; it has: {', '.join(known)}")
        needed = _NEEDS[self.type] if self.type != "pool" or self.pooling == "global" else ("size",)
        for name in needed:
            if getattr(self, name) is None:
                raise ValueError(f"a {self.type} layer needs {name}")
        if self.pooling == "global" and (sizes := given.intersection(("size", "stride", "padding"))):
            raise ValueError(f"global pooling has no {min(sizes)}: it makes one pixel of each map")
        return self


class NetworkTable(FrozenModel):
    """The whole file."""

    name: str | None = None
    side: int = Field(ge=1)
    channels: int = Field(default=3, ge=1)
    layer: tuple[LayerTable, ...] = Field(min_length=1)


@dataclass(frozen=True)
class DescribedNetwork:
    """A network, and the layers that have a density of their own, by name."""

    spec: NetworkSpec
    densities: dict[str, float]

    def formation(self, base: Formation) -> Formation:
        """The formation with the layers' own densities, where there are any."""
        own: dict[str, Any] = {"layer_shares": self.densities} if self.densities else {}
        return replace(base, **own)


def load(path: Path) -> DescribedNetwork:
    """The network of that TOML file; raises UsageError that names the file, the line, the layer and what is wrong."""
    table, text = load_toml(path, "network", NetworkTable)
    layers = LayerList(table.name or path.stem, table.channels, table.side)
    adding = _Adding(layers, table.layer)
    for number in range(len(table.layer)):
        try:
            adding.add(number)
        except UsageError as error:
            raise UsageError(f"the network {path}, line {line_of(text, ('layer', number))}: {error}") from None
    try:
        return DescribedNetwork(layers.spec(), adding.densities)
    except UsageError as error:
        raise UsageError(f"the network {path}: {error}") from None


class _Adding:
    """The file's layers on their way into the network."""

    def __init__(self, layers: LayerList, tables: tuple[LayerTable, ...]) -> None:
        self.layers = layers
        self.tables = tables
        self.densities: dict[str, float] = {}
        self._last = max((at for at, table in enumerate(tables) if table.type != "pool"), default=-1)
        self._pooled: str | None = None  # the layer whose maps were pooled to a pixel, for the next layer to read
        self._before: str | None = None
        self._types: Counter[str] = Counter()

    def add(self, number: int) -> None:
        """Add that table's layer, or its pooling to the layer before."""
        table = self.tables[number]
        if table.type == "pool":
            self._pool(table)
            return
        self._types[table.type] += 1
        name = table.name or f"{table.type}{self._types[table.type]}"
        source = table.source or self._before
        if self._pooled and source != self._pooled:
            raise UsageError(f"layer {name} reads {source}, and the global pooling before it is of {self._pooled}")
        is_last = number == self._last
        self.layers.add(
            name,
            **self._shape(table, name, source),
            group="MP" if table.type == "linear" and table.group is None else table.group,
            norm=not is_last if table.norm is None else table.norm,
            activation=table.activation or ("none" if is_last else "relu"),
            source=source,
            adds=table.add,
            global_pool=self._pooled is not None,
        )
        if table.t is not None:
            self.densities[name] = table.t
        self._before, self._pooled = name, None

    def _shape(self, table: LayerTable, name: str, source: str | None) -> dict[str, Any]:
        inputs, side = self.layers.result(source, name)
        filters = inputs if table.filters is None else table.filters
        if table.type == "linear":
            return {"filters": filters, "kernel": 1 if self._pooled else side, "padding": 0}
        return {
            "filters": filters,
            "kernel": table.kernel,
            "stride": table.stride,
            "padding": table.padding,
            "groups": inputs if table.type == "depthwise" else table.groups,
        }

    def _pool(self, table: LayerTable) -> None:
        if self._before is None:
            raise UsageError("pooling comes after a layer, and there is none before it")
        if self._pooled:
            raise UsageError(f"layer {self._before} is pooled to one pixel already")
        if table.pooling == "global":
            self._pooled = self._before
        else:
            size = table.size or 1
            stride = table.stride if "stride" in table.model_fields_set else size
            self.layers.pool(stride, table.pooling, kernel=size, padding=table.padding or 0)
