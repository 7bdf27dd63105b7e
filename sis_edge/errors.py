"""Every error that a user can meet, and the exit code of each.

An error's text is one sentence or two that name the thing, the value and the next step. Errors of this
tree are the user's to mend and print no traceback; anything else is a bug of ours and keeps its traceback.

    SisEdgeError            1   base: caught once, by the command line
    ├── UsageError          2   a name or a value that cannot be meant (also Typer's own code)
    ├── DatasetError        3   a data set that is missing, damaged or out of reach
    ├── BundleError         4   a bundle that is missing or not what its manifest says
    ├── ExportError         5   an exported network that does not agree with PyTorch
    ├── TransportError      6   the board or a cluster cannot be reached, or the connection broke; in transport/base.py:
    │   ├── UnreachableError        it may be reached later, so it is tried again
    │   └── CommandTimeoutError     the connection stands, a command on the board did not end
    ├── AgentError          7   the agent does not answer, or answers something unreadable
    ├── BoardError          8   the board answers, and lacks something (a run time, space, a free slot)
    ├── RecordError         9   a stored result, calibration or trained network that is missing or unreadable
    ├── DiskError          10   this machine cannot read or write a file (disk full, no permission)
    └── VerdictError       11   a run that was measured and stored and is not VALID, where that was required

An interrupted command (Ctrl-C) ends with 130, as shells expect. Each class is caught by its name somewhere or
maps to a code of its own; there is no other reason for a class here.
"""

from collections.abc import Iterable


class SisEdgeError(Exception):
    """Base of all errors that end a command with one sentence instead of a traceback."""

    exit_code = 1


class UsageError(SisEdgeError):
    """A name or a value that cannot be meant: the sentence lists what can."""

    exit_code = 2


class DatasetError(SisEdgeError):
    """A data set that is missing, damaged or out of reach."""

    exit_code = 3


class BundleError(SisEdgeError):
    """A bundle that is missing or is not what its manifest says."""

    exit_code = 4


class ExportError(SisEdgeError):
    """An exported network whose outputs differ from PyTorch's."""

    exit_code = 5


class TransportError(SisEdgeError):
    """The board or a cluster cannot be reached, or the connection broke."""

    exit_code = 6


class AgentError(SisEdgeError):
    """The agent does not answer, or answers something that cannot be read."""

    exit_code = 7


class BoardError(SisEdgeError):
    """The board answers, and lacks something that the job needs."""

    exit_code = 8


class RecordError(SisEdgeError):
    """A stored result or calibration that is missing or unreadable."""

    exit_code = 9


class DiskError(SisEdgeError):
    """This machine cannot read or write a file."""

    exit_code = 10


class VerdictError(SisEdgeError):
    """A run that was measured and stored is not VALID, and `--require-valid` asked for that."""

    exit_code = 11


def unknown(kind: str, name: str, known: Iterable[str]) -> UsageError:
    """The error for a name that a registry does not have; it lists the names that it has.

    >>> str(unknown("preset", "sis9", ["nin", "cifar10-sis1"]))
    "there is no preset 'sis9'; known: nin, cifar10-sis1"
    """
    return UsageError(f"there is no {kind} '{name}'; known: {', '.join(known)}")
