"""This machine as a board: the same guarantees as SSH, without a network."""

import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from sis_edge.errors import BoardError, DiskError
from sis_edge.transport.base import PART, CommandTimeoutError, Completed, Progress, cannot_write

PIECE_BYTES = 1 << 20
ADVICE = "free space or fix permissions"


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
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            encoding="utf-8",
            errors="replace",
            start_new_session=True,
        ) as process:
            try:
                stdout, stderr = process.communicate(timeout=timeout_s)
            except BaseException as error:
                with suppress(ProcessLookupError):
                    os.killpg(process.pid, signal.SIGKILL)
                if isinstance(error, subprocess.TimeoutExpired):
                    raise CommandTimeoutError(
                        f"`{argv[0]}` did not end within {timeout_s:g} s on this machine"
                    ) from None
                raise
        return Completed(process.returncode, stdout, stderr)

    def put(self, source: Path, target: str, *, progress: Progress | None = None) -> None:
        """Copy a file below the login folder."""
        path = self.root / target
        try:
            _make_folder(path.parent)
            _copy(source, path, progress)
        except OSError as error:
            if error.filename == str(source):
                raise DiskError(f"{source} cannot be read ({error.strerror})") from None
            raise BoardError(f"this machine cannot write {path} ({error.strerror}): {ADVICE}") from None

    def fetch(self, source: str, target: Path, *, progress: Progress | None = None) -> None:
        """Copy a file from below the login folder."""
        path = self.root / source
        try:
            target.parent.mkdir(parents=True, exist_ok=True)
            _copy(path, target, progress)
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


def _make_folder(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise BoardError(f"this machine cannot create {folder} ({error.strerror}): {ADVICE}") from None


def _copy(source: Path, target: Path, progress: Progress | None) -> None:
    part = target.with_name(target.name + PART)
    with source.open("rb") as reader:
        try:
            with part.open("wb") as writer:
                while piece := reader.read(PIECE_BYTES):
                    writer.write(piece)
                    if progress:
                        progress(len(piece))
            part.replace(target)
        except BaseException:
            with suppress(OSError):
                part.unlink()
            raise
