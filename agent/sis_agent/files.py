"""The agent's root: what lies where in it, names that are safe there, and files that are whole or not there at all."""

import contextlib
import errno
import os
import re
from typing import Iterator

from sis_agent.protocol import ProblemError

AGENTS = "agents"
BUNDLES = "bundles"
CALIBRATION = "calibration"
ENGINES = "engines"
INFERENCE = "inference"
JOBS = "jobs"
LOGS = "logs"
SITE = "site"
WHEELS = "wheels"

_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]{0,127}")


@contextlib.contextmanager
def disk_full_is_a_problem() -> Iterator[None]:
    """Turn "no space left" and "quota exceeded" into the problem `disk-full`."""
    try:
        yield
    except OSError as error:
        if error.errno not in (errno.ENOSPC, errno.EDQUOT):
            raise
        raise ProblemError(
            "disk-full",
            "the board's disk is full{}; free some space, or run `clean`".format(
                " ({})".format(error.filename) if error.filename else ""
            ),
        )


def write_atomic(path: str, text: str) -> None:
    """Write a file so that it is there whole or not at all, even if the power fails."""
    part = path + ".part"
    with disk_full_is_a_problem():
        try:
            with open(part, "w", encoding="utf-8") as file:
                file.write(text)
                file.flush()
                os.fsync(file.fileno())
        except OSError:
            with contextlib.suppress(OSError):
                os.remove(part)
            raise
        os.rename(part, path)
        folder = os.open(os.path.dirname(path), os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)


def checked_name(kind: str, name: str) -> str:
    """A job's or bundle's name that is safe as a folder's name; raises the problem `bad-name`."""
    if not _NAME.fullmatch(name):
        raise ProblemError("bad-name", "'{}' cannot be a {}: use letters, digits, '.', '_' and '-'".format(name, kind))
    return name
