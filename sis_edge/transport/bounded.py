"""What a board may send at most: a broken or hostile one writes without end."""

OUTPUT_BYTES = 64 << 20
"""Standard output of one command: the logits of 10,000 images of 100 classes are a third of it."""

ERRORS_BYTES = 8 << 20
"""Standard error of one command: its end is kept, which says why it failed."""

FILE_BYTES = 256 << 20
"""One file: the longest record is a tenth of it."""


class TooMuchError(Exception):
    """A stream is longer than it may be."""


class Head:
    """A stream that must be whole: `add` raises TooMuchError beyond its limit."""

    def __init__(self, limit_bytes: int = OUTPUT_BYTES) -> None:
        self._limit_bytes = limit_bytes
        self.data = bytearray()

    def add(self, piece: bytes) -> None:
        """Take the next piece."""
        if len(self.data) + len(piece) > self._limit_bytes:
            raise TooMuchError
        self.data += piece


class Tail:
    """A stream of which only the end is kept, at most twice the limit; `is_cut` once its beginning is gone."""

    def __init__(self, limit_bytes: int = ERRORS_BYTES) -> None:
        self._limit_bytes = limit_bytes
        self.data = bytearray()
        self.is_cut = False

    def add(self, piece: bytes) -> None:
        """Take the next piece, and forget what came first."""
        self.data += piece
        if len(self.data) > 2 * self._limit_bytes:
            del self.data[: -self._limit_bytes]
            self.is_cut = True


def too_much(name: str, command: str) -> str:
    """The sentence for a command that wrote more than it may."""
    return (
        f"`{command}` on {name} wrote more than {OUTPUT_BYTES / 1e6:.0f} MB and was ended; an answer of sis-edge's "
        "agent is far shorter: check what this command is on the board"
    )


def too_large(name: str, source: str) -> str:
    """The sentence for a file that is longer than it may be."""
    return f"{source} on {name} is larger than {FILE_BYTES / 1e6:.0f} MB, as no file of sis-edge is; it was not fetched"
