"""This machine as a board: the same guarantees as SSH, without a network."""

import os
import selectors
import shutil
import signal
import stat
import subprocess
import sys
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import IO

from sis_edge.errors import BoardError, DiskError
from sis_edge.files.disk import ADVICE, cannot_write
from sis_edge.transport.base import OWN_FILE, OWN_FOLDER, PART, CommandTimeoutError, Completed, Heard, Progress, ignore
from sis_edge.transport.bounded import FILE_BYTES, Head, Tail, TooMuchError, too_large, too_much

PIECE_BYTES = 1 << 20


class LocalTransport:
    """Runs commands and keeps files below `root`, which takes the place of the login folder.

    `python` is the interpreter whose folder comes first on the commands' PATH, so that `python3` is the one that
    sis-edge is installed for, with its ONNX Runtime, even if the environment is not activated.
    """

    name = "local"

    def __init__(self, root: Path | None = None, *, python: Path | None = None) -> None:
        self.root = root or default_root()
        self._python = python or Path(sys.executable)

    def run(self, argv: Sequence[str], *, timeout_s: float = 60.0) -> Completed:
        """Run a command in the login folder, in a process group of its own, which a time-out kills."""
        return self._run(argv, None, timeout_s)

    def feed(
        self, argv: Sequence[str], pieces: Iterable[bytes], *, timeout_s: float = 60.0, heard: Heard = ignore
    ) -> Completed:
        """As `run`, for a command that reads `pieces`."""
        return self._run(argv, iter(pieces), timeout_s, heard)

    def _run(
        self, argv: Sequence[str], pieces: Iterator[bytes] | None, timeout_s: float, heard: Heard = ignore
    ) -> Completed:
        _make_folder(self.root)
        path = f"{self._python.parent}{os.pathsep}{os.environ.get('PATH', os.defpath)}"
        executable = shutil.which(argv[0], path=path)
        if executable is None:
            return Completed(127, "", f"{argv[0]}: not found\n")
        environment = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
        with subprocess.Popen(
            [executable, *argv[1:]],
            cwd=self.root,
            env={**environment, "PATH": path},
            stdin=subprocess.DEVNULL if pieces is None else subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            start_new_session=True,
        ) as process:
            try:
                stdout, stderr = _talk(process, pieces, timeout_s, heard)
            except BaseException as error:
                with suppress(ProcessLookupError):
                    os.killpg(process.pid, signal.SIGKILL)
                if isinstance(error, subprocess.TimeoutExpired):
                    raise CommandTimeoutError(
                        f"`{argv[0]}` did not end within {timeout_s:g} s on this machine"
                    ) from None
                if isinstance(error, TooMuchError):
                    raise BoardError(too_much("this machine", argv[0])) from None
                raise
        return Completed(process.returncode, stdout, stderr)

    def put(self, source: Path, target: str, *, progress: Progress | None = None) -> None:
        """Copy a file below the login folder."""
        path = self.root / target
        try:
            _make_folder(path.parent)
            _copy(source, path, progress, mode=OWN_FILE)
        except OSError as error:
            if error.filename == str(source):
                raise DiskError(f"{source} cannot be read ({error.strerror})") from None
            raise BoardError(f"this machine cannot write {path} ({error.strerror}): {ADVICE}") from None

    def fetch(self, source: str, target: Path, *, progress: Progress | None = None) -> None:
        """Copy a file from below the login folder."""
        path = self.root / source
        try:
            found = path.stat()
            if not stat.S_ISREG(found.st_mode):  # a pipe would never end, nor would a device
                raise BoardError(f"{path} is not a file but a folder, pipe or device; it was not fetched")
            if found.st_size > FILE_BYTES:
                raise BoardError(too_large("this machine", source))
            target.parent.mkdir(parents=True, exist_ok=True)
            _copy(path, target, progress, FILE_BYTES)
        except TooMuchError:
            raise BoardError(too_large("this machine", source)) from None
        except OSError as error:
            if error.filename == str(path):
                raise BoardError(f"this machine cannot read {path} ({error.strerror})") from None
            raise cannot_write(target, error) from None

    def close(self) -> None:
        """Nothing is open."""


