"""Pointers that Git LFS leaves where the file itself was not fetched: CI systems check out without it by default."""

from pathlib import Path

from sis_edge.errors import UsageError

POINTER = b"version https://git-lfs.github.com/spec/"


def check_fetched(path: Path) -> None:
    """Raise UsageError for a pointer; raises OSError where the file cannot be read."""
    with path.open("rb") as file:
        if file.read(len(POINTER)) == POINTER:
            raise UsageError(f"{path} is a pointer of Git LFS, not the file itself; `git lfs pull` fetches it")
