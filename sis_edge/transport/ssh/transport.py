"""A board over SSH: commands through plain exec (never a terminal), files through their standard input and output.

A peer that vanished silently would block a transfer for ever. So the kernel gives up data that nobody acknowledges
(TCP_USER_TIMEOUT), and a watchdog ends a transfer without progress.
"""

import socket
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, suppress
from functools import partial
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, ParamSpec, TypeVar

from sis_edge.errors import BoardError, DiskError, SisEdgeError
from sis_edge.files.disk import cannot_write
from sis_edge.text.limits import with_limit
from sis_edge.transport.base import (
    PART,
    CommandTimeoutError,
    Completed,
    Heard,
    Progress,
    ReachedName,
    UnreachableError,
    ignore,
)
from sis_edge.transport.bounded import FILE_BYTES, TooMuchError, too_large, too_much
from sis_edge.transport.credentials import Credentials
from sis_edge.transport.ssh import files, login
from sis_edge.transport.ssh.command import SHELL, Deadline, Output, RemoteCommand, own_words
from sis_edge.transport.ssh.config import default_config
from sis_edge.transport.ssh.endpoint import Login, resolve

if TYPE_CHECKING:
    import paramiko

# Some 3 s together; after the last one the connection is made anew.
SESSION_PAUSES_S = (0.05, 0.1, 0.2, 0.4, 0.8, 1.6)

P = ParamSpec("P")
T = TypeVar("T")


