"""A ProxyCommand of the SSH configuration: a program whose standard input and output lead to the SSH server."""

import socket
import subprocess
import tempfile
import threading
from contextlib import suppress

from sis_edge.text.foreign import one_line

END_S = 2.0
LONGEST_WORDS = 300


class CommandSocket(socket.socket):
    """A socket that leads to a shell command; closing it ends the command.

    The thread that reads from it closes it when the command ends, its user when nothing more is wanted: maybe at once.
    """

    def __init__(self, command: str) -> None:
        here, there = socket.socketpair()
        super().__init__(fileno=here.detach())
        self._words = ""
        self._reading = threading.Lock()
        self._said = tempfile.TemporaryFile()  # noqa: SIM115  (closed with the socket)
        with there:
            # In a session of its own: Ctrl-C must leave the way open on which the job is cancelled.
            self._process = subprocess.Popen(
                ["/bin/sh", "-c", f"exec {command}"],
                stdin=there.fileno(),
                stdout=there.fileno(),
                stderr=self._said,
                start_new_session=True,
            )

    def said(self) -> str:
        """What the command has written to standard error, in one line; empty without any."""
        with self._reading:
            return self._read()

    def close(self) -> None:
        """End the command; calling it twice is fine."""
        super().close()
        with suppress(ProcessLookupError):
            self._process.terminate()
        try:
            self._process.wait(END_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        with self._reading:
            self._read()
            self._said.close()

    def _read(self) -> str:
        if not self._said.closed:
            self._said.seek(0)
            self._words = one_line(self._said.read(1 << 16).decode(errors="replace").strip(), LONGEST_WORDS)
        return self._words
