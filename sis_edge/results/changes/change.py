"""A change of one metric, how well it is known, and how much more would have to be measured to know it better."""

from collections.abc import Callable
from dataclasses import dataclass
from math import ceil, sqrt

from sis_agent.measure.confidence import t_quantile
from sis_agent.schema import NetworkRecord
from sis_edge.results.schema import KnownNetwork, StoredRun
from sis_edge.results.statistics import Interval

MOST_SAMPLES = 100_000
MOST_PROCESSES = 50


@dataclass(frozen=True)
class Compared:
    """One form of a network in the run that measured it."""

    run: StoredRun
    entry: KnownNetwork
    record: NetworkRecord


@dataclass(frozen=True)
class Processes:
    """What worker processes add to an interval: `half` is that part of its half width, `count` how many there were."""

    count: int
    half: float


@dataclass(frozen=True)
class MetricChange:
    """From `base` to `candidate`, both in the metric's unit; `estimate` and the 95% `interval` as in `changes`.

    It stands on `samples` of `sampled` (rounds, energy blocks, test images ...). Where the interval is None, `reason`
    says why. `processes` is what they add to the interval, None where nothing was spread over them.
    """

    base: float
    candidate: float
    estimate: float
    interval: Interval | None
    samples: int
    sampled: str
    reason: str | None = None
    processes: Processes | None = None

    def needed(self, limit: float) -> str:
        """What would have to be measured to tell the change from `limit`, in words that go on from "needs"."""
        if self.interval is None:
            return self.reason or f"more {self.sampled}"
        distance = abs(limit - self.estimate)
        half = self.interval.high - self.estimate if limit > self.estimate else self.estimate - self.interval.low
        apart = min(self.processes.half, half) if self.processes is not None else 0.0
        if self.processes is not None and apart >= distance:
            return self._processes(distance)
        of_samples, room = half**2 - apart**2, distance**2 - apart**2
        number = self.samples * of_samples / room if room > 0 else MOST_SAMPLES + 1.0
        if number > MOST_SAMPLES:
            return f"more than {MOST_SAMPLES:,} {self.sampled}, since the change is about as large as the limit"
        return f"about {_rounded_up(max(number, self.samples + 1)):,} {self.sampled}"

    def _processes(self, distance: float) -> str:
        """How many processes bring down what they differ by; its share in the interval follows Student's t."""
        assert self.processes is not None
        one = self.processes.half * sqrt(self.processes.count) / t_quantile(self.processes.count - 1)
        for count in range(self.processes.count + 1, MOST_PROCESSES + 1):
            if one * t_quantile(count - 1) / sqrt(count) < distance:
                return f"about {count} processes, since they differ more than rounds do (--processes {count})"
        return f"more than {MOST_PROCESSES} processes, since the change is about as large as the limit"


def _rounded_up(number: float) -> int:
    """Two significant digits, upwards.

    >>> _rounded_up(41.2), _rounded_up(1234), _rounded_up(7)
    (42, 1300, 7)
    """
    step: int = 10 ** max(len(str(int(number))) - 2, 0)
    return ceil(round(number / step, 6)) * step


@dataclass(frozen=True)
class Metric:
    """What can change. `of` gives the change, or why it is not known.

    `unit` is that of base and candidate, "" for shares. A change `in_points` is a difference of shares. `varies`: a
    second measurement gives another value, so that one alone may be off by chance. `timed`: it is only as good as the
    board's clocks and quiet. `on_board`: it is not known of a network that the board could not run, or ran as another
    function.
    """

    name: str
    title: str
    unit: str
    of: Callable[[Compared, Compared], "MetricChange | str"]
    in_points: bool = False
    varies: bool = True
    timed: bool = False
    on_board: bool = True
