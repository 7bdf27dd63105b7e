"""For each layer the cheapest of what can compute it: ONNX Runtime's dense convolution, or native kernels.

Choosing layers one by one would forget that copies between layouts stand wherever the two meet, so the cheapest way
through the whole chain is sought, layer after layer with two states (dynamic programming). For a board that was not
calibrated the structure decides: layers that are sparse or small are native, and those between them.
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

SPARSE_SHARE = 0.6
"""At so many of a layer's kernels or fewer native kernels have been faster on every processor tried."""

SMALL_SHARE = 0.5
"""A layer is small at that share of the dense network's multiply-accumulates, or less."""

UNCALIBRATED_BLOCK = 8
"""Filters of a sparse 1 x 1 convolution that share inputs, where nothing was measured."""


@dataclass(frozen=True)
class Choice:
    """What computes a layer and why, how many filters share inputs, what it should cost there and with the other.

    The seconds, without copies, are None where the board was not calibrated.
    """

    layer: LayerSpec
    share: float
    kind: Kind
    block: int
    why: str
    dense_s: float | None = None
    native_s: float | None = None


@dataclass(frozen=True)
class NetworkCost:
    """A network's choices and the seconds of one inference, copies and the session's own cost included."""

    choices: tuple[Choice, ...]
    seconds: float


def blocks(choices: Sequence[Choice]) -> list[int]:
    """What `export.sparse_onnx` wants to know of each layer: 0 is dense."""
    return [choice.block if choice.kind == "native" else 0 for choice in choices]


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
    previous: LayerSpec | None = None
    for plan in plans:
        pairs = pairs_of(plan)
        block, native_s = best_block(model, plan.spec, pairs)
        options.append((plan.spec, float(pairs.mean()), block, model.dense_s(plan.spec, previous), native_s))
        previous = plan.spec
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
        Choice(layer, share, kind, block, _why(kind, dense_s, native_s), dense_s, native_s)
        for (layer, share, block, dense_s, native_s), kind in zip(options, path, strict=True)
    )
    return NetworkCost(choices, seconds + model.run_s)


def choose_by_structure(plans: Sequence[LayerPlan], dense: Sequence[LayerPlan]) -> tuple[Choice, ...]:
    """What computes each layer where nothing was measured; `dense` are the layers of the dense network.

    Native kernels compute layers that are sparse or small, and what stands between two of them, which spares copies.
    """
    shares = [float(pairs_of(plan).mean()) for plan in plans]
    reasons = [_structure(plan, share, other) for plan, share, other in zip(plans, shares, dense, strict=True)]
    native = [at for at, reason in enumerate(reasons) if reason]
    found = []
    for at, (plan, share, reason) in enumerate(zip(plans, shares, reasons, strict=True)):
        is_native = bool(native) and native[0] <= at <= native[-1]
        why = reason or ("stands between native layers" if is_native else "neither sparse nor small")
        block = UNCALIBRATED_BLOCK if plan.spec.kernel == 1 and share < 1 else 1
        found.append(Choice(plan.spec, share, "native" if is_native else "dense", block, why))
    return tuple(found)


def _structure(plan: LayerPlan, share: float, dense: LayerPlan) -> str:
    """In what way a layer is sparse or small; empty where it is neither."""
    if share <= SPARSE_SHARE:
        return f"sparse: {share:.0%} of its kernels exist"
    size = plan.macs / dense.macs
    return f"small: {size:.0%} of the dense layer's work" if size <= SMALL_SHARE else ""


def dense_seconds(model: CostModel, plans: Sequence[LayerPlan]) -> float:
    """One inference of a network whose layers are all ONNX Runtime's dense convolutions."""
    layers = [plan.spec for plan in plans]
    return model.run_s + sum(
        model.dense_s(layer, before) for layer, before in zip(layers, [None, *layers[:-1]], strict=True)
    )


def _why(kind: Kind, dense_s: float, native_s: float) -> str:
    """The reason in a few words."""
    other = "ONNX Runtime" if kind == "native" else "native kernels"
    own_s, other_s = (native_s, dense_s) if kind == "native" else (dense_s, native_s)
    if own_s > other_s:
        return f"slower than {other}, and spares copies"
    return f"{other_s / own_s:.2f}x faster than {other}" if own_s else f"faster than {other}"


def _copy(model: CostModel, last: Kind, kind: Kind, entry: float, before: LayerSpec | None, layer: LayerSpec) -> float:
    """Copies between two layers: into the kernels' layout, out of it, or from one of its forms to another."""
    if kind == "native":
        stays = last == "native" and before is not None and before.pool == 1 and layer.kernel == 1
        return 0.0 if stays else entry
    if last == "native" and before is not None:
        return model.relayout_s(before.filters, before.map_side)
    return 0.0
