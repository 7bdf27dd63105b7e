"""An SSH server on loopback that asks for passwords or answers, since an unprivileged sshd cannot check any."""

import socket
import subprocess
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

import paramiko
from paramiko.server import InteractiveQuery

from sis_edge.transport.ssh import SshTransport

HOST_KEY = paramiko.ECDSAKey.generate()


@dataclass
class AskingServer:
    """What it wants and what it was told.

    `methods` are the steps of a login, each a set of methods of which one is enough: a password, the `answers` to
    `prompts` (a text and whether it is echoed), or one of the public `keys`. `port` is where it listens, `home` a
    client's that knows it.
    """

    port: int
    home: Path
    methods: Sequence[set[str]] = ({"password"},)
    password: str = "s3cret"
    prompts: Sequence[tuple[str, bool]] = (("Password: ", False),)
    answers: Sequence[str] = ("s3cret",)
    keys: Sequence[bytes] = ()
    told: list[object] = field(default_factory=list)
    logins: int = 0
    links: list[paramiko.Transport] = field(default_factory=list)

    def transport(self, **options: object) -> SshTransport:
        """A way to it."""
        options = {"user": "bench", "port": self.port, "home": self.home, **options}
        return SshTransport("127.0.0.1", **options)  # type: ignore[arg-type]

    def cut(self) -> None:
        """End every connection."""
        for link in self.links:
            link.close()


class _Session(paramiko.ServerInterface):
    """One connection."""

    def __init__(self, server: AskingServer) -> None:
        self._server, self._step = server, 0

    def get_allowed_auths(self, username: str) -> str:
        return ",".join(sorted(self._server.methods[self._step]))

    def check_auth_password(self, username: str, password: str) -> int:
        self._server.told.append(password)
        return self._answered("password", password == self._server.password)

    def check_auth_publickey(self, username: str, key: paramiko.PKey) -> int:
        self._server.told.append(key.get_name())
        return self._answered("publickey", key.asbytes() in self._server.keys)

    def check_auth_interactive(self, username: str, submethods: str) -> int | InteractiveQuery:
        if "keyboard-interactive" not in self._server.methods[self._step]:
            return paramiko.AUTH_FAILED
        return InteractiveQuery("The lab", "Wer da?\x1b[2J", *self._server.prompts)

    def check_auth_interactive_response(self, responses: list[str]) -> int:
        self._server.told.append(responses)
        return self._answered("keyboard-interactive", responses == list(self._server.answers))

    def _answered(self, method: str, is_right: bool) -> int:
        if method not in self._server.methods[self._step] or not is_right:
            return paramiko.AUTH_FAILED
        self._step += 1
        if self._step < len(self._server.methods):
            return paramiko.AUTH_PARTIALLY_SUCCESSFUL
        self._server.logins += 1
        return paramiko.AUTH_SUCCESSFUL

    def check_channel_request(self, kind: str, chanid: int) -> int:
        return paramiko.OPEN_SUCCEEDED

    def check_channel_exec_request(self, channel: paramiko.Channel, command: bytes) -> bool:
        threading.Thread(target=_run, args=(channel, command, self._server.home), daemon=True).start()
        return True


def _run(channel: paramiko.Channel, command: bytes, home: Path) -> None:
    """Run a command in the client's home; it finds no other programs, so that no test goes far beyond the login."""
    environment = {"HOME": str(home), "PATH": str(home)}
    pipe = subprocess.PIPE
    with subprocess.Popen(
        command, shell=True, cwd=home, env=environment, stdin=pipe, stdout=pipe, stderr=pipe
    ) as process:
        assert process.stdin is not None
        pumps = [
            threading.Thread(target=_pump, args=words, daemon=True)
            for words in (
                (lambda: channel.recv(1 << 16), process.stdin.write, process.stdin),
                (lambda: process.stdout.read1(), channel.sendall, None),  # type: ignore[union-attr]
                (lambda: process.stderr.read1(), channel.sendall_stderr, None),  # type: ignore[union-attr]
            )
        ]
        for pump in pumps:
            pump.start()
        for pump in pumps[1:]:
            pump.join()
    with suppress(OSError, EOFError, paramiko.SSHException):  # the client is gone
        channel.send_exit_status(process.returncode)
        channel.close()


def _pump(take: Callable[[], bytes], give: Callable[[bytes], object], sink: IO[bytes] | None) -> None:
    with suppress(OSError, EOFError, ValueError, paramiko.SSHException):
        while piece := take():
            give(piece)
            if sink is not None:
                sink.flush()
    if sink is not None:
        with suppress(OSError):
            sink.close()


@contextmanager
def asking(home: Path, **settings: object) -> Iterator[AskingServer]:
    """Such a server, until the block ends; `settings` are fields of it."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        server = AskingServer(listener.getsockname()[1], home, **settings)  # type: ignore[arg-type]
        (home / ".ssh").mkdir(parents=True, exist_ok=True)
        known = f"[127.0.0.1]:{server.port} {HOST_KEY.get_name()} {HOST_KEY.get_base64()}\n"
        (home / ".ssh" / "known_hosts").write_text(known)

        def accept() -> None:
            with suppress(OSError):
                while True:
                    link = paramiko.Transport(listener.accept()[0])
                    server.links.append(link)
                    link.add_server_key(HOST_KEY)
                    with suppress(Exception):  # the client hangs up
                        link.start_server(server=_Session(server))

        threading.Thread(target=accept, daemon=True).start()
        yield server
        listener.shutdown(socket.SHUT_RDWR)
    server.cut()
