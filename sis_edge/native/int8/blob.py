"""A quantised chain as the bytes that the operator `SparseChain` reads; `../c/int8_network.h` describes the format."""

import struct

import numpy as np
from numpy.typing import NDArray

from sis_edge.native.blob import GLOBAL_AVERAGE, RELU, existing, groups
from sis_edge.native.int8.chain import Int8Chain, Int8Layer

MAGIC = b"SISQ"
BLOB_VERSION = 1


def encode(chain: Int8Chain) -> bytes:
    """The blob of a chain."""
    flags = GLOBAL_AVERAGE if chain.global_average else 0
    parts = [MAGIC, struct.pack("<3IfI", BLOB_VERSION, len(chain.layers), flags, chain.inverse_scale, chain.zero)]
    height, width = chain.height, chain.width
    for layer in chain.layers:
        parts += _layer(layer, height, width)
        height, width = height // layer.pool, width // layer.pool
    return b"".join(parts)


def _layer(layer: Int8Layer, height: int, width: int) -> list[bytes]:
    filters, inputs, kernel, _ = layer.weight.shape
    cut = groups(existing(layer.weight))
    flags = RELU if layer.relu else 0
    head = (kernel, inputs, filters, height, width, layer.pool, flags, layer.zero, len(cut))
    parts = [struct.pack("<9I", *head), layer.bias.astype("<i4").tobytes(), layer.multiplier.astype("<f4").tobytes()]
    for group in cut:
        parts.append(struct.pack("<2I", group.end - group.begin, group.inputs.size))
        parts.append(group.inputs.astype("<u4").tobytes())
        parts.append(_fields(layer.weight[group.begin : group.end, group.inputs].transpose(1, 0, 2, 3)))
    return parts


def _fields(weight: NDArray[np.int8]) -> bytes:
    """Bytes up to a whole field."""
    content = np.ascontiguousarray(weight).tobytes()
    return content + bytes(-len(content) % 4)
