"""What is wrong with this machine and with a board, before anything is measured: every check, in order."""

from collections.abc import Iterator

from sis_edge.doctor.board import BOARD
from sis_edge.doctor.check import Finding, examine, exit_code
from sis_edge.doctor.host import HOST, ThisHost
from sis_edge.doctor.meeting import MetBoard, meet
from sis_edge.profiles import DeviceProfile
from sis_edge.transport import Transport

__all__ = ["Finding", "examine_board", "examine_host", "exit_code"]


def examine_host(subject: ThisHost | None = None) -> Iterator[Finding]:
    """What this machine needs to build and to reach boards."""
    yield from examine("host", subject or ThisHost(), HOST, lambda needed: None)


def examine_board(
    transport: Transport, profile: DeviceProfile | None = None, words: tuple[str, ...] = ()
) -> Iterator[Finding]:
    """A board, met step by step; `profile` is the one that it shall have, None: the one that it fits.

    `words` are the options that reach it on a command line.
    """
    met = MetBoard(transport, profile, words)
    yield from meet(met)
    yield from examine("board", met, BOARD, met.lacks.get)
