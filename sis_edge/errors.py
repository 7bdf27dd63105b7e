"""Every error that a user can meet, and the exit code of each.

An error's text is one sentence or two that name the thing, the value and the next step. Errors of this
tree are the user's to fix and print no traceback; anything else is a bug of ours and keeps its traceback.

    SisEdgeError            1   base: caught once, by the command line
    ├── UsageError          2   a name or a value that cannot be meant (also Typer's own code)
    ├── DatasetError        3   a data set that is missing, damaged or out of reach
    ├── BundleError         4   a bundle that is missing, not what its manifest says, or with programs of unknown origin
    ├── ExportError         5   an exported network that does not agree with PyTorch
    ├── TransportError      6   the board or a cluster cannot be reached, or the connection broke; in transport/base.py:
    │   ├── UnreachableError        it may be reached later, so it is tried again
    │   └── CommandTimeoutError     the connection stands, a command on the board did not end
    ├── AgentError          7   the agent does not answer, or answers something unreadable
    ├── BoardError          8   the board answers, and lacks something (a runtime, space, a free slot)
    ├── RecordError         9   a stored result, calibration or trained network that is missing, unreadable or changed
    ├── DiskError          10   this machine cannot read or write a file (disk full, no permission)
    ├── VerdictError       11   a run that was measured and stored and whose verdict `--require-valid` does not accept
    ├── GateError          12   a candidate that `gate` does not let pass
    └── InUseError         13   what another command works on now

An interrupted command (Ctrl-C, SIGTERM, SIGHUP) ends with 130, as shells expect: a KeyboardInterrupt, which nothing
takes for an error after which it could go on. Each class is caught by its name somewhere or maps to a code of its own;
there is no other reason for a class here.
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
    """A bundle that is missing, is not what its manifest says, or holds programs that nobody vouches for."""

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
    """A stored result or calibration that is missing, unreadable or changed, or two runs that cannot be compared."""

    exit_code = 9


class DiskError(SisEdgeError):
    """This machine cannot read or write a file."""

    exit_code = 10


class VerdictError(SisEdgeError):
    """A run was measured and stored, and `--require-valid` does not accept its verdict."""

    exit_code = 11


class GateError(SisEdgeError):
    """A candidate that was measured and that a gate does not let pass."""

    exit_code = 12


class InUseError(SisEdgeError):
    """What another command of sis-edge works on now: wait for its end, then run this one again."""

    exit_code = 13


class EndRequest(KeyboardInterrupt):
    """SIGTERM or SIGHUP: as Ctrl-C, but nobody is there to be asked."""


class Interruption(KeyboardInterrupt):
    """A command that was interrupted; its text says what became of the work that it had begun."""


MANY = 12
"""Of more known names a message has the first so many only."""


def unknown(kind: str, name: str, known: Iterable[str], show: str | None = None) -> UsageError:
    """The error for a name that is not known: it has the name that is nearest to it, or those that there are.

    `show` is the command that lists them all.

    >>> str(unknown("profile", "jetson-nan", ["local", "jetson-nano"], "sis-edge profiles list"))
    "unknown profile 'jetson-nan'; did you mean jetson-nano? `sis-edge profiles list` shows all"
    >>> str(unknown("granularity", "kernal", ["kernel", "neuron"]))
    "unknown granularity 'kernal'; did you mean kernel? known: kernel, neuron"
    >>> str(unknown("preset", "x", ["nin", "cifar10-sis1"], "sis-edge presets"))
    "unknown preset 'x'; known: nin, cifar10-sis1"
    """
    names = list(known)
    listed = f"known: {', '.join(names[:MANY])}" if names else "none is known"
    if len(names) > MANY:
        listed += f" and {len(names) - MANY} more" + (f"; `{show}` shows all" if show else "")
    if meant := nearest(name, names):
        listed = f"did you mean {' or '.join(meant)}? " + (f"`{show}` shows all" if show else listed)
    return UsageError(f"unknown {kind} '{name}'; {listed}")


def nearest(name: str, known: list[str]) -> list[str]:
    """What somebody who wrote this name most likely meant: the nearest, or the one or two that hold it."""
    from difflib import get_close_matches

    by_lower = {each.lower(): each for each in known}
    written = name.lower()
    whole = [each for each in by_lower if len(written) > 2 and written in each]
    found = get_close_matches(written, by_lower, n=1, cutoff=0.8) or whole
    if not 0 < len(found) < 3:
        found = get_close_matches(written, by_lower, n=1)
    return [by_lower[each] for each in found]
