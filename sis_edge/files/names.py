"""Names that become a folder: of a bundle, a network, a report."""

import re

from sis_edge.errors import UsageError

MAX_LENGTH = 80


def checked(kind: str, name: str) -> str:
    """The name itself if it is safe as a folder's name: one part, visible, on any file system.

    Raises UsageError that names the kind of thing and what a name may hold.
    """
    if len(name.encode()) > MAX_LENGTH or not re.fullmatch(r"\w[\w.+-]*", name):
        raise UsageError(
            f"'{name}' cannot be the name of a {kind}; use letters, digits, '.', '_', '+' and '-', "
            f"begin with a letter or digit, and stay within {MAX_LENGTH} bytes"
        )
    return name