class SshTransport:
    """One board over SSH. The first call connects; after a lost connection the next call reconnects.

    `host` is `[user@]host[:port]`, `ssh://...` or a name of the SSH configuration. Times in seconds: `connect_s` for
    the TCP connection, `login_s` for keys and login, `stall_s` for a transfer or an open channel without progress.
    """

    def __init__(
        self,
        host: str,
        *,
        user: str | None = None,
        port: int | None = None,
        identity: Path | None = None,
        known_hosts: Path | None = None,
        trust_on_first_use: bool = False,
        credentials: Credentials | None = None,
        home: Path | None = None,
        connect_s: float = 10.0,
        login_s: float = 15.0,
        stall_s: float = 20.0,
    ) -> None:
        home = home or Path.home()
        given = Login(user, port, identity, known_hosts, trust_on_first_use)
        self._endpoint = resolve(host, default_config(home).lookup, given)
        self._credentials = credentials or Credentials()
        self.name: str = ReachedName(self._endpoint.name, given.options(host) | self._credentials.options())
        self._connect_s, self._login_s, self._stall_s = connect_s, login_s, stall_s
        self._chain: list[paramiko.Transport] = []

    def run(self, argv: Sequence[str], *, timeout_s: float = 60.0) -> Completed:
        """Run a command in the login folder."""
        with self._command(argv[0], timeout_s) as (command, _):
            command.begin(argv)
            done = command.end()
        return self._checked(done, argv[0])

    def feed(
        self, argv: Sequence[str], pieces: Iterable[bytes], *, timeout_s: float = 60.0, heard: Heard = ignore
    ) -> Completed:
        """Run a command in the login folder that reads `pieces`."""
        with self._command(argv[0], timeout_s, heard) as (command, watched):
            command.begin(argv, is_fed=True)
            with watched() as moved:
                command.feed(pieces, moved)
            done = command.end()
        return self._checked(done, argv[0])

    def put(self, source: Path, target: str, *, progress: Progress | None = None) -> None:
        """Copy a file to `<target>.<pid>.part`, compare its size, then rename it."""
        try:
            size_bytes, reader = source.stat().st_size, source.open("rb")
        except OSError as error:
            raise DiskError(f"{source} cannot be read ({error.strerror})") from None

        def pieces() -> Iterator[bytes]:
            for piece in files.pieces_of(reader):
                yield piece
                if progress:
                    progress(len(piece))

        with reader:
            done = self.feed(["sh", "-c", files.PUT, "sh", target, str(size_bytes)], pieces())
        if done.exit_code:
            said = own_words(done.stderr)
            raise BoardError(f"{self.name} cannot write {target} (it says {said}){self._space(target, size_bytes)}")

    def fetch(self, source: str, target: Path, *, progress: Progress | None = None) -> None:
        """Copy a file from the board to `<target>.part`, compare its size, then rename it."""
        part = target.with_name(target.name + PART)
        argv = ["sh", "-c", files.FETCH, "sh", source, str(FILE_BYTES)]
        with self._command("sh", self._stall_s) as (command, _):
            command.begin(argv)
            size_bytes, content = files.size_and_content(command.output())
            if (size_bytes or 0) > FILE_BYTES:
                raise BoardError(too_large(self.name, source))
            arrived_bytes = 0
            try:
                target.parent.mkdir(parents=True, exist_ok=True)
                with part.open("wb") as writer:
                    for piece in content:
                        writer.write(piece)
                        arrived_bytes += len(piece)
                        if progress:
                            progress(len(piece))
                self._check_fetched(self._checked(command.end(), "sh"), source, size_bytes, arrived_bytes)
                part.replace(target)
            except TimeoutError:
                raise self._lost(f"read {source}") from None
            except OSError as error:
                raise cannot_write(target, error) from None
            finally:
                with suppress(OSError):
                    part.unlink()

    def _check_fetched(self, done: Completed, source: str, size_bytes: int | None, arrived_bytes: int) -> None:
        if done.exit_code == files.NOT_A_FILE:
            raise BoardError(f"{source} on {self.name} is not a file but a folder, pipe or device; it was not fetched")
        if done.exit_code == files.CHANGED:
            raise BoardError(f"{source} on {self.name} changed while it was fetched; fetch it again")
        if size_bytes is None or done.exit_code:
            raise BoardError(f"{self.name} cannot read {source} (it says {own_words(done.stderr)})")
        if arrived_bytes != size_bytes:
            raise BoardError(f"{self.name} sent only {arrived_bytes:,} of {size_bytes:,} bytes of {source}")

    def close(self) -> None:
        """End the connection, and those to the jump hosts."""
        for transport in reversed(self._chain):
            transport.close()
        self._chain = []

    def _connection(self) -> "paramiko.Transport":
        if not (self._chain and self._chain[-1].is_active()):
            self.close()
            self._chain = login.connect(
                self._endpoint,
                self._credentials,
                connect_s=self._connect_s,
                login_s=self._login_s,
                stall_s=self._stall_s,
            )
        return self._chain[-1]

    def _open_channel(self) -> "paramiko.Channel":
        """A new session. A server with few of them (MaxSessions) frees one a moment after its end, and a command
        that ran out of time may hold one until the connection ends."""
        import paramiko

        for pause_s in (*SESSION_PAUSES_S, None):
            try:
                return self._connection().open_session(timeout=self._stall_s)
            except paramiko.ChannelException as error:
                if pause_s is None:
                    raise UnreachableError(
                        f"{self.name} refuses another SSH session ({login.words(error)}); is MaxSessions 0 in its "
                        "sshd_config?"
                    ) from None
            except SisEdgeError:
                raise
            except Exception:  # paramiko's thread passes on whatever it met in what the server sent
                raise self._lost("open a session") from None
            time.sleep(pause_s)
            if pause_s == SESSION_PAUSES_S[-1]:
                self.close()
        raise AssertionError("unreachable")

    @contextmanager
    def _command(
        self, name: str, timeout_s: float, heard: Heard = ignore
    ) -> "Iterator[tuple[RemoteCommand, Callable[[], AbstractContextManager[Callable[[], None]]]]]":
        """A channel with a shell in it, and the watchdog for sending through it; errors become the board's."""
        channel = self._open_channel()
        sock = channel.get_transport().sock
        try:
            with _watchdog(sock, self._stall_s):
                self._remote(f"run `{name}`", channel.exec_command, SHELL)
            yield RemoteCommand(channel, Deadline(timeout_s), heard), partial(_watchdog, sock, self._stall_s)
        except TimeoutError:
            raise CommandTimeoutError(f"`{name}` did not end within {timeout_s:g} s on {self.name}") from None
        except TooMuchError:
            raise BoardError(too_much(self.name, name)) from None
        finally:
            channel.close()

    def _checked(self, done: Output, name: str) -> Completed:
        """The command's end, if it is that: neither a lost connection nor a server that runs no commands."""
        # paramiko says -1 both for a signal on the board and for a connection that is gone.
        if done.exit_code == -1 and self._is_lost():
            raise self._lost(f"run `{name}`")
        if not done.began:
            raise BoardError(
                f"{self.name} runs no commands (it says {own_words(done.stdout, done.stderr)}, exit code "
                f"{done.exit_code}); log in as a user with a shell and without a ForceCommand"
            )
        return Completed(done.exit_code, done.stdout, done.stderr)

    def _remote(self, what: str, call: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """The call's answer; its errors become the connection's or the board's, never this machine's."""
        try:
            return call(*args, **kwargs)
        except TimeoutError:
            raise self._lost(what) from None
        except Exception as error:  # paramiko's own, and whatever it met in what the server sent
            if self._is_lost():
                raise self._lost(what) from None
            raise BoardError(f"{self.name} cannot {what} ({login.words(error)})") from None

    def _is_lost(self) -> bool:
        """Whether the connection is gone; paramiko ends its channels a moment before it says so."""
        if self._chain:
            self._chain[-1].join(0.5)
        return not (self._chain and self._chain[-1].is_active())

    def _lost(self, what: str) -> UnreachableError:
        self.close()
        return UnreachableError(f"lost the connection to {self.name} (trying to {what})")

    def _space(self, target: str, size_bytes: int) -> str:
        """The free space, for the error of a file that cannot be written."""
        try:
            done = self.run(["df", "-P", "-k", "--", str(PurePosixPath(target).parent)], timeout_s=10)
            free_bytes = int(done.stdout.splitlines()[-1].split()[3]) * 1024
        except Exception:
            return ""
        if free_bytes < size_bytes:
            free, size = with_limit(free_bytes / 1e6, size_bytes / 1e6, ".1f")
            return f": its disk is full ({free} MB free, the file has {size} MB)"
        return f"; {free_bytes / 1e6:.1f} MB are free there: check permissions and quotas"


@contextmanager
def _watchdog(sock: "socket.socket | paramiko.Channel", stall_s: float) -> Iterator[Callable[[], None]]:
    """Shut the socket down when nobody has called the given function for `stall_s` seconds."""
    last_s, over = time.monotonic(), threading.Event()

    def beat() -> None:
        nonlocal last_s
        last_s = time.monotonic()

    def watch() -> None:
        while not over.wait(min(stall_s / 4, 1.0)):
            if time.monotonic() - last_s > stall_s:
                with suppress(Exception):
                    sock.shutdown(socket.SHUT_RDWR)
                return

    thread = threading.Thread(target=watch, daemon=True)
    thread.start()
    try:
        yield beat
    finally:
        over.set()
        thread.join()
