"""How large something on the disk is, and when it last changed; links are not followed."""

import os
import stat
from typing import NamedTuple


class Extent(NamedTuple):
    """Bytes of all files below a path, and the newest change among them (seconds since 1970 by the board's clock)."""

    size_bytes: int
    changed_s: float


def extent(path: str) -> Extent:
    """That of a file or folder; 0 and 0.0 where nothing is there or may be seen."""
    try:
        found = os.lstat(path)
    except OSError:
        return Extent(0, 0.0)
    if not stat.S_ISDIR(found.st_mode):
        return Extent(found.st_size, found.st_mtime)
    size_bytes, changed_s = 0, found.st_mtime
    for folder, folders, names in os.walk(path):
        for name in folders + names:
            try:
                found = os.lstat(os.path.join(folder, name))
            except OSError:  # gone meanwhile
                continue
            changed_s = max(changed_s, found.st_mtime)
            if not stat.S_ISDIR(found.st_mode):
                size_bytes += found.st_size
    return Extent(size_bytes, changed_s)
