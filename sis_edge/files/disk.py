"""Writing to this machine's disk: refusals of the system become one sentence."""

import errno
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sis_edge.errors import DiskError
from sis_edge.text.limits import with_limit

# A full, foreign or broken disk; then a path that cannot be: through a file, onto a folder, too long.
REFUSALS = frozenset(
    (
        *(errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EACCES, errno.EPERM, errno.EFBIG, errno.EIO),
        *(errno.ENOTDIR, errno.EEXIST, errno.EISDIR, errno.ENAMETOOLONG, errno.ELOOP),
    )
)
"""What the system answers to a user's mistake; any other error number is a bug of ours and keeps its traceback."""


ADVICE = "free space, fix permissions, or choose another path"
_FULL = frozenset((errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EFBIG))


@contextmanager
def writing(path: Path, advice: str = ADVICE) -> Iterator[None]:
    """Raises DiskError with the path, the system's reason and `advice` where the block cannot write to it or below."""
    try:
        yield
    except OSError as error:
        if error.errno not in REFUSALS:
            raise
        raise cannot_write(path, error, advice) from error


def check_room(folder: Path, needed_bytes: int) -> None:
    """Raise DiskError, now and not after hours of work, where files of that size could not be written to the folder.

    Nothing is left behind: a folder that is not there yet is not made, and the nearest one above it is tried.
    """
    there = folder
    while not os.path.lexists(there) and there != there.parent:
        there = there.parent
    try:
        with writing(folder), tempfile.TemporaryFile(dir=there) as file:
            file.write(b"x")
            file.flush()
    except FileNotFoundError as error:  # a link to nowhere, or a file system that is none for files
        raise cannot_write(folder, error) from error
    free_bytes = shutil.disk_usage(there).free
    if free_bytes < needed_bytes:
        free, needed = with_limit(free_bytes / 1e6, needed_bytes / 1e6, ",.1f")
        raise DiskError(f"{folder} has {free} MB free and {needed} MB are needed: free space, or choose another folder")


def cannot_write(path: Path, error: OSError, advice: str = ADVICE) -> DiskError:
    """The error of a path that cannot be written, with the system's reason and the next step."""
    return DiskError(f"cannot write {path} ({error.strerror}): {advice}")


def refusal(error: OSError) -> str:
    """The same sentence for a refusal that nobody expected; only a full disk says that it was about writing."""
    place = f" {error.filename}" if error.filename else ""
    verb = "write" if error.errno in _FULL else "read or write"
    return f"cannot {verb}{place} ({error.strerror}): {ADVICE}"