def default_root() -> Path:
    """The folder in place of the login folder: `sis-edge/local-board` in the user's data folder."""
    from platformdirs import user_data_path

    return user_data_path("sis-edge", appauthor=False) / "local-board"


class _Feed:
    """Pieces on their way into a pipe; `is_waiting` after an empty one, until the command has written something."""

    def __init__(self, pipe: IO[bytes], pieces: Iterator[bytes]) -> None:
        os.set_blocking(pipe.fileno(), False)
        self.pipe = pipe
        self.is_waiting = False
        self._pieces = pieces
        self._left = memoryview(b"")

    def more(self) -> bool:
        """Write what fits now; False where nothing is to be written now, or ever: then the pipe is closed."""
        if not self._left:
            piece = next(self._pieces, None)
            self.is_waiting = piece == b""
            self._left = memoryview(piece or b"")
            if piece is None:
                self.pipe.close()
        if not self._left:
            return False
        try:
            sent_bytes = os.write(self.pipe.fileno(), self._left)
        except BrokenPipeError:
            self.pipe.close()
            return False
        self._left = self._left[sent_bytes:]
        return True


def _talk(
    process: "subprocess.Popen[bytes]", pieces: Iterator[bytes] | None, timeout_s: float, heard: Heard
) -> tuple[str, str]:
    """Standard output and the end of standard error, once the process has read `pieces` and ended.

    Raises subprocess.TimeoutExpired `timeout_s` after the start or the last piece, TooMuchError for more output than a
    command may write.
    """
    assert process.stdout is not None
    assert process.stderr is not None
    stdout, stderr = Head(), Tail()
    end_s = time.monotonic() + timeout_s
    with selectors.DefaultSelector() as open_pipes:

        def hear(piece: bytes) -> None:
            stdout.add(piece)
            heard(piece)
            if feed is not None and feed.is_waiting:
                feed.is_waiting = False
                open_pipes.register(feed.pipe, selectors.EVENT_WRITE, feed)

        feed = None if process.stdin is None or pieces is None else _Feed(process.stdin, pieces)
        open_pipes.register(process.stdout, selectors.EVENT_READ, hear)
        open_pipes.register(process.stderr, selectors.EVENT_READ, stderr.add)
        if feed is not None:
            open_pipes.register(feed.pipe, selectors.EVENT_WRITE, feed)
        while open_pipes.get_map():
            left_s = end_s - time.monotonic()
            if left_s <= 0:
                raise subprocess.TimeoutExpired(process.args, 0)
            for key, _ in open_pipes.select(left_s):
                if feed is not None and key.data is feed:
                    end_s = time.monotonic() + timeout_s
                    if not feed.more():
                        open_pipes.unregister(key.fileobj)
                elif piece := os.read(key.fd, 1 << 16):
                    key.data(piece)
                else:
                    open_pipes.unregister(key.fileobj)
    process.wait(max(end_s - time.monotonic(), 0))
    return stdout.data.decode("utf-8", "replace"), stderr.data.decode("utf-8", "replace")


def _make_folder(folder: Path) -> None:
    try:
        for missing in reversed([each for each in (folder, *folder.parents) if not each.exists()]):
            missing.mkdir(mode=OWN_FOLDER, exist_ok=True)
        folder.mkdir(exist_ok=True)  # raises where a file is in its place
    except OSError as error:
        raise BoardError(f"this machine cannot create {folder} ({error.strerror}): {ADVICE}") from None


def _copy(
    source: Path, target: Path, progress: Progress | None, limit_bytes: int | None = None, mode: int = 0o666
) -> None:
    part = target.with_name(target.name + PART)
    with source.open("rb") as reader:
        try:
            descriptor = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, mode)
            with os.fdopen(descriptor, "wb") as writer:
                while piece := reader.read(PIECE_BYTES):
                    writer.write(piece)
                    if limit_bytes is not None and writer.tell() > limit_bytes:
                        raise TooMuchError
                    if progress:
                        progress(len(piece))
            part.replace(target)
        except BaseException:
            with suppress(OSError):
                part.unlink()
            raise
