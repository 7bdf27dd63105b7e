"""The socket that leads to a ProxyCommand."""

import threading
from typing import Any

from sis_edge.transport.ssh.proxy_command import CommandSocket

PATIENCE_S = 0.5


class ClosedMeanwhile:
    """What a command has said; while it is read for the first time, another thread closes the socket."""

    def __init__(self, sock: CommandSocket, file: Any) -> None:
        self._file = file
        self.other = threading.Thread(target=sock.close)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._file, name)

    def read(self, size: int) -> bytes:
        if not self.other.ident:
            self.other.start()
            self.other.join(PATIENCE_S)
        return bytes(self._file.read(size))


def test_two_threads_may_close_it_at_once() -> None:
    sock = CommandSocket("echo no way >&2")
    sock._process.wait()
    said = ClosedMeanwhile(sock, sock._said)
    sock._said = said  # type: ignore[assignment]
    sock.close()
    said.other.join()
    assert said.closed
    assert sock.said() == "no way"
