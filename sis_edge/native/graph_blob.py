"""Layers with branches as the bytes that the operator `SparseChain` reads; `c/graph.h` describes the format."""

import struct
from collections.abc import Sequence

import numpy as np

from sis_edge.errors import ExportError
from sis_edge.native.blob import ChainLayer, existing, groups
from sis_edge.spec import LayerSpec

MAGIC = b"SISG"
GRAPH_VERSION = 1
ACTIVATIONS = {"none": 0, "relu": 1, "relu6": 2}
DEPTHWISE, AVERAGES, POOLS_AVERAGE = 1, 2, 4
NOTHING = 0xFFFFFFFF
MOST_STRIDE = 2
"""Of a convolution over 1 x 1, which may have any."""


def unsaid(layer: LayerSpec) -> str:
    """What of a layer the format cannot say exactly, in a few words; empty where it can."""
    parts = {
        f"padding {layer.pads}": layer.pads != layer.kernel // 2 or layer.kernel % 2 == 0,
        f"{layer.groups} groups": layer.groups > 1 and not (layer.is_depthwise and layer.filters == layer.inputs),
        f"stride {layer.stride}": layer.stride > MOST_STRIDE and layer.kernel > 1,
        f"pooling of {layer.pool_side} x {layer.pool_side} with stride {layer.pool}": not layer.pools_apart,
    }
    return ", ".join(words for words, has in parts.items() if has)


def encode(layers: Sequence[ChainLayer], source: str | None = None, blocks: Sequence[int] | None = None) -> bytes:
    """The blob of layers that read and add each other's results, or that of the layer `source` (None: the image).

    The last one's result is the operator's. Raises ExportError that names the layer where the format has no words.
    """
    widths = [1] * len(layers) if blocks is None else list(blocks)
    first = layers[0].spec
    if first.global_pool:
        raise ExportError(f"layer {first.name} cannot begin a native network: {first.special}")
    parts = [MAGIC, struct.pack("<5I", GRAPH_VERSION, len(layers), first.inputs, first.map_side, first.map_side)]
    numbers: dict[str | None, int] = {source: 0}
    before = source
    for number, (layer, block) in enumerate(zip(layers, widths, strict=True)):
        parts += _layer(layer, block, numbers, before)
        before = layer.spec.name
        numbers[before] = number + 1
    return b"".join(parts)


def _layer(layer: ChainLayer, block: int, numbers: dict[str | None, int], before: str | None) -> list[bytes]:
    spec = layer.spec
    read = before if spec.source is None else spec.source
    reason = unsaid(spec) or next(
        (f"{name} is not in it" for name in (read, *([spec.adds] if spec.adds else [])) if name not in numbers), ""
    )
    if reason:
        raise ExportError(
            f"layer {spec.name} cannot be a layer of a native network: {reason}; report this bug of sis-edge"
        )
    flags = DEPTHWISE * spec.is_depthwise + AVERAGES * spec.global_pool + POOLS_AVERAGE * (spec.pooling == "average")
    added = NOTHING if spec.adds is None else numbers[spec.adds]
    weight = layer.weight.transpose(1, 0, 2, 3) if spec.is_depthwise else layer.weight
    cut = groups(existing(layer.weight), block)
    count = 1 if spec.is_depthwise else len(cut)
    activation = ACTIVATIONS[spec.activates]
    head = (spec.kernel, spec.stride, spec.filters, activation, spec.pool, flags, numbers[read], added, count)
    parts = [struct.pack("<9I", *head), _floats(layer.bias)]
    if spec.is_depthwise:
        return [*parts, struct.pack("<3I", spec.filters, 1, 0), _floats(weight)]
    for group in cut:
        parts.append(struct.pack("<2I", group.end - group.begin, group.inputs.size))
        parts.append(group.inputs.astype("<u4").tobytes())
        parts.append(_floats(weight[group.begin : group.end, group.inputs].transpose(1, 0, 2, 3)))
    return parts


def _floats(array: "np.ndarray[tuple[int, ...], np.dtype[np.float32]]") -> bytes:
    return np.ascontiguousarray(array, dtype="<f4").tobytes()
