"""The agent's root: what lies where in it, names that are safe there, and files that are whole or not there at all."""

import contextlib
import errno
import fcntl
import hashlib
import json
import os
import re
from typing import IO, Any, Iterator

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

PART = ".part"
"""Suffix of a file that is not whole yet."""

KINDS = {
    "jobs": (JOBS,),
    "bundles": (BUNDLES,),
    "engines": (ENGINES,),
    "wheels": (SITE, WHEELS),
    "calibrations": (CALIBRATION,),
    "images": (INFERENCE,),
    "logs": (LOGS,),
    "agents": (AGENTS,),
}
"""What can be cleaned away, by the folders that hold it."""

MOST_DEPTH = 64  # of JSON; the agent's own files have ten levels
MOST_DIGITS = 20  # of a whole number in it: longer ones fit into no file size, and overflow as soon as they are divided

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


def file_sha256(path: str) -> str:
    """SHA-256 of a file's content, as hex digits."""
    digest = hashlib.sha256()
    with open(path, "rb") as file:
        for piece in iter(lambda: file.read(1 << 20), b""):
            digest.update(piece)
    return digest.hexdigest()


@contextlib.contextmanager
def guarded_file(root: str, name: str) -> Iterator[IO[str]]:
    """One of the root's files, open and held for a short look or change; nobody else changes it meanwhile.

    It is emptied and never removed, because another agent may be waiting for this very file.
    """
    os.makedirs(root, exist_ok=True)
    descriptor = os.open(os.path.join(root, name), os.O_RDWR | os.O_CREAT, 0o600)
    with os.fdopen(descriptor, "r+", encoding="utf-8", errors="replace") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield file


def rewrite(file: IO[str], text: str) -> None:
    """Give a guarded file another content."""
    file.seek(0)
    file.truncate()
    file.write(text)


def parsed_json(text: str) -> Any:
    """The JSON of a file of the agent's, of which a power cut or a failing disk may have left anything.

    Raises ValueError for what is no JSON, holds a number of no use, or is nested more than MOST_DEPTH deep.
    """
    try:
        value = json.loads(text, parse_float=_finite, parse_constant=_finite, parse_int=_whole)
    except RecursionError:
        raise ValueError("it is nested too deeply")
    _check_depth(value, MOST_DEPTH)
    return value


def read_json(path: str) -> Any:
    """The same of a file; raises OSError too."""
    with open(path, encoding="utf-8") as file:
        return parsed_json(file.read())


def _whole(text: str) -> int:
    if len(text) > MOST_DIGITS:
        raise ValueError("it holds a number of {} digits".format(len(text)))
    return int(text)


def _finite(text: str) -> float:
    number = float(text)
    if number - number != 0:
        raise ValueError("it holds {}, which is not a finite number".format(text))
    return number


def _check_depth(value: Any, left: int) -> None:
    if not isinstance(value, (list, dict)):
        return
    if not left:
        raise ValueError("it is nested too deeply")
    for each in value.values() if isinstance(value, dict) else value:
        _check_depth(each, left - 1)


def inside(base: str, name: str) -> str:
    """The path of a name below a folder; raises the problem `bad-name` for one that leads out of it."""
    base = os.path.normpath(base)
    path = os.path.normpath(os.path.join(base, name))
    if os.path.isabs(name) or "\0" in name or not (path + os.sep).startswith(base + os.sep):
        raise ProblemError("bad-name", "'{}' is not inside the agent's root".format(name))
    return path


def checked_name(kind: str, name: str) -> str:
    """A job's or bundle's name that is safe as a folder's name; raises the problem `bad-name`."""
    if not _NAME.fullmatch(name):
        raise ProblemError("bad-name", "'{}' cannot be a {}: use letters, digits, '.', '_' and '-'".format(name, kind))
    return name
