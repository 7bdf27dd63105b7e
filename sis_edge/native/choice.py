"""For each layer the cheapest of what can compute it: ONNX Runtime's dense convolution, or native kernels.

Choosing layers one by one would forget that maps are copied to another layout wherever the two meet, so the cheapest
way through the whole chain is found by dynamic programming, layer after layer with two states. For a board that was not
calibrated the structure decides: layers that are sparse or small are native, those between them, and at both ends
those that avoid copying larger maps.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from sis_edge.errors import UsageError
from sis_edge.formation.compaction import LayerPlan
from sis_edge.native.blob import Pairs
from sis_edge.native.costs import CostModel
from sis_edge.native.winograd import saved_macs, seems_to_pay
from sis_edge.native.work import Copy
from sis_edge.spec import LayerSpec, sources_of

Kind = Literal["dense", "native"]

Algorithm = Literal["direct", "winograd"]

KINDS: tuple[Kind, ...] = ("dense", "native")

SPARSE_SHARE = 0.6
"""With at most this share of a layer's kernels native kernels were faster on every processor tried."""

SMALL_SHARE = 0.5
"""A layer is small at that share of the dense network's multiply-accumulates, or less."""

COPY_MACS = 200
"""Multiply-accumulates that may become native to avoid copying one float between the layouts of the two.

On Zen 4 with AVX-512 a copy took as long as 31 to 60 of them. So it pays where native kernels take up to 1.15 times as
long for a dense layer as ONNX Runtime; there they took 0.8 to 1.03 times as long.
"""

UNCALIBRATED_BLOCK = 8
"""Filters of a sparse 1 x 1 convolution that share inputs, where nothing was measured."""


@dataclass(frozen=True)
class Choice:
    """What computes a layer and why, how many filters share inputs, and the expected costs of both ways.

    `winograd` says whether native kernels use Winograd's algorithm. The seconds, without copies, are None where the
    board was not calibrated.
    """

    layer: LayerSpec
    share: float
    kind: Kind
    block: int
    why: str
    dense_s: float | None = None
    native_s: float | None = None
    winograd: bool = False

    @property
    def algorithm(self) -> Algorithm | None:
        """That of native kernels; None where ONNX Runtime computes the layer."""
        if self.kind == "dense":
            return None
        return "winograd" if self.winograd else "direct"

    @property
    def saved_macs(self) -> int:
        """Multiply-accumulates of an image that its algorithm saves."""
        if self.algorithm != "winograd":
            return 0
        return saved_macs(self.layer, round(self.share * self.layer.filters * self.layer.inputs))


@dataclass(frozen=True)
class NetworkCost:
    """A network's choices and the seconds of one inference, copies and the session's own cost included."""

    choices: tuple[Choice, ...]
    seconds: float


def blocks(choices: Sequence[Choice]) -> list[int]:
    """The argument of `exporting.sparse_onnx.to_sparse_onnx`: filters of a block for each layer, 0 for a dense one."""
    return [choice.block if choice.kind == "native" else 0 for choice in choices]


def pairs_of(plan: LayerPlan) -> Pairs:
    """Which kernels of a layer exist: bool [F, I / groups]."""
    if plan.mask is None:
        return np.ones(plan.spec.weight_shape[:2], dtype=np.bool_)
    return np.asarray(plan.mask.any(axis=(2, 3)))


def best_block(model: CostModel, layer: LayerSpec, pairs: Pairs) -> tuple[int, float]:
    """How many filters should share inputs, and the seconds; only 1 x 1 convolutions gain from more than one."""
    widths = [1] if layer.kernel > 1 or pairs.all() else [1, 2, 4, 8, model.isa.most_filters]
    seconds, width = min((model.native_s(layer, pairs, width), width) for width in widths)
    return width, seconds


def winograd(choices: Sequence[Choice]) -> list[bool]:
    """Which layers use Winograd's algorithm: the other argument of `to_sparse_onnx`."""
    return [choice.kind == "native" and choice.winograd for choice in choices]


def choose(model: CostModel, plans: Sequence[LayerPlan], exact: bool = False) -> NetworkCost:
    """The cheapest way through a compact network on the board that the model was measured on.

    `exact` leaves out Winograd's algorithm. Raises UsageError for a network that is not a chain of the paper's layers:
    the model knows no other.
    """
    require_known([plan.spec for plan in plans])
    # The cheapest way to have computed all layers so far, for each of the two that may have computed the last.
    ways: dict[Kind, tuple[float, list[Kind]]] = {"dense": (0.0, [])}
    options: list[tuple[LayerSpec, float, int, float, float, bool]] = []
    before: LayerSpec | None = None
    for plan in plans:
        layer, pairs = plan.spec, pairs_of(plan)
        block, direct_s = best_block(model, layer, pairs)
        winograd_s = math.inf if exact else model.winograd_s(layer, pairs)
        native_s = min(direct_s, winograd_s)
        following: dict[Kind, tuple[float, list[Kind]]] = {}
        for kind in KINDS:
            following[kind] = min(
                (so_far + _step_s(model, last, kind, before, layer, native_s), [*path, kind])
                for last, (so_far, path) in ways.items()
            )
        options.append(
            (layer, float(pairs.mean()), block, model.dense_s(layer, before), native_s, winograd_s < direct_s)
        )
        ways, before = following, layer
    if before is not None:
        ways["dense"] = (ways["dense"][0] + model.reorder_s(before), ways["dense"][1])
    seconds, path = min(ways.values())
    choices = tuple(
        Choice(layer, share, kind, block, _why(kind, dense_s, native_s), dense_s, native_s, transformed)
        for (layer, share, block, dense_s, native_s, transformed), kind in zip(options, path, strict=True)
    )
    return NetworkCost(choices, seconds + model.run_s)


