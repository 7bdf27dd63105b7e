"""Reading a file that somebody else may have put there: a file, and no larger than it may be."""

import errno
import os
import stat
from pathlib import Path

MOST_BYTES = 64_000_000
"""Of a document: a manifest, a profile, a calibration, the state of a fleet."""


def read(path: Path, most_bytes: int = MOST_BYTES) -> bytes:
    """The content of a file; raises OSError, also for a larger one, and for a pipe or a device, which may never end."""
    found = path.stat()
    if stat.S_ISDIR(found.st_mode):
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), str(path))
    if not stat.S_ISREG(found.st_mode) or found.st_size > most_bytes:
        raise OSError(errno.EINVAL, f"not a file of at most {most_bytes / 1e6:,.0f} MB", str(path))
    return path.read_bytes()
