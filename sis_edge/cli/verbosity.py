"""How much the command line says on standard error: set by -q and -v, before the command's name or behind it.

Nothing but the standard library is imported here, so that `sis-edge --help` stays quick.
"""

from collections.abc import Iterator
from contextlib import contextmanager

from sis_edge.errors import UsageError

PACKAGE = "sis_edge"
"""The logger that -v shows: the library's modules write to loggers below it."""

_chosen = {"quiet": False, "verbose": False}


def reset() -> None:
    """As it is without -q and -v: after every command line."""
    _chosen.update(quiet=False, verbose=False)


def choose(*, quiet: bool, verbose: bool) -> None:
    """Add what was asked for at one of the two places; raises UsageError for both together."""
    _chosen.update(quiet=quiet or _chosen["quiet"], verbose=verbose or _chosen["verbose"])
    if is_quiet() and is_verbose():
        raise UsageError("--quiet and --verbose exclude each other")


def is_quiet() -> bool:
    """Whether only results and errors are wanted."""
    return _chosen["quiet"]


def is_verbose() -> bool:
    """Whether details are wanted."""
    return _chosen["verbose"]


@contextmanager
def details() -> Iterator[None]:
    """With -v, what the library logs while the block runs goes to standard error, a line a record."""
    if not is_verbose():
        yield
        return
    import logging

    from sis_edge.cli.console import detail

    class Handler(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            detail(self.format(record))

    logger, handler = logging.getLogger(PACKAGE), Handler()
    before = logger.level, logger.propagate
    logger.addHandler(handler)
    logger.setLevel(logging.DEBUG)
    logger.propagate = False  # a library that sets up the root's logger would have each line written twice
    try:
        yield
    finally:
        logger.removeHandler(handler)
        logger.setLevel(before[0])
        logger.propagate = before[1]