def require_known(layers: Sequence[LayerSpec]) -> None:
    """Raises UsageError, with the layer, for a network whose costs the model does not know."""
    for number, (layer, source) in enumerate(zip(layers, sources_of(layers), strict=True)):
        has = layer.special or (
            "" if source == number - 1 else f"another source than the layer before ({layer.source})"
        )
        if has:
            raise UsageError(
                f"costs are known for chains of plain convolutions only, and layer {layer.name} has {has}; "
                "build the network and measure it with `sis-edge bench`"
            )


def choose_by_structure(
    plans: Sequence[LayerPlan], dense: Sequence[LayerPlan], exact: bool = False
) -> tuple[Choice, ...]:
    """What computes each layer where nothing was measured; `dense` are the layers of the dense network.

    `exact` leaves out Winograd's algorithm.

    Native kernels compute layers that are sparse or small, those between them, and at both ends those whose work is
    little for the maps that need no copy then (COPY_MACS). Raises UsageError for a network that is not a chain of the
    paper's layers (`branched` chooses for those).
    """
    require_known([plan.spec for plan in plans])
    shares = [float(pairs_of(plan).mean()) for plan in plans]
    reasons = [_structure(plan, share, other) for plan, share, other in zip(plans, shares, dense, strict=True)]
    native = [number for number, reason in enumerate(reasons) if reason]
    if native:
        first, last = native[0], native[-1]
        for number in range(first, last + 1):
            reasons[number] = reasons[number] or "between native layers"
        begin, end = _extended(plans, first, last)
        for number in range(begin, first):
            reasons[number] = _avoided(plans[first])
        for number in range(last + 1, end + 1):
            reasons[number] = _avoided(plans[last + 1])
    return _chosen(plans, shares, reasons, exact)


def _chosen(
    plans: Sequence[LayerPlan], shares: Sequence[float], reasons: Sequence[str], exact: bool
) -> tuple[Choice, ...]:
    """Native layers where there is a reason, the others dense."""
    return tuple(
        Choice(
            plan.spec,
            share,
            "native" if reason else "dense",
            UNCALIBRATED_BLOCK if plan.spec.kernel == 1 and share < 1 else 1,
            reason or "neither sparse nor small",
            winograd=bool(reason) and not exact and seems_to_pay(plan.spec, pairs_of(plan)),
        )
        for plan, share, reason in zip(plans, shares, reasons, strict=True)
    )


def _extended(plans: Sequence[LayerPlan], first: int, last: int) -> tuple[int, int]:
    """The first and the last layer of a native stretch, extended by layers that avoid more copying than they cost."""
    floats = [plan.spec.inputs * plan.spec.positions for plan in plans] + [plans[-1].spec.filters]

    def gain(boundary: int, moved: int) -> int:
        """Of computing the layers between two boundaries natively, in multiply-accumulates; boundary 0 is the image."""
        added = plans[min(boundary, moved) : max(boundary, moved)]
        return COPY_MACS * (floats[boundary] - floats[moved]) - sum(plan.macs for plan in added)

    begin = max(range(first, -1, -1), key=lambda moved: gain(first, moved))
    end = max(range(last + 1, len(plans) + 1), key=lambda moved: gain(last + 1, moved))
    return begin, end - 1


def _avoided(plan: LayerPlan) -> str:
    """Why a layer of a widened stretch is native; `plan` is the layer whose inputs would be copied else."""
    spec = plan.spec
    return f"next to native layers: avoids copying {spec.inputs} maps of {spec.map_side} x {spec.map_side}"


def _structure(plan: LayerPlan, share: float, dense: LayerPlan) -> str:
    """In what way a layer is sparse or small; empty where it is neither."""
    if share <= SPARSE_SHARE:
        return f"sparse: {share:.0%} of its kernels exist"
    size = plan.macs / dense.macs
    return f"small: {size:.0%} of the dense layer's work" if size <= SMALL_SHARE else ""


def dense_seconds(model: CostModel, plans: Sequence[LayerPlan]) -> float:
    """One inference of a network whose layers are all ONNX Runtime's dense convolutions."""
    layers = [plan.spec for plan in plans]
    steps = (
        _step_s(model, "dense", "dense", before, layer, 0.0)
        for layer, before in zip(layers, [None, *layers[:-1]], strict=True)
    )
    return model.run_s + sum(steps) + model.reorder_s(layers[-1])


def _why(kind: Kind, dense_s: float, native_s: float) -> str:
    """The reason in a few words."""
    other = "ONNX Runtime" if kind == "native" else "native kernels"
    own_s, other_s = (native_s, dense_s) if kind == "native" else (dense_s, native_s)
    if own_s > other_s:
        return f"slower than {other}, but avoids copies"
    return f"{other_s / own_s:.2f}x faster than {other}" if own_s else f"faster than {other}"


def _step_s(
    model: CostModel, last: Kind, kind: Kind, before: LayerSpec | None, layer: LayerSpec, native_s: float
) -> float:
    """Seconds of a layer and of what brings its maps to it: copies, changes of layout, pooling.

    Behind a layer of ONNX Runtime pooling is a step of its own; behind native kernels the copy does it.
    """
    was_native = last == "native" and before is not None
    pool = before.pool if was_native and before is not None else 1
    copy_s = model.copy_s(Copy(layer.inputs, layer.map_side, pool, wakes=before is None))
    if kind == "dense":
        arrived_s = copy_s if was_native else 0.0
        return arrived_s + model.dense_s(layer, None if was_native else before) + model.pool_s(layer)
    if was_native:
        return native_s + (0.0 if pool == 1 and layer.kernel == 1 else copy_s)
    return native_s + copy_s + (0.0 if before is None else model.reorder_s(before))
