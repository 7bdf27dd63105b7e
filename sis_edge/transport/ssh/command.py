"""One command over an open SSH channel, the same under every login shell and whatever its start-up files print.

The login shell only sees `/bin/sh`: tcsh and fish quote otherwise than sh does. The command itself goes to that sh on
its standard input, between two marks on both streams, so that what stands outside of them is known not to be its own.
What the command is to read follows once the first mark is there: a shell may read ahead of the line that it runs.
"""

import secrets
import shlex
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING, NamedTuple

from sis_edge.text.foreign import printable
from sis_edge.transport.base import Heard, ignore
from sis_edge.transport.bounded import Head, Tail

if TYPE_CHECKING:
    import paramiko

SHELL = "/bin/sh"
PIECE_BYTES = 1 << 18
PACKET_BYTES = (1 << 15) - 64
"""The longest piece of one SSH packet that every server takes; paramiko copies what is longer again and again."""

LOOK_EVERY_S = 0.2
"""How often the output of a command is looked at that reads no more."""

LONGEST_WORDS = 300


class Output(NamedTuple):
    """What a command wrote. `began` is False where the server did not run it: then the streams hold its own words."""

    exit_code: int
    stdout: str
    stderr: str
    began: bool


class Deadline:
    """When a command counts as stuck: so many seconds after its start, or after `renew` was called last."""

    def __init__(self, timeout_s: float) -> None:
        self._timeout_s = timeout_s
        self.renew()

    def renew(self) -> None:
        """Something has moved."""
        self._end_s = time.monotonic() + self._timeout_s

    @property
    def left_s(self) -> float:
        """The seconds until then, 0 afterwards."""
        return max(self._end_s - time.monotonic(), 0.0)


class NobodyReadsError(Exception):
    """The command, or its connection, has ended before it read everything."""


class RemoteCommand:
    """A command on its way: `begin`, then perhaps `feed` or `output`, then `end`.

    Every step raises TimeoutError at the deadline, TooMuchError for more output than a command may write.
    """

    def __init__(self, channel: "paramiko.Channel", deadline: Deadline, heard: Heard = ignore) -> None:
        self._channel = channel
        self._deadline = deadline
        self._heard = heard
        self._mark = f"sis-edge-{secrets.token_hex(8)}"
        self._stdout, self._stderr = Head(), Tail()
        # Both streams share one window: an unread one would stop the other.
        self._reader = threading.Thread(target=_drain, args=(channel.recv_stderr, self._stderr.add), daemon=True)

    def begin(self, argv: Sequence[str], *, is_fed: bool = False) -> None:
        """Give the command to the shell of the channel."""
        words = " ".join(map(shlex.quote, argv)) + ("" if is_fed else " </dev/null")
        mark_both = f"echo {self._mark}; echo {self._mark} >&2"
        script = f"{mark_both}; {words}; code=$?; {mark_both}; exit $code\n"
        with suppress(Exception):  # a server that runs no commands has closed the channel by now, or the link is gone
            self._channel.settimeout(max(self._deadline.left_s, 0.001))
            self._channel.sendall(script.encode(errors="surrogateescape"))
            if not is_fed:
                self._channel.shutdown_write()
        self._reader.start()

    def feed(self, pieces: Iterable[bytes], moved: Callable[[], None]) -> None:
        """Write to the command's standard input as long as it reads; an empty piece waits for more of its output.

        `moved` is called after every packet, and while the command is waited for.
        """
        if self._has_begun():
            with suppress(NobodyReadsError):
                for piece in pieces:
                    if not piece:
                        self._wait_for_output(moved)
                    for begin in range(0, len(piece), PACKET_BYTES):
                        self._send(piece[begin : begin + PACKET_BYTES])
                        moved()
        with suppress(Exception):  # as in `begin`
            self._channel.shutdown_write()
        self._deadline.renew()

    def output(self) -> Iterator[bytes]:
        """What the command writes, as it comes, and the second mark."""
        if self._has_begun():
            mark = f"{self._mark}\n".encode()
            before, _, ahead = bytes(self._stdout.data).partition(mark)
            self._stdout.data[:] = before + mark
            yield ahead
            while piece := self._receive():
                yield piece
                self._deadline.renew()

    def end(self) -> Output:
        """Wait for the command's end."""
        while piece := self._receive():
            self._stdout.add(piece)
        self._reader.join(self._deadline.left_s)
        if self._reader.is_alive() or not self._channel.status_event.wait(self._deadline.left_s):
            raise TimeoutError
        out, began = _between(self._mark, bytes(self._stdout.data))
        err, _ = (_before if self._stderr.is_cut else _between)(self._mark, bytes(self._stderr.data))
        return Output(self._channel.recv_exit_status(), _text(out), _text(err), began)

    def _has_begun(self) -> bool:
        """Wait for the first mark; False where the command ends without it."""
        mark = f"{self._mark}\n".encode()
        while mark not in self._stdout.data:
            if not (piece := self._receive()):
                return False
            self._stdout.add(piece)
        if ahead := bytes(self._stdout.data).partition(mark)[2]:
            self._heard(ahead)
        return True

    def _send(self, packet: bytes) -> None:
        self._channel.settimeout(LOOK_EVERY_S)
        while packet:
            # A command that is stopped by its own output reads no more.
            while self._channel.recv_ready():
                self._hear(self._channel.recv(PIECE_BYTES))
            try:
                sent_bytes = self._channel.send(packet)
            except TimeoutError:
                continue
            except Exception:  # paramiko's thread passes on whatever it met; `end` finds out what became of the command
                raise NobodyReadsError from None
            if sent_bytes == 0:
                raise NobodyReadsError
            packet = packet[sent_bytes:]

    def _wait_for_output(self, moved: Callable[[], None]) -> None:
        self._deadline.renew()
        self._channel.settimeout(LOOK_EVERY_S)
        while self._deadline.left_s:
            with suppress(TimeoutError):
                if not (piece := self._channel.recv(PIECE_BYTES)):
                    raise NobodyReadsError
                self._hear(piece)
                return
            moved()
        raise TimeoutError

    def _hear(self, piece: bytes) -> None:
        self._stdout.add(piece)
        self._heard(piece)

    def _receive(self) -> bytes:
        self._channel.settimeout(max(self._deadline.left_s, 0.001))
        return self._channel.recv(PIECE_BYTES)


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


def _drain(receive: Callable[[int], bytes], keep: Callable[[bytes], None]) -> None:
    with suppress(Exception):  # the main thread sees why the channel ended, and closes it at the end of its time
        while piece := receive(PIECE_BYTES):
            keep(piece)


def _text(data: bytes) -> str:
    return data.decode("utf-8", errors="replace")
