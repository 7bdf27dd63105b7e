"""A real OpenSSH server on loopback, unprivileged, with throw-away keys; and a TCP proxy that breaks connections."""

import contextlib
import os
import shlex
import shutil
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil
import pytest

from sis_edge.transport.ssh import SshTransport

SSHD = "/usr/sbin/sshd"
SFTP_SERVER = "/usr/lib/openssh/sftp-server"

CONFIG = """\
Port {port}
ListenAddress 127.0.0.1
PidFile {folder}/sshd.pid
AuthorizedKeysFile {folder}/authorized_keys
StrictModes no
UsePAM no
PasswordAuthentication no
KbdInteractiveAuthentication no
UseDNS no
MaxStartups 100
MaxSessions 50
SetEnv HOME={home} SIS_EDGE_BOARD={board}
ForceCommand {session}
"""

SESSION = f"""\
#!/bin/sh
cd {{home}} || exit 1
PATH={{path}}
export PATH
{{start_up}}
[ "$SSH_ORIGINAL_COMMAND" = {SFTP_SERVER} ] && exec {SFTP_SERVER}
exec {{shell}} -c "$SSH_ORIGINAL_COMMAND"
"""


@dataclass
class Server:
    """A running server. `home` is the login folder of its sessions, `client` a home with the client's keys."""

    folder: Path
    port: int
    home: Path
    client: Path

    @property
    def identity(self) -> Path:
        """The key that the server lets in."""
        return self.client / ".ssh" / "id_ed25519"

    @property
    def known_hosts(self) -> Path:
        """A file that knows the server."""
        return self.client / ".ssh" / "known_hosts"

    def know(self, port: int) -> None:
        """Make the server's key known for another port, such as a proxy's."""
        key = next(self.folder.glob("host_*.pub")).read_text().split()
        with self.known_hosts.open("a") as file:
            file.write(f"[127.0.0.1]:{port} {key[0]} {key[1]}\n")

    def transport(self, **options: Any) -> SshTransport:
        """A way to it, of nobody else's configuration."""
        options.setdefault("port", self.port)
        return SshTransport("127.0.0.1", home=self.client, **options)

    def kill_sessions(self) -> None:
        """End every session by force, as a board does whose power goes."""
        pid = int((self.folder / "sshd.pid").read_text())
        for session in psutil.Process(pid).children():
            with contextlib.suppress(psutil.NoSuchProcess):
                session.kill()


def require(program: str) -> str:
    """The program's path. Skip where there is none; in CI that is a failure."""
    if path := shutil.which(program):
        return path
    message = f"no {program}: install the packages of tests/system-packages"
    if os.environ.get("CI") == "true":
        pytest.fail(message)
    pytest.skip(message)


def require_sshd() -> None:
    """Skip where there is no OpenSSH server; in CI that is a failure."""
    require(SSHD)
    require("ssh-keygen")


def make_key(path: Path, *, passphrase: str = "", kind: str = "ed25519") -> Path:
    """A new key pair."""
    path.parent.mkdir(parents=True, exist_ok=True)
    cheap = ["-a", "1", *(["-b", "2048"] if kind == "rsa" else [])]  # a tenth of the time of the defaults
    subprocess.run(["ssh-keygen", "-q", "-t", kind, *cheap, "-N", passphrase, "-f", str(path)], check=True)
    return path


def path_with(python: str | Path) -> str:
    """A session's PATH with this Python first."""
    return f"{Path(python).parent}:/usr/bin:/bin"


@contextlib.contextmanager
def serve(
    folder: Path,
    *,
    path: str | None = None,
    sftp: bool = True,
    host_keys: Sequence[str] = ("ed25519",),
    settings: str = "",
    start_up: str = "",
    shell: str = "/bin/sh",
    home: Path | None = None,
    within: Sequence[str] = (),
) -> Iterator[Server]:
    """Run a server until the block ends. `path` is its sessions' PATH: by default with this Python first.

    `settings` are lines of sshd_config that go before the usual ones, `shell` the login shell and `start_up` what its
    start-up files do. `home` is the sessions' login folder, by default one of the server's own. `within` is a command
    that runs the server's.
    """
    require_sshd()
    if os.geteuid() == 0:
        Path("/run/sshd").mkdir(exist_ok=True)
    home, client = home or folder / "home", folder / "a client"
    home.mkdir(parents=True, exist_ok=True)
    for kind in host_keys:
        make_key(folder / f"host_{kind}", kind=kind)
    make_key(client / ".ssh" / "id_ed25519")
    shutil.copy(client / ".ssh" / "id_ed25519.pub", folder / "authorized_keys")
    port = free_port()
    server = Server(folder, port, home, client)
    server.know(port)
    # A session begins in the user's home; this command takes it to a folder of the test's own.
    session = folder / "session"
    path = path or path_with(sys.executable)
    # Sessions have nothing of this process's environment; `make coverage` has to reach what they start.
    kept = [f"export {name}={shlex.quote(value)}" for name, value in os.environ.items() if name.startswith("COVERAGE_")]
    start_up = "\n".join([*kept, start_up])
    session.write_text(SESSION.format(home=home, path=path, start_up=start_up, shell=shell))
    session.chmod(0o755)
    board = os.environ.get("SIS_EDGE_BOARD", "tests")
    text = settings + CONFIG.format(port=port, folder=folder, home=home, session=session, board=board)
    text += "".join(f"HostKey {folder}/host_{kind}\n" for kind in host_keys)
    (folder / "sshd_config").write_text(text + (f"Subsystem sftp {SFTP_SERVER}\n" if sftp else ""))
    with (folder / "sshd.log").open("wb") as log:
        process = subprocess.Popen(
            [*within, SSHD, "-D", "-e", "-f", str(folder / "sshd_config")], stdin=subprocess.DEVNULL, stderr=log
        )
        try:
            wait_for(lambda: _accepts(port), f"sshd did not start: {folder / 'sshd.log'}")
            yield server
        finally:
            with contextlib.suppress(OSError):
                server.kill_sessions()
            process.terminate()
            process.wait()


