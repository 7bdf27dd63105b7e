"""One command over an open SSH channel, the same under every login shell and whatever its start-up files print.

The login shell only sees `/bin/sh`: tcsh and fish quote otherwise than sh does. The command itself goes to that sh on
its standard input, between two marks on both streams, so that what stands outside of them is known not to be its own.
"""

import secrets
import shlex
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING, NamedTuple

from sis_edge.text.foreign import printable
from sis_edge.transport.bounded import Head, Tail

if TYPE_CHECKING:
    import paramiko

SHELL = "/bin/sh"
PIECE_BYTES = 1 << 18
LONGEST_WORDS = 300


class Output(NamedTuple):
    """What a command wrote. `began` is False where the server did not run it: then the streams hold its own words."""

    exit_code: int
    stdout: str
    stderr: str
    began: bool


def execute(channel: "paramiko.Channel", argv: Sequence[str], end_s: float) -> Output:
    """Give the command to the shell of the channel and wait for its end.

    Raises TimeoutError at `end_s` (monotonic), TooMuchError for more output than a command may write.
    """
    mark = f"sis-edge-{secrets.token_hex(8)}"
    command = " ".join(map(shlex.quote, argv))
    with suppress(OSError):  # a server that runs no commands has closed the channel by now
        channel.settimeout(max(end_s - time.monotonic(), 0.001))
        mark_both = f"echo {mark}; echo {mark} >&2"
        script = f"{mark_both}; {command} </dev/null; code=$?; {mark_both}; exit $code\n"
        channel.sendall(script.encode(errors="surrogateescape"))
        channel.shutdown_write()
    stderr = Tail()
    # Both streams share one window: an unread one would stop the other.
    reader = threading.Thread(target=_drain, args=(channel.recv_stderr, stderr.add), daemon=True)
    reader.start()
    stdout = Head()
    while piece := _receive(channel, end_s):
        stdout.add(piece)
    reader.join(max(end_s - time.monotonic(), 0))
    if reader.is_alive() or not channel.status_event.wait(max(end_s - time.monotonic(), 0)):
        raise TimeoutError
    out, began = _between(mark, bytes(stdout.data))
    err, _ = (_before if stderr.is_cut else _between)(mark, bytes(stderr.data))
    return Output(channel.recv_exit_status(), _text(out), _text(err), began)


def own_words(*texts: str) -> str:
    """What a server says for itself, in one line for a message.

    >>> own_words("This service allows sftp connections only.\\n", ""), own_words("", "")
    ('“This service allows sftp connections only.”', 'nothing')
    """
    lines = [printable(line.strip()) for text in texts for line in text.splitlines() if line.strip()]
    said = " / ".join(lines)
    return f"“{said[-LONGEST_WORDS:]}”" if said else "nothing"


def _between(mark: str, data: bytes) -> tuple[bytes, bool]:
    parts = data.split(f"{mark}\n".encode())
    return (parts[1], True) if len(parts) > 1 else (data, False)


def _before(mark: str, data: bytes) -> tuple[bytes, bool]:
    """What stands before the second mark, of a stream without its beginning."""
    before, found, after = data.rpartition(f"{mark}\n".encode())
    return before if found else after, bool(found)


def _receive(channel: "paramiko.Channel", end_s: float) -> bytes:
    channel.settimeout(max(end_s - time.monotonic(), 0.001))
    return channel.recv(PIECE_BYTES)


def _drain(receive: Callable[[int], bytes], keep: Callable[[bytes], None]) -> None:
    with suppress(Exception):  # the main thread sees why the channel ended, and closes it at the end of its time
        while piece := receive(PIECE_BYTES):
            keep(piece)


def _text(data: bytes) -> str:
    return data.decode("utf-8", errors="replace")
