"""Which `sis-edge.toml` holds: the nearest one, from the current folder up to the project's."""

import os
from collections.abc import Callable, Iterator
from pathlib import Path

from sis_edge.errors import UsageError

FILE = "sis-edge.toml"


def find(start: Path, home: Path) -> Path | None:
    """The file in this folder, else in the nearest one above it; None where there is none.

    The last folder that is asked is the root of a repository (it has `.git`) or the user's home, whichever comes first.
    Raises UsageError for a file of another user's, as anybody could put one into a folder that all may write to.
    """
    for folder in _folders(start.absolute(), home.absolute()):
        path = folder / FILE
        if _holds(path.is_file):
            _check_owner(path, start)
            return path
    return None


def _folders(start: Path, home: Path) -> Iterator[Path]:
    for folder in (start, *start.parents):
        yield folder
        if folder == home or _holds((folder / ".git").exists):
            return


def _holds(question: Callable[[], bool]) -> bool:
    """The answer; no where the system does not let us look."""
    try:
        return question()
    except OSError:
        return False


def _check_owner(path: Path, start: Path) -> None:
    """Raise UsageError for a file that is neither the user's, nor the system's, nor of whom the current folder is."""
    owner = path.stat().st_uid
    if owner not in (os.geteuid(), 0, start.stat().st_uid):
        raise UsageError(
            f"{path} belongs to another user (id {owner}) and is not read; if you trust it, name it with --config; "
            "--no-config reads none"
        )
