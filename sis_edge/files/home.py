"""Home folders in paths that a user writes."""

import os
from pathlib import Path


def expanded(path: Path) -> Path:
    """The path with `~` and `~user` as the folders that they stand for; those of nobody stay as they are.

    >>> expanded(Path("~no-such-user/key"))
    PosixPath('~no-such-user/key')
    """
    return Path(os.path.expanduser(path))  # noqa: PTH111  (pathlib's own raises RuntimeError for nobody's)
