"""How a job is attended: whether it may queue, what Ctrl-C asks, and the commands that come back to it."""

import shlex
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from sis_edge.board import reach


@dataclass(frozen=True)
class Attendance:
    """What a caller of `deploy` wants of the waiting.

    `queue`: a busy board is waited for, else it is an error. `ask` gets a sentence after Ctrl-C and returns whether the
    job is to go on; None cancels it, as every request to end does (SIGTERM, SIGHUP). `way` are the words of the command
    line that reach the board; None takes them from the transport's name.
    """

    queue: bool = True
    ask: Callable[[str], bool] | None = None
    way: tuple[str, ...] | None = None

    def command(self, verb: str, job_id: str, board: str) -> str:
        """The command for a job on the board of this transport's name, in backquotes.

        >>> Attendance().command("fetch", "j1", "pi@pi5.local")
        '`sis-edge jobs fetch j1 --host pi5.local --user pi`'
        """
        return command(verb, job_id, reach.words(board) if self.way is None else self.way)

    def ways_back(self, job_id: str, board: str) -> str:
        """What can be done with a job that goes on, for the end of a sentence."""
        fetch, cancel = (self.command(verb, job_id, board) for verb in ("fetch", "cancel"))
        return f"{fetch} waits for its end and stores its run, {cancel} ends it"


def command(verb: str, job_id: str, way: Sequence[str]) -> str:
    """A command of `sis-edge jobs` in backquotes."""
    return f"`{shlex.join(['sis-edge', 'jobs', verb, job_id, *way])}`"


ATTENDANCE = Attendance()
