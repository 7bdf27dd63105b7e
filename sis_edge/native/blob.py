"""A chain of layers as the bytes that the operator `SparseChain` reads; `c/network.h` describes the format."""

import struct
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from sis_edge.errors import ExportError
from sis_edge.spec import LayerSpec
from sis_edge.text.limits import with_limit

MAGIC = b"SISC"
BLOB_VERSION = 1
GLOBAL_AVERAGE = 1
HALF = 2
RELU = 1
WINOGRAD = 16

MOST_HALF = float(np.finfo(np.float16).max)

Array = NDArray[np.float32]
Pairs = NDArray[np.bool_]


class ChainLayer(Protocol):
    """A layer of `export.compact.CompactNetwork`: weight [F, I, k, k], bias [F]."""

    @property
    def spec(self) -> LayerSpec:
        """The layer's sides, ReLU and pooling."""

    @property
    def weight(self) -> Array:
        """[F, I, k, k]."""

    @property
    def bias(self) -> Array:
        """[F]."""


@dataclass(frozen=True, eq=False)
class Group:
    """Filters `begin` to `end` - 1 and the inputs that at least one of them sees, rising."""

    begin: int
    end: int
    inputs: NDArray[np.intp]


def existing(weight: Array | NDArray[np.int8]) -> Pairs:
    """Which kernels have a weight: bool [F, I]."""
    pairs: Pairs = (weight != 0).any(axis=(2, 3))
    return pairs


def groups(pairs: Pairs, block: int = 1) -> list[Group]:
    """Cut filters into blocks of `block` neighbours, then join neighbouring blocks that see the same inputs.

    A dense layer becomes one group, granularity `block` its blocks, granularity `kernel` a group for each filter.
    A filter of a larger block gets explicit zeros for inputs that only others of its block see.

    >>> [(g.begin, g.end, g.inputs.tolist()) for g in groups(np.array([[1, 0], [1, 0], [1, 1]], dtype=bool))]
    [(0, 2, [0]), (2, 3, [0, 1])]
    """
    joined: list[Group] = []
    for begin in range(0, len(pairs), block):
        end = min(begin + block, len(pairs))
        inputs = np.flatnonzero(pairs[begin:end].any(axis=0))
        if joined and np.array_equal(joined[-1].inputs, inputs):
            joined[-1] = Group(joined[-1].begin, end, inputs)
        else:
            joined.append(Group(begin, end, inputs))
    return joined


def encode(
    layers: Sequence[ChainLayer],
    blocks: Sequence[int] | None = None,
    global_average: bool = False,
    winograd: Sequence[bool] | None = None,
    half: bool = False,
) -> bytes:
    """The blob of a chain.

    `blocks` is for each layer the least number of filters that share inputs (default: 1); `winograd` says which layers
    use Winograd's algorithm (default: none). `half` is a chain computed in half precision, by direct kernels only.
    Raises ExportError for what a chain cannot say exactly.
    """
    require_chain([layer.spec for layer in layers])
    widths = [1] * len(layers) if blocks is None else list(blocks)
    transformed = [False] * len(layers) if winograd is None else list(winograd)
    parts = [MAGIC, struct.pack("<3I", BLOB_VERSION, len(layers), global_average * GLOBAL_AVERAGE | half * HALF)]
    if half:
        _require_half(layers, transformed)
    for layer, block, is_winograd in zip(layers, widths, transformed, strict=True):
        parts += _layer(layer, groups(existing(layer.weight), block), is_winograd)
    return b"".join(parts)


def require_chain(layers: Sequence[LayerSpec]) -> None:
    """Raises ExportError that names the layer where the format has no words for it: it would be computed wrongly.

    Which layers are native is chosen before (`choice`); this holds whoever chooses.
    """
    before: LayerSpec | None = None
    for layer in layers:
        reason = layer.special and f"it has {layer.special}"
        if before is not None and not reason:
            if layer.source not in (None, before.name):
                reason = f"it reads {layer.source}, not {before.name}"
            elif (layer.inputs, layer.map_side) != (before.filters, before.out_side):
                reason = f"it does not read what {before.name} gives"
        if reason:
            raise ExportError(
                f"layer {layer.name} cannot be a layer of a native chain: {reason}; report this bug of sis-edge"
            )
        before = layer


def _require_half(layers: Sequence[ChainLayer], winograd: Sequence[bool]) -> None:
    for layer, is_winograd in zip(layers, winograd, strict=True):
        if is_winograd:
            raise ExportError(
                f"layer {layer.spec.name} uses Winograd's algorithm, which half precision is too coarse for"
            )
        largest = float(np.abs(layer.weight).max(initial=0))
        if not largest <= MOST_HALF:  # also finds NaN
            value, limit = with_limit(largest, MOST_HALF, ",.6g")
            raise ExportError(f"layer {layer.spec.name} has the weight {value}, and half precision ends at {limit}")


def _layer(layer: ChainLayer, cut: Sequence[Group], is_winograd: bool) -> list[bytes]:
    spec = layer.spec
    filters, inputs, kernel, _ = layer.weight.shape
    flags = (0 if spec.is_class_layer else RELU) | (WINOGRAD if is_winograd else 0)
    parts = [struct.pack("<8I", kernel, inputs, filters, spec.map_side, spec.map_side, spec.pool, flags, len(cut))]
    parts.append(_floats(layer.bias))
    for group in cut:
        parts.append(struct.pack("<2I", group.end - group.begin, group.inputs.size))
        parts.append(group.inputs.astype("<u4").tobytes())
        parts.append(_floats(layer.weight[group.begin : group.end, group.inputs].transpose(1, 0, 2, 3)))
    return parts


def _floats(array: Array) -> bytes:
    return np.ascontiguousarray(array, dtype="<f4").tobytes()
