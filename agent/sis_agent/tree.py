"""Reading the small files of /proc, /sys and /etc below a root, where anything may be missing or refuse."""

import os
from typing import List, Optional

LARGEST = 1e30
"""Of any number of a kernel or tool; beyond it is what no sensor means."""


def finite(text: str) -> Optional[float]:
    """The number that a kernel or tool has written; None where it is none, NaN or infinite."""
    try:
        number = float(text)
    except ValueError:
        return None
    return number if -LARGEST < number < LARGEST else None


class Tree:
    """A file tree such as the board's own "/" or a recorded one."""

    def __init__(self, root: str = "/") -> None:
        self.root = root

    @property
    def is_real(self) -> bool:
        """Whether this is the machine's own tree."""
        return os.path.abspath(self.root) == "/"

    def path(self, name: str) -> str:
        """Path of a file, named without the leading slash."""
        return os.path.join(self.root, name)

    def text(self, name: str) -> Optional[str]:
        """A file's text, stripped of blanks and NUL; None when it cannot be read.

        A sensor that is asleep answers EAGAIN or EINVAL: that is unknown, not zero. Python's own files trip over
        EAGAIN (a TypeError from their buffers), so the descriptor is read as it is; and nothing here may wait.
        """
        try:
            descriptor = os.open(self.path(name), os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
            try:
                data = b"".join(iter(lambda: os.read(descriptor, 65536), b""))
            finally:
                os.close(descriptor)
        except OSError:
            return None
        return data.decode("utf-8", "replace").strip(" \t\r\n\0") or None

    def lines(self, name: str) -> List[str]:
        """A file's lines; empty when it cannot be read."""
        return (self.text(name) or "").splitlines()

    def number(self, name: str, scale: float = 1.0) -> Optional[float]:
        """A file's number times `scale`; None when there is none."""
        number = finite(self.text(name) or "")
        return None if number is None else number * scale

    def names(self, folder: str, prefix: str = "") -> List[str]:
        """Entries of a folder, numbers in their numeric order; empty when it cannot be read."""
        try:
            entries = [name for name in os.listdir(self.path(folder)) if name.startswith(prefix)]
        except OSError:
            return []
        return sorted(entries, key=lambda name: (len(name), name))
