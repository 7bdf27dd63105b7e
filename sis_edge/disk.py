"""Writing to this machine's disk: refusals of the system become one sentence."""

import errno
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sis_edge.errors import DiskError

REFUSALS = (errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EACCES, errno.EPERM, errno.EFBIG, errno.EIO)
"""What a full, foreign or broken disk answers; any other error number is a bug of ours and keeps its traceback."""


@contextmanager
def writing(folder: Path, advice: str = "make room there, or name another folder") -> Iterator[None]:
    """Raises DiskError with the folder, the system's reason and `advice` where the block cannot write below it."""
    try:
        yield
    except OSError as error:
        if error.errno not in REFUSALS:
            raise
        raise DiskError(f"{folder} cannot be written ({error.strerror}); {advice}") from error
