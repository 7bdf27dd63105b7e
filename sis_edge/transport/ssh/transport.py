"""A board over SSH: commands through plain exec (never a terminal), files through SFTP.

A peer that vanished silently would block a transfer for ever. So the kernel gives up data that nobody acknowledges
(TCP_USER_TIMEOUT), and a watchdog ends a transfer without progress.
"""

import socket
import stat
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, ParamSpec, TypeVar

from sis_edge.errors import BoardError, DiskError, SisEdgeError
from sis_edge.files.disk import cannot_write
from sis_edge.text.limits import with_limit
from sis_edge.transport.base import (
    OWN_FILE,
    OWN_FOLDER,
    PART,
    CommandTimeoutError,
    Completed,
    Progress,
    UnreachableError,
)
from sis_edge.transport.bounded import FILE_BYTES, TooMuchError, too_large, too_much
from sis_edge.transport.ssh import login, sftp
from sis_edge.transport.ssh.command import PIECE_BYTES, SHELL, execute, own_words
from sis_edge.transport.ssh.config import default_config
from sis_edge.transport.ssh.endpoint import Login, resolve
from sis_edge.transport.ssh.sftp import TalkedOverError

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
        home: Path | None = None,
        connect_s: float = 10.0,
        login_s: float = 15.0,
        stall_s: float = 20.0,
    ) -> None:
        home = home or Path.home()
        self._endpoint = resolve(host, default_config(home).lookup, Login(user, port, identity, known_hosts))
        self.name = self._endpoint.name
        self._connect_s, self._login_s, self._stall_s = connect_s, login_s, stall_s
        self._chain: list[paramiko.Transport] = []
        self._sftp: paramiko.SFTPClient | None = None

    def run(self, argv: Sequence[str], *, timeout_s: float = 60.0) -> Completed:
        """Run a command in the login folder."""
        end_s = time.monotonic() + timeout_s
        channel = self._open_channel()
        try:
            with _watchdog(channel.get_transport().sock, self._stall_s):
                self._remote(f"run `{argv[0]}`", channel.exec_command, SHELL)
            done = execute(channel, argv, end_s)
        except TimeoutError:
            raise CommandTimeoutError(f"`{argv[0]}` did not end within {timeout_s:g} s on {self.name}") from None
        except TooMuchError:
            raise BoardError(too_much(self.name, argv[0])) from None
        finally:
            channel.close()
        # paramiko says -1 both for a signal on the board and for a connection that is gone.
        if done.exit_code == -1 and self._is_lost():
            raise self._lost(f"run `{argv[0]}`")
        if not done.began:
            raise BoardError(
                f"{self.name} runs no commands (it says {own_words(done.stdout, done.stderr)}, exit code "
                f"{done.exit_code}); log in as a user with a shell and without a ForceCommand"
            )
        return Completed(done.exit_code, done.stdout, done.stderr)

    def put(self, source: Path, target: str, *, progress: Progress | None = None) -> None:
        """Copy a file to `<target>.part`, compare its size, then rename it."""
        what, part = f"write {target}", target + PART
        try:
            reader = source.open("rb")
        except OSError as error:
            raise DiskError(f"{source} cannot be read ({error.strerror})") from None
        with reader, self._transfer(what) as (sftp, beat):
            size_bytes = 0
            try:
                self._remote(what, _make_folders, sftp, PurePosixPath(target).parent)
                writer = self._remote(what, sftp.open, part, "wb")
                try:
                    with suppress(Exception):  # a file system without permissions; a lost connection shows next
                        writer.chmod(OWN_FILE)
                    writer.set_pipelined(True)
                    while piece := reader.read(PIECE_BYTES):
                        self._remote(what, writer.write, piece)
                        size_bytes += len(piece)
                        beat()
                        if progress:
                            progress(len(piece))
                finally:
                    # Its close would wait for answers that never come on a broken connection.
                    writer.set_pipelined(False)
                    with suppress(Exception):
                        writer.close()
                # Not every answer to a pipelined write is read: the size shows whether all of them succeeded.
                arrived_bytes = self._remote(what, sftp.stat, part).st_size
                if arrived_bytes != size_bytes:
                    raise BoardError(f"{self.name} stored only {arrived_bytes:,} of {size_bytes:,} bytes of {target}")
                self._remote(what, sftp.posix_rename, part, target)
            except BoardError as error:
                with suppress(Exception):
                    sftp.remove(part)
                raise BoardError(f"{error}{self._space(target, source.stat().st_size)}") from None

    def fetch(self, source: str, target: Path, *, progress: Progress | None = None) -> None:
        """Copy a file from the board to `<target>.part`, compare its size, then rename it."""
        what, part = f"read {source}", target.with_name(target.name + PART)
        with self._transfer(what) as (sftp, beat):
            self._check_file(self._remote(what, sftp.stat, source), source)
            reader = self._remote(what, sftp.open, source, "rb")
            try:
                size_bytes = self._check_file(self._remote(what, reader.stat), source)
                self._remote(what, reader.prefetch, size_bytes)
                target.parent.mkdir(parents=True, exist_ok=True)
                with part.open("wb") as writer:
                    while piece := self._remote(what, reader.read, PIECE_BYTES):
                        writer.write(piece)
                        if writer.tell() > FILE_BYTES:
                            raise BoardError(too_large(self.name, source))
                        beat()
                        if progress:
                            progress(len(piece))
                    arrived_bytes = writer.tell()
                if arrived_bytes != size_bytes:
                    raise BoardError(f"{self.name} sent only {arrived_bytes:,} of {size_bytes:,} bytes of {source}")
                part.replace(target)
            except OSError as error:
                raise cannot_write(target, error) from None
            finally:
                with suppress(Exception):
                    reader.close()
                with suppress(OSError):
                    part.unlink()

    def _check_file(self, found: "paramiko.SFTPAttributes", source: str) -> int:
        """The size of what is to be fetched, before it is opened: a pipe would never end, nor would a device."""
        if found.st_mode is not None and not stat.S_ISREG(found.st_mode):
            raise BoardError(f"{source} on {self.name} is not a file but a folder, pipe or device; it was not fetched")
        if (found.st_size or 0) > FILE_BYTES:
            raise BoardError(too_large(self.name, source))
        return found.st_size or 0

    def close(self) -> None:
        """End the connection, and those to the jump hosts."""
        self._sftp = None
        for transport in reversed(self._chain):
            transport.close()
        self._chain = []

    def _connection(self) -> "paramiko.Transport":
        if not (self._chain and self._chain[-1].is_active()):
            self.close()
            self._chain = login.connect(
                self._endpoint, connect_s=self._connect_s, login_s=self._login_s, stall_s=self._stall_s
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
            self._end_sftp()
            time.sleep(pause_s)
            if pause_s == SESSION_PAUSES_S[-1]:
                self.close()
        raise AssertionError("unreachable")

    def _end_sftp(self) -> None:
        if self._sftp is not None:
            with suppress(Exception):
                self._sftp.close()
        self._sftp = None

    @contextmanager
    def _transfer(self, what: str) -> "Iterator[tuple[paramiko.SFTPClient, Callable[[], None]]]":
        """An SFTP client, and a function to call at every progress: without it the connection is closed."""
        connection = self._connection()
        with _watchdog(connection.sock, self._stall_s) as beat:
            try:
                if self._sftp is None:
                    self._sftp = self._open_sftp()
                yield self._sftp, beat
            except BaseException:
                # Answers to the failed transfer may still arrive: the next one starts with a new client.
                self._end_sftp()
                raise

    def _open_sftp(self) -> "paramiko.SFTPClient":
        channel = self._open_channel()
        try:
            return sftp.start(channel)
        except Exception as error:
            channel.close()
            if self._is_lost():
                raise self._lost("start SFTP") from None
            said = (
                f"it says {own_words(error.said.decode(errors='replace'))}; "
                if isinstance(error, TalkedOverError)
                else ""
            )
            raise BoardError(f"{self.name} has no SFTP; {said}install or enable sftp-server on the board") from None

    def _remote(self, what: str, call: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """The call's answer; its errors become the connection's or the board's, never this machine's."""
        try:
            return call(*args, **kwargs)
        except TimeoutError:
            raise self._lost(what) from None
        except Exception as error:  # paramiko's own, and whatever it met in what the server sent
            if self._is_lost():
                raise self._lost(what) from None
            # SFTP has codes for "no such file" and "permission denied"; all else, a full disk too, is "Failure".
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


def _make_folders(sftp: "paramiko.SFTPClient", folder: PurePosixPath) -> None:
    if str(folder) in (".", "/"):
        return
    try:
        sftp.stat(str(folder))
    except FileNotFoundError:
        _make_folders(sftp, folder.parent)
        with suppress(FileExistsError):
            sftp.mkdir(str(folder), OWN_FOLDER)


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
