"""Waiting for the board's power to come to rest after load: clocks, fans and leakage take seconds to fall.

How long that takes differs from board to board, so the sensor itself is asked; where none can be read, time has to do.
"""

from math import sqrt
from typing import Callable, List, Optional, Sequence, Tuple

from sis_agent.measure.context import MeasurementContext
from sis_agent.schema import PowerRequest

# Power is judged over the last so many seconds, and over this share of the wait as it goes on; cut into pieces.
LOOK_S = 8.0
LOOK_SHARE = 0.35
PIECES = 16
FEWEST_SAMPLES = 4
# It falls where it does so beyond its noise (standard errors), and by this share of its mean.
FALLS = 3.0
FALL_SHARE = 0.005
STEP_S = 0.5
SHORTEST_STEP_S = 0.05

# At the ends of the blocks the board may take so many times its idle windows to come to rest; between them one.
ENDS_LIMIT = 3.0
# A window between two rounds of blocks is this share of those at the ends, and no shorter than a block, where its
# sensor has as many samples as it needs.
BETWEEN_SHARE = 0.25
# After the last inference a board's clocks and its sensors' averages need a moment in any case, and where no sensor
# can be read this share of an idle window.
SETTLE_S = 1.0
UNSEEN_SHARE = 0.5

Samples = List[Tuple[float, float]]
# The samples of the total since a time on the job's clock [s]: (time [s], power [W]).
Recent = Callable[[float], Samples]


def falls(samples: Sequence[Tuple[float, float]]) -> bool:
    """Whether power [W] falls over these samples (time [s], power); few samples cannot tell, and count as falling."""
    if len(samples) < FEWEST_SAMPLES:
        return True
    count = min(PIECES, len(samples))
    pieces = [samples[index * len(samples) // count : (index + 1) * len(samples) // count] for index in range(count)]
    means = [(_mean([time_s for time_s, _ in piece]), _mean([watts for _, watts in piece])) for piece in pieces]
    middle_s, level_w = _mean([time_s for time_s, _ in means]), _mean([watts for _, watts in means])
    spread = sum((time_s - middle_s) ** 2 for time_s, _ in means)
    if spread == 0:
        return True
    slope = sum((time_s - middle_s) * (watts - level_w) for time_s, watts in means) / spread
    rest = sum((watts - level_w - slope * (time_s - middle_s)) ** 2 for time_s, watts in means)
    error = sqrt(rest / (count - 2) / spread)
    fall_w = -slope * (samples[-1][0] - samples[0][0])
    return slope < -FALLS * error and fall_w > FALL_SHARE * abs(level_w)


def wait(recent: Recent, sleep: Callable[[float], None], now_s: Callable[[], float], limit_s: float) -> bool:
    """Wait until power no longer falls, `limit_s` at most; returns whether it came to rest.

    `recent(since_s)` gives the samples of the total since then, by the clock `now_s`.
    """
    begin_s = now_s()
    look_s = min(LOOK_S, limit_s / 3)
    while True:
        spent_s = now_s() - begin_s
        if spent_s >= look_s and not falls(recent(now_s() - max(look_s, LOOK_SHARE * spent_s))):
            return True
        if spent_s >= limit_s:
            return False
        left_s = min(STEP_S, limit_s - spent_s) if spent_s >= look_s else look_s - spent_s
        sleep(max(left_s, SHORTEST_STEP_S))  # what is left may be a rounding error, and no clock moves by that


class IdleWindows:
    """The idle windows of one job. Windows of no length are left out, and so are all where `idle_s` is 0."""

    def __init__(self, context: MeasurementContext, request: PowerRequest, recent: Optional[Recent]) -> None:
        self._context = context
        self._recent = recent
        self._idle_s = request.idle_s
        self._block_s = request.block_s

    def window(self, name: str) -> None:
        """Wait until the board has come to rest, and leave it idle for a window of that name."""
        if not self._idle_s:
            return
        between = name == "idle_between"
        context = self._context
        context.stop.sleep(SETTLE_S)
        if self._recent is None:
            context.stop.sleep(UNSEEN_SHARE * self._idle_s)
        else:
            limit_s = self._idle_s * (1.0 if between else ENDS_LIMIT)
            wait(self._recent, context.stop.sleep, context.elapsed_s, limit_s)
        length_s = min(max(BETWEEN_SHARE * self._idle_s, self._block_s), self._idle_s) if between else self._idle_s
        context.idle(name, length_s)


def _mean(values: Sequence[float]) -> float:
    return sum(values) / len(values)