@contextlib.contextmanager
def ssh_agent(socket_file: Path) -> Iterator[Path]:
    """Run OpenSSH's ssh-agent behind this socket until the block ends."""
    require_sshd()
    agent = subprocess.Popen(["ssh-agent", "-D", "-a", str(socket_file)], stdout=subprocess.DEVNULL)
    try:
        wait_for(lambda: _listens(socket_file), "no ssh-agent")
        yield socket_file
    finally:
        agent.terminate()
        agent.wait()


def _listens(socket_file: Path) -> bool:
    with contextlib.suppress(OSError), socket.socket(socket.AF_UNIX) as sock:
        sock.connect(str(socket_file))
        return True
    return False


def free_port() -> int:
    """A port that nobody listens at."""
    return free_ports(1)[0]


def free_ports(count: int) -> list[int]:
    """Ports that nobody listens at, no two alike: asked for one after the other, one in ten sets of 70 has two."""
    with contextlib.ExitStack() as held:
        sockets = [held.enter_context(socket.socket()) for _ in range(count)]
        for sock in sockets:
            sock.bind(("127.0.0.1", 0))
        return [int(sock.getsockname()[1]) for sock in sockets]


def wait_for(condition: Callable[[], object], message: str, limit_s: float = 20.0) -> None:
    """Wait until the condition holds; fail with the message after a generous time."""
    end_s = time.monotonic() + limit_s
    while not condition():
        if time.monotonic() > end_s:
            pytest.fail(message)
        time.sleep(0.02)


def _accepts(port: int) -> bool:
    with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
        return True
    return False


class Proxy:
    """Passes TCP connections on to a port, until told to cut them.

    `cut_after_bytes` cuts everything, once, when a connection has carried so many bytes to the server; `cut_at_bytes`
    does so each time when all connections together, which is `carried_bytes`, have reached the next number. After
    `freeze_after_bytes` more bytes, either way, connections stay and nothing is passed on, as on a network that is
    silently gone; until `frozen` is cleared.
    """

    def __init__(self, port: int) -> None:
        self._target = port
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = int(self._listener.getsockname()[1])
        self.cut_after_bytes: int | None = None
        self.cut_at_bytes: list[int] = []
        self.carried_bytes = 0
        self.freeze_after_bytes: int | None = None
        self.frozen = threading.Event()
        self.cuts = 0
        self.connections = 0
        self._open: list[socket.socket] = []
        threading.Thread(target=self._accept, daemon=True).start()

    def cut(self) -> None:
        """Break every open connection."""
        self.cuts += 1
        # A copy: whoever was cut may connect again meanwhile.
        for sock in list(self._open):
            with contextlib.suppress(OSError):
                sock.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        """End it all; the port refuses connections from now on."""
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self.cut()

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            self.connections += 1
            server = socket.create_connection(("127.0.0.1", self._target))
            self._open += [client, server]
            threading.Thread(target=self._pass_on, args=(client, server, True), daemon=True).start()
            threading.Thread(target=self._pass_on, args=(server, client, False), daemon=True).start()

    def _pass_on(self, source: socket.socket, sink: socket.socket, to_server: bool) -> None:
        carried = 0
        with contextlib.suppress(OSError):
            while piece := source.recv(1 << 14):
                if self.freeze_after_bytes is not None:
                    self.freeze_after_bytes -= len(piece)
                    if self.freeze_after_bytes < 0:
                        self.freeze_after_bytes = None
                        self.frozen.set()
                while self.frozen.is_set():
                    time.sleep(0.02)
                sink.sendall(piece)
                carried += len(piece)
                self.carried_bytes += len(piece) * to_server
                if to_server and self.cut_after_bytes is not None and carried > self.cut_after_bytes:
                    self.cut_after_bytes = None
                    self.cut()
                if to_server and self.cut_at_bytes and self.carried_bytes > self.cut_at_bytes[0]:
                    del self.cut_at_bytes[0]
                    self.cut()
        for sock in (source, sink):
            with contextlib.suppress(OSError):
                sock.shutdown(socket.SHUT_RDWR)
        source.close()
