"""The agent's root: what lies where in it, names that are safe there, and files that are whole or not there at all."""

import contextlib
import errno
import json
import os
import re
from typing import Any, Iterator

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

MOST_DEPTH = 64  # of JSON; the agent's own files have ten levels

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


def parsed_json(text: str) -> Any:
    """The JSON of a file of the agent's, of which a power cut or a failing disk may have left anything.

    Raises ValueError for what is no JSON, holds a number that is not finite, or is nested more than MOST_DEPTH deep.
    """
    try:
        value = json.loads(text, parse_float=_finite, parse_constant=_finite)
    except RecursionError:
        raise ValueError("it is nested too deeply")
    _check_depth(value, MOST_DEPTH)
    return value


def read_json(path: str) -> Any:
    """The same of a file; raises OSError too."""
    with open(path, encoding="utf-8") as file:
        return parsed_json(file.read())


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


def checked_name(kind: str, name: str) -> str:
    """A job's or bundle's name that is safe as a folder's name; raises the problem `bad-name`."""
    if not _NAME.fullmatch(name):
        raise ProblemError("bad-name", "'{}' cannot be a {}: use letters, digits, '.', '_' and '-'".format(name, kind))
    return name
