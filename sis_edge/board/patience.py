"""How long a board may take, and how often it is asked: both follow the board's own speed.

A board whose first answer, the start of its Python with the way there, takes n times `usual_answer_s` gets n times the
patience, up to `MOST_TIMES` (`for_board`). Each question starts a Python on the board, which takes its
processor from what is measured: so the pause between two is `QUERY_TIMES` what one costs, 2% of a core, but never
longer than `LONGEST_POLL_S`, nor than a share `SEEN_LATE` of the time that the job has taken so far; where one costs
more than `USUAL_QUERY_S` the pause is `DEAR_TIMES` the excess from the beginning (`pause_s`).
"""

import time
from collections.abc import Callable
from dataclasses import dataclass, replace

MOST_TIMES = 10.0
QUERY_TIMES = 50.0
USUAL_QUERY_S = 0.2
DEAR_TIMES = 10.0
LONGEST_POLL_S = 60.0
SEEN_LATE = 0.05
LONGEST_ANSWER_S = 600.0
"""A question that nobody answers is asked again with twice the time, up to this."""


@dataclass(frozen=True)
class Patience:
    """How long things may take, in seconds: a board that is lost, and the pauses between two questions.

    `overtime_s` is what a job may need beyond its own time limit before it counts as stuck. `usual_answer_s` is what
    the first answer of an ordinary board takes at most.
    """

    lost_s: float = 300.0
    first_pause_s: float = 1.0
    longest_pause_s: float = 30.0
    poll_s: float = 1.0
    answer_s: float = 60.0
    overtime_s: float = 300.0
    usual_answer_s: float = 2.0
    sleep: Callable[[float], None] = time.sleep
    clock: Callable[[], float] = time.monotonic

    def for_board(self, answer_s: float) -> "Patience":
        """The patience with a board whose first answer took so long.

        >>> Patience().for_board(0.3).answer_s, Patience().for_board(6.0).answer_s, Patience().for_board(99.0).lost_s
        (60.0, 180.0, 3000.0)
        """
        times = min(max(answer_s / self.usual_answer_s, 1.0), MOST_TIMES)
        return replace(
            self, lost_s=times * self.lost_s, answer_s=times * self.answer_s, overtime_s=times * self.overtime_s
        )

    def pause_s(self, waited_s: float, query_s: float) -> float:
        """The pause before the next question about a job that has been waited for so long.

        `query_s` is the processor time that a question costs the board, 0 where it is unknown.

        >>> patience, dear_s = Patience(), 1.2
        >>> patience.pause_s(900.0, 0.0), patience.pause_s(0.0, dear_s), patience.pause_s(400.0, dear_s)
        (1.0, 10.0, 20.0)
        >>> patience.pause_s(3600.0, 0.4), patience.pause_s(3600.0, 30.0)
        (20.0, 60.0)
        """
        longest_s = min(QUERY_TIMES * query_s, LONGEST_POLL_S)
        dear_s = DEAR_TIMES * max(query_s - USUAL_QUERY_S, 0.0)
        return max(self.poll_s, min(longest_s, max(SEEN_LATE * waited_s, dear_s)))
