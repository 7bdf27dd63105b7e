"""What the command line adds to the wait for a job: the question after Ctrl-C, the words that reach the board."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sis_edge.board.attendance import Attendance

KEEP, CANCEL = ("", "k", "keep"), ("c", "cancel")


def attendance(
    way: Sequence[str], profile: str | None = None, *, queue: bool = True, is_lasting: bool = True
) -> "Attendance":
    """How a command attends its job. Without a terminal, or on a board that ends with the command, nobody is asked."""
    from sis_edge.board.attendance import Attendance
    from sis_edge.cli import console

    words = (*way, *(() if profile is None else ("--profile", profile)))
    return Attendance(queue, _is_kept if is_lasting and console.can_ask() else None, words)


def _is_kept(sentence: str) -> bool:
    """Whether the job is to go on; Enter keeps it."""
    from sis_edge.cli import console

    answer = None
    while answer not in KEEP + CANCEL:
        answer = console.ask(f"{sentence} [k]eep it running or [c]ancel it? ").strip().lower()
    return answer in KEEP
