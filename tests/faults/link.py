"""Links that are slow or far, servers that go and come back, and what must be left on a board whatever happened."""

import contextlib
import queue
import signal
import socket
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
from sshd import SSHD, Server, wait_for


class SlowLink:
    """Passes TCP connections on to a port: every piece arrives `delay_s` later, at most `bytes_per_s` in a second."""

    def __init__(self, port: int, *, delay_s: float = 0.0, bytes_per_s: float = float("inf")) -> None:
        self._target = port
        self._delay_s = delay_s
        self._bytes_per_s = bytes_per_s
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = int(self._listener.getsockname()[1])
        self._sockets: list[socket.socket] = []
        self._threads: list[threading.Thread] = []
        self._start(self._accept)

    def close(self) -> None:
        """End it all."""
        for sock in (self._listener, *self._sockets):
            with contextlib.suppress(OSError):
                sock.shutdown(socket.SHUT_RDWR)
        for thread in self._threads:
            thread.join()
        for sock in (self._listener, *self._sockets):
            sock.close()

    def _start(self, work: Callable[..., None], *arguments: object) -> None:
        self._threads.append(threading.Thread(target=work, args=arguments, daemon=True))
        self._threads[-1].start()

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            server = socket.create_connection(("127.0.0.1", self._target))
            self._sockets += [client, server]
            for source, sink in ((client, server), (server, client)):
                # What is under way is bounded by the time on the way, not by a count of pieces.
                way: queue.Queue[tuple[float, bytes]] = queue.Queue()
                self._start(self._receive, source, way)
                self._start(self._send, way, sink)

    def _receive(self, source: socket.socket, way: "queue.Queue[tuple[float, bytes]]") -> None:
        piece = b"."
        while piece:
            piece = b""
            with contextlib.suppress(OSError):
                piece = source.recv(1 << 12)
            time.sleep(len(piece) / self._bytes_per_s)
            way.put((time.monotonic() + self._delay_s, piece))

    def _send(self, way: "queue.Queue[tuple[float, bytes]]", sink: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while True:
                due_s, piece = way.get()
                time.sleep(max(0.0, due_s - time.monotonic()))
                if not piece:
                    sink.shutdown(socket.SHUT_RDWR)
                    return
                sink.sendall(piece)


def stop(server: Server) -> None:
    """End a server and its sessions, as a reboot does."""
    listener = psutil.Process(int((server.folder / "sshd.pid").read_text()))
    server.kill_sessions()
    listener.send_signal(signal.SIGTERM)
    wait_for(lambda: not _accepts(server.port), "sshd did not end")


@contextlib.contextmanager
def started_again(server: Server) -> Iterator[None]:
    """The same server once more at the same port, until the block ends."""
    process = subprocess.Popen([SSHD, "-D", "-f", str(server.folder / "sshd_config")])
    try:
        wait_for(lambda: _accepts(server.port), "sshd did not start again")
        yield
    finally:
        server.kill_sessions()
        process.terminate()
        process.wait()


def left_running(home: Path) -> list[str]:
    """Command lines of the agent's processes of this home that still run."""
    found = []
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error):
            line = process.cmdline()
            shown = " ".join(line)
            if "sis_agent" in shown and (str(home) in shown or Path(process.cwd()) == home):
                found.append(shown)
    return found


def assert_clean(home: Path) -> None:
    """Nothing half-installed below the agent's root, no process of its left."""
    root = home / ".sis-edge"
    wait_for(lambda: not left_running(home), f"still running: {left_running(home)}", 10.0)
    assert [str(path) for path in root.rglob("*") if path.name.endswith((".part", ".partial", ".tmp"))] == []


def _accepts(port: int) -> bool:
    with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
        return True
    return False
