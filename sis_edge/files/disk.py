"""Writing to this machine's disk: refusals of the system become one sentence."""

import errno
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sis_edge.errors import DiskError

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


def cannot_write(path: Path, error: OSError, advice: str = ADVICE) -> DiskError:
    """The error of a path that cannot be written, with the system's reason and the next step."""
    return DiskError(f"cannot write {path} ({error.strerror}): {advice}")


def refusal(error: OSError) -> str:
    """The same sentence for a refusal that nobody expected; only a full disk says that it was about writing."""
    place = f" {error.filename}" if error.filename else ""
    verb = "write" if error.errno in _FULL else "read or write"
    return f"cannot {verb}{place} ({error.strerror}): {ADVICE}"
