"""A picture of shares as PNG: what exists is drawn, what does not is clear, so that it lies on any ground."""

import struct
import zlib

import numpy as np
from numpy.typing import NDArray

LEVELS = 16
COLOUR = (0x2B, 0x74, 0xB8)
"""With a contrast above 3:1 on light ground and on dark."""


def png(shares: NDArray[np.float64]) -> bytes:
    """A PNG of shares in [0, 1] [rows, columns]: one bit a pixel where all are 0 or 1, else sixteen levels."""
    height, width = shares.shape
    is_plain = bool(np.isin(shares, (0.0, 1.0)).all())
    bits, levels = (1, 2) if is_plain else (4, LEVELS)
    values = np.ceil(shares * (levels - 1) - 1e-9).astype(np.uint8)  # a small share is still drawn
    rows = np.packbits(values, axis=1) if is_plain else _nibbles(values)
    data = b"".join(b"\0" + row.tobytes() for row in rows)
    header = struct.pack(">IIBBBBB", width, height, bits, 3, 0, 0, 0)
    clear = bytes(round(255 * level / (levels - 1)) for level in range(levels))
    return (
        b"\x89PNG\r\n\x1a\n"
        + _chunk(b"IHDR", header)
        + _chunk(b"PLTE", bytes(COLOUR) * levels)
        + _chunk(b"tRNS", clear)
        + _chunk(b"IDAT", zlib.compress(data, 9))
        + _chunk(b"IEND", b"")
    )


def _nibbles(values: NDArray[np.uint8]) -> NDArray[np.uint8]:
    padded = np.pad(values, ((0, 0), (0, values.shape[1] % 2)))
    return np.asarray(padded[:, ::2] << 4 | padded[:, 1::2])


def _chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
