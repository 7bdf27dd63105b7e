"""Names that become a file or folder: checked where a user chose them, made safe where a board or a file did."""

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


def safe(text: str) -> str:
    """A text from elsewhere as a part of a file's name: never hidden, never a path, at most MAX_LENGTH letters.

    >>> safe("1.23.2+cuda"), safe("../../etc/passwd"), safe("Cortex-A78 (rev 1)"), safe("")
    ('1.23.2+cuda', 'etc-passwd', 'Cortex-A78-rev-1', 'unknown')
    """
    return re.sub(r"[^A-Za-z0-9_.+-]+|\.{2,}", "-", text)[:MAX_LENGTH].strip("-.") or "unknown"
