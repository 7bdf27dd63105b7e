"""Whether to compress what goes to a board: where that saves more time than it takes, by what was measured."""

import time
import zlib
from collections.abc import Callable

LEVEL = 1
SAMPLE_BYTES = 1 << 15
FASTEST_BYTES_PER_S = 150e6
"""No processor compresses faster, so nothing is tried on a faster link."""

PATIENCE_PIECES = 16
"""After a sample that did not pay, so many pieces go as they are: trying costs time too."""

MEMORY = 0.8
"""Of the earlier pieces' weight in the link's rate, for each piece."""


class Packer:
    """Compresses pieces while that pays. `sent` keeps the link's rate up to date; until it is known, nothing is."""

    def __init__(self, clock: Callable[[], float] = time.perf_counter) -> None:
        self._clock = clock
        self._sent_bytes = self._took_s = 0.0
        self._wait = 0

    def sent(self, size_bytes: int, took_s: float) -> None:
        """So many bytes took so long to go out."""
        self._sent_bytes = MEMORY * self._sent_bytes + size_bytes
        self._took_s = MEMORY * self._took_s + took_s

    def packed(self, piece: bytes) -> bytes | None:
        """The piece compressed by zlib; None where it is quicker to send it as it is."""
        if self._wait:
            self._wait -= 1
            return None
        if self._sent_bytes == 0 or self._took_s * FASTEST_BYTES_PER_S < self._sent_bytes:
            return None
        begin_s = self._clock()
        sample = piece[:SAMPLE_BYTES]
        ratio = len(zlib.compress(sample, LEVEL)) / max(len(sample), 1)
        work_s = (self._clock() - begin_s) / max(len(sample), 1)
        if work_s > (1 - ratio) * self._took_s / self._sent_bytes:
            self._wait = PATIENCE_PIECES
            return None
        return zlib.compress(piece, LEVEL)
