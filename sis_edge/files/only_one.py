"""One command at a time, by a file that it holds."""

import fcntl
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TextIO

from sis_edge.errors import InUseError
from sis_edge.files.disk import writing


@contextmanager
def one_at_a_time(path: Path, pause: Callable[[], None] | None = None) -> Iterator[None]:
    """Hold this file, waiting for it: a process that was given up may still be writing. A dead one leaves no lock.

    With `pause` it is asked for again after each, so that what that raises ends the waiting.
    """
    with writing(path.parent):
        path.parent.mkdir(parents=True, exist_ok=True)
        lock = path.open("w")
    with lock:
        if pause is None:
            fcntl.flock(lock, fcntl.LOCK_EX)
        else:
            while not _is_taken(lock):
                pause()
        yield


@contextmanager
def only_one(path: Path, refusal: str) -> Iterator[None]:
    """Hold this file; raises InUseError with the refusal while another process does. A dead one leaves no lock."""
    with writing(path.parent):
        path.parent.mkdir(parents=True, exist_ok=True)
        lock = path.open("w")
    with lock:
        if not _is_taken(lock):
            raise InUseError(refusal)
        yield


def _is_taken(lock: TextIO) -> bool:
    """Take this lock if no other process has it, and tell whether it is ours."""
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
