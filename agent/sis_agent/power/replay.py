"""A recorded trace, played against the clock: how a board that was recorded once is read again.

The recording lies in the board's file tree as JSON: {"rails": [...], "update_interval_s": ..., "times_s": [...],
"power_w": {rail: [...]}}, times from 0 on. Between two samples the sensor holds its last answer, as real ones do;
before the first and after the end there is none.
"""

import bisect
import json
from typing import Callable, Dict, List, Optional

from sis_agent import clock
from sis_agent.commands import Commands
from sis_agent.power.base import Source, UnavailableError
from sis_agent.tree import Tree

FILE = "recorded/power.json"


class Replay(Source):
    """The recording's clock starts with the first read."""

    def __init__(
        self,
        times_s: List[float],
        power_w: Dict[str, List[Optional[float]]],
        update_interval_s: Optional[float],
        now_s: Callable[[], float] = clock.now_s,
    ) -> None:
        super().__init__(list(power_w), [], update_interval_s)
        self._times_s = times_s
        self._power_w = power_w
        gaps_s = [times_s[index + 1] - times_s[index] for index in range(len(times_s) - 1)]
        self._hold_s = max([update_interval_s or 0.0, *gaps_s])
        self._now_s = now_s
        self._start_s: Optional[float] = None

    def read(self) -> Dict[str, Optional[float]]:
        """The recording's values at this time since the first read."""
        now_s = self._now_s()
        if self._start_s is None:
            self._start_s = now_s
        elapsed_s = now_s - self._start_s
        index = bisect.bisect_right(self._times_s, elapsed_s) - 1
        if index < 0 or elapsed_s > self._times_s[-1] + self._hold_s:
            return dict.fromkeys(self.rails)
        return {rail: self._power_w[rail][index] for rail in self.rails}


def open_source(tree: Tree, commands: Commands) -> Source:
    """The recording of a recorded board; raises UnavailableError."""
    if tree.is_real:
        raise UnavailableError("this is a real board, not a recorded one")
    text = tree.text(FILE)
    if text is None:
        raise UnavailableError("the recorded board has no {}".format(FILE))
    try:
        data = json.loads(text)
        power_w = {rail: list(data["power_w"][rail]) for rail in data["rails"]}
        times_s = [float(time_s) for time_s in data["times_s"]]
        if not times_s or any(len(values) != len(times_s) for values in power_w.values()):
            raise ValueError("every rail needs a value at every time")
        return Replay(times_s, power_w, data.get("update_interval_s"))
    except (ValueError, KeyError, TypeError) as error:
        raise UnavailableError("{} cannot be read ({})".format(tree.path(FILE), error))
