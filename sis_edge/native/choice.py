"""For each layer the cheapest of what can compute it: ONNX Runtime's dense convolution, or native kernels.

Choosing layers one by one would forget that copies between layouts stand wherever the two meet, so the cheapest way
through the whole chain is sought, layer after layer with two states (dynamic programming).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from sis_edge.formation.compaction import LayerPlan
from sis_edge.native.blob import Pairs
from sis_edge.native.costs import CostModel
from sis_edge.spec import LayerSpec

Kind = Literal["dense", "native"]


@dataclass(frozen=True)
class Choice:
    """What computes a layer, what it should cost there and with the other, and how many filters share inputs."""

    layer: LayerSpec
    share: float
    kind: Kind
    block: int
    dense_s: float
    native_s: float

    @property
    def seconds(self) -> float:
        """What the chosen one should cost, without copies."""
        return self.native_s if self.kind == "native" else self.dense_s

    @property
    def why(self) -> str:
        """The reason in a few words."""
        other = "dense ONNX Runtime" if self.kind == "native" else "native kernels"
        ratio = (self.dense_s if self.kind == "native" else self.native_s) / self.seconds
        if ratio < 1:
            return f"{1 / ratio:.2f}x slower than {other}, which would need copies on both sides"
        return f"{ratio:.2f}x faster than {other}"


@dataclass(frozen=True)
class NetworkCost:
    """A network's choices and the seconds of one inference, copies and the session's own cost included."""

    choices: tuple[Choice, ...]
    seconds: float

    @property
    def blocks(self) -> list[int]:
        """What `export.sparse_onnx` wants to know of each layer: 0 is dense."""
        return [choice.block if choice.kind == "native" else 0 for choice in self.choices]


def pairs_of(plan: LayerPlan) -> Pairs:
    """Which kernels of a layer exist: bool [F, I]."""
    if plan.mask is None:
        return np.ones((plan.spec.filters, plan.spec.inputs), dtype=np.bool_)
    return np.asarray(plan.mask.any(axis=(2, 3)))


def best_block(model: CostModel, layer: LayerSpec, pairs: Pairs) -> tuple[int, float]:
    """How many filters should share inputs, and the seconds; only 1 x 1 convolutions gain from more than one."""
    widths = [1] if layer.kernel > 1 or pairs.all() else [1, 2, 4, 8, model.isa.most_filters]
    seconds, width = min((model.native_s(layer, pairs, width), width) for width in widths)
    return width, seconds


def choose(model: CostModel, plans: Sequence[LayerPlan]) -> NetworkCost:
    """The cheapest way through a compact network on the board that the model was measured on."""
    options = []
    for plan in plans:
        pairs = pairs_of(plan)
        block, native_s = best_block(model, plan.spec, pairs)
        options.append((plan.spec, float(pairs.mean()), block, model.dense_s(plan.spec), native_s))
    # The cheapest way to have computed all layers so far, for each of the two that may have computed the last.
    ways: dict[Kind, tuple[float, list[Kind]]] = {"dense": (0.0, [])}
    before: LayerSpec | None = None
    for layer, _, _, dense_s, native_s in options:
        entry = model.relayout_s(layer.inputs, layer.map_side)
        following: dict[Kind, tuple[float, list[Kind]]] = {}
        own: dict[Kind, float] = {"dense": dense_s, "native": native_s}
        for kind in own:
            following[kind] = min(
                (so_far + own[kind] + _copy(model, last, kind, entry, before, layer), [*path, kind])
                for last, (so_far, path) in ways.items()
            )
        ways, before = following, layer
    seconds, path = min(ways.values())
    choices = tuple(
        Choice(layer, share, kind, block, dense_s, native_s)
        for (layer, share, block, dense_s, native_s), kind in zip(options, path, strict=True)
    )
    return NetworkCost(choices, seconds + model.run_s)


def dense_seconds(model: CostModel, plans: Sequence[LayerPlan]) -> float:
    """One inference of a network whose layers are all ONNX Runtime's dense convolutions."""
    return model.run_s + sum(model.dense_s(plan.spec) for plan in plans)


def _copy(model: CostModel, last: Kind, kind: Kind, entry: float, before: LayerSpec | None, layer: LayerSpec) -> float:
    """Copies between two layers: into the kernels' layout, out of it, or from one of its forms to another."""
    if kind == "native":
        stays = last == "native" and before is not None and before.pool == 1 and layer.kernel == 1
        return 0.0 if stays else entry
    if last == "native" and before is not None:
        return model.relayout_s(before.filters, before.map_side)
    return 0.0
