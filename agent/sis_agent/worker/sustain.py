"""One network at work for minutes, back to back or paced, told window by window.

Paced calls follow a schedule that is fixed before the first of them (an open loop): call k is due k / rate after the
start, whatever the calls before it took. Its latency counts from there, so a call that holds up the next ones is in
their latencies too, where a loop that waits for each answer would leave it out ("coordinated omission"); the time of
the call itself is its service time. Calls of one window are counted in histograms, so memory does not grow with them.
"""

import gc
import math
import time
from typing import Any, Callable, Dict, List, Optional

from sis_agent import clock
from sis_agent.schema import BUCKET_RATIO, LatencyCounts

FOLD_AT = 4096
"""So many latencies are kept as they are before they are counted, so that counting seldom comes between two calls."""

LEAST_S = 1e-9
_PER_BUCKET = math.log(BUCKET_RATIO)


class Histogram:
    """Latencies [s] of one window."""

    def __init__(self) -> None:
        self._fresh: List[float] = []
        self._counts: Dict[int, int] = {}
        self._sum_s = self._max_s = 0.0
        self._min_s = math.inf

    def add(self, latency_s: float) -> None:
        """Count one."""
        self._fresh.append(latency_s)
        if len(self._fresh) >= FOLD_AT:
            self._fold()

    def counted(self) -> LatencyCounts:
        """All so far; of none, sum, least and most are 0."""
        self._fold()
        buckets = sorted(self._counts)
        least_s = self._min_s if buckets else 0.0
        return LatencyCounts(buckets, [self._counts[each] for each in buckets], self._sum_s, least_s, self._max_s)

    def _fold(self) -> None:
        for latency_s in self._fresh:
            bucket = math.floor(math.log(max(latency_s, LEAST_S)) / _PER_BUCKET)
            self._counts[bucket] = self._counts.get(bucket, 0) + 1
        if self._fresh:
            self._sum_s += sum(self._fresh)
            self._min_s, self._max_s = min(self._min_s, *self._fresh), max(self._max_s, *self._fresh)
        self._fresh = []


class Schedule:
    """When paced calls are due: `rate_hz` a second from `start_s` until `end_s`; None: as soon as the one before ended.

    Latencies, lateness and schedules are told of paced calls only.
    """

    def __init__(self, start_s: float, end_s: float, rate_hz: Optional[float]) -> None:
        self._start_s = start_s
        self._end_s = end_s
        self._rate_hz = rate_hz

    def start_s(self, call: int, now_s: float) -> float:
        """When a call is due, by its number from 0."""
        return now_s if self._rate_hz is None else self._start_s + call / self._rate_hz

    def is_missed(self, latency_s: float) -> bool:
        """Whether a call ended after the next one was due."""
        return self._rate_hz is not None and latency_s * self._rate_hz > 1

    def due_before(self, time_s: float) -> int:
        """How many calls are due before that time."""
        if self._rate_hz is None:
            return 0
        return max(0, math.ceil((min(time_s, self._end_s) - self._start_s) * self._rate_hz - 1e-9))


class _Window:
    """What is counted of one window."""

    def __init__(self, start_s: float) -> None:
        self.start_s = start_s
        self.service, self.latency = Histogram(), Histogram()
        self.missed = 0

    def told(self, end_s: float, schedule: Schedule, is_paced: bool) -> Dict[str, Any]:
        told: Dict[str, Any] = {"start_s": self.start_s, "end_s": end_s, "service": self.service.counted()}
        if is_paced:
            due = schedule.due_before(end_s) - schedule.due_before(self.start_s)
            told.update(latency=self.latency.counted(), due=due, missed=self.missed)
        return told


def sustain(
    step: Callable[[], Any],
    time_s: float,
    window_s: float,
    rate_hz: Optional[float],
    report: Callable[[Dict[str, Any]], None],
    now_s: Callable[[], float] = clock.now_s,
    sleep: Callable[[float], None] = time.sleep,
) -> None:
    """Call for `time_s` and `report` each window as it ends; what is due and was not begun by the end is left out.

    Windows are equal, of `window_s` or a little more or less; one ends with the first call that ends behind its length.
    """
    count = max(1, round(time_s / window_s))
    collecting = gc.isenabled()
    gc.disable()
    try:
        start_s = time_is_s = now_s()
        end_s = start_s + time_s
        schedule = Schedule(start_s, end_s, rate_hz)
        window, calls, ended = _Window(start_s), 0, 0
        while time_is_s < end_s:
            window_end_s = end_s if ended + 1 >= count else start_s + (ended + 1) * time_s / count
            due_s = schedule.start_s(calls, time_is_s)
            if due_s > time_is_s:
                sleep(min(due_s, window_end_s) - time_is_s)
                time_is_s = now_s()
            if due_s <= time_is_s < window_end_s:
                begin_s = now_s()
                step()
                time_is_s = now_s()
                calls += 1
                window.service.add(time_is_s - begin_s)
                if rate_hz is not None:
                    window.latency.add(time_is_s - due_s)
                    window.missed += schedule.is_missed(time_is_s - due_s)
            if time_is_s >= window_end_s:
                report(window.told(time_is_s, schedule, rate_hz is not None))
                window = _Window(time_is_s)
                ended = int((time_is_s - start_s) * count / time_s)  # a call may be longer than a window
    finally:
        if collecting:
            gc.enable()
