"""The seam between host and board: run a command, put a file, fetch a file. Nothing else crosses it."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple, Protocol


class Completed(NamedTuple):
    """A finished command on the board."""

    exit_code: int
    stdout: str
    stderr: str


Progress = Callable[[int], None]
"""Called with the number of bytes that went over since the last call."""


class Transport(Protocol):
    """One board. Paths on the board are POSIX; a relative one is below the login folder.

    Every call raises TransportError when the board cannot be reached, BoardError when it answers and cannot
    comply (no space, no permission). A call that was interrupted can be repeated.
    """

    name: str

    def run(self, argv: Sequence[str], *, timeout_s: float = 60.0) -> Completed:
        """Run a command and wait for it; words are passed as they are, no shell expands them."""

    def put(self, source: Path, target: str, *, progress: Progress | None = None) -> None:
        """Copy a file to the board, whole or not at all; folders on the way are made."""

    def fetch(self, source: str, target: Path, *, progress: Progress | None = None) -> None:
        """Copy a file from the board, whole or not at all."""

    def close(self) -> None:
        """End the connection; calling it twice is fine."""
