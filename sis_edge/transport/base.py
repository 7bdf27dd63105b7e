"""The seam between host and board: run a command, feed one, put a file, fetch a file. Nothing else crosses it."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import NamedTuple, Protocol

from sis_edge.errors import TransportError

PART = ".part"
"""Suffix of a file during its transfer; it is renamed when it is whole."""


OWN_FILE, OWN_FOLDER = 0o600, 0o700
"""Permissions of what is put on a board: other users there see nothing of it."""


class UnreachableError(TransportError):
    """The board cannot be reached now, or the connection was lost: the same call may work later.

    A TransportError of any other class (unknown host key, refused login) is permanent: a retry does not help.
    """


class CommandTimeoutError(TransportError):
    """The command did not end in time, with the connection intact; over SSH it may still run on the board."""


class ReachedName(str):
    """How a board was reached, for people and for stored results; `options` are those of the command line that reach
    it in the same way, by their names. They never hold a secret, and no stored result has them."""

    options: Mapping[str, str]

    def __new__(cls, name: str, options: Mapping[str, str] = MappingProxyType({})) -> "ReachedName":
        """The name, with these options."""
        found = super().__new__(cls, name)
        found.options = options
        return found


class Completed(NamedTuple):
    """A finished command on the board. As in a shell, `exit_code` 127 means that the command was not found; a
    negative one, or one above 128, that a signal ended it."""

    exit_code: int
    stdout: str
    stderr: str


Progress = Callable[[int], None]
"""Called with the number of bytes transferred since the last call."""


Heard = Callable[[bytes], object]
"""Called with what a command has written since the last call."""


def ignore(piece: bytes) -> None:
    """The `heard` of a caller that waits for the end."""


class Transport(Protocol):
    """One board. Paths on the board are POSIX; a relative one is below the login folder.

    Every call raises TransportError when the board cannot be reached, BoardError when it answers with a failure (no
    space, no permission), DiskError when a file on this machine cannot be read or written. An interrupted call can be
    repeated: the next call reconnects.
    """

    name: str
    """How the board was reached, for people and for stored results: `local` or `user@host:port`."""

    def run(self, argv: Sequence[str], *, timeout_s: float = 60.0) -> Completed:
        """Run a command and wait for it; its arguments are passed as they are, no shell expands them."""

    def feed(
        self, argv: Sequence[str], pieces: Iterable[bytes], *, timeout_s: float = 60.0, heard: Heard = ignore
    ) -> Completed:
        """Run a command that reads `pieces` as its standard input; one that ends before it has read all is fine.

        `heard` is called with its standard output as it comes. The next piece is asked for when the one before is on
        its way; an empty one waits for more output. `timeout_s` counts from the last piece on.
        """

    def put(self, source: Path, target: str, *, progress: Progress | None = None) -> None:
        """Copy a file to the board, whole or not at all; missing parent folders are created."""

    def fetch(self, source: str, target: Path, *, progress: Progress | None = None) -> None:
        """Copy a file from the board, whole or not at all."""

    def close(self) -> None:
        """End the connection; calling it twice is fine."""
