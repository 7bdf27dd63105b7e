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


@contextmanager
def writing(folder: Path, advice: str = "make room there, or name another folder") -> Iterator[None]:
    """Raises DiskError with the folder, the system's reason and `advice` where the block cannot write below it."""
    try:
        yield
    except OSError as error:
        if error.errno not in REFUSALS:
            raise
        raise DiskError(f"{folder} cannot be written ({error.strerror}); {advice}") from error
