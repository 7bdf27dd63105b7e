"""One network against another, quantity by quantity: B over A with an interval, or the difference of accuracies."""

from collections.abc import Mapping
from dataclasses import dataclass
from math import exp, hypot, log
from typing import Literal

from sis_agent.schema import Accuracy
from sis_edge.results.comparison import EMULATED, no_accuracy, problem_of
from sis_edge.results.energy import OTHER_SENSOR, NetworkEnergy
from sis_edge.results.rows.accuracy import OTHER_IMAGES, Drop, Pair
from sis_edge.results.rows.figure import Figure
from sis_edge.results.rows.latency import latency_figures, round_latencies, round_processes
from sis_edge.results.rows.start import memory_figures
from sis_edge.results.schema import StoredRun
from sis_edge.results.statistics import (
    MIN_ROUNDS,
    RESAMPLES,
    Interval,
    speed_up,
    unpaired_speed_up,
)

Finding = Literal["lower", "higher", "not significant", "equal", "unknown"]
RANGE = "range of repeated peaks"
"""Of a few processes, which carry no 95% interval."""
NO_NET = "a net energy that is not above 0 has no ratio"


@dataclass(frozen=True)
class QuantityChange:
    """A quantity of A and of B: `change` is B over A, for shares (`is_difference`) B less A, with its 95% interval.

    `name` is the quantity's column of a report's `results.csv`. `method` says how the interval was made; of memory it
    is a range. `finding` is where B lies beside A, "not significant" where the interval holds no change.
    """

    name: str
    a: Figure[float]
    b: Figure[float]
    change: Figure[float]
    interval: Figure[Interval]
    method: str
    is_difference: bool = False

    @property
    def finding(self) -> Finding:
        """Whether B is lower or higher than A, which only an interval can tell."""
        nothing = 0.0 if self.is_difference else 1.0
        interval = self.interval.value
        if interval is None:
            return "equal" if self.change.value == nothing else "unknown"
        if interval.low <= nothing <= interval.high:
            return "not significant"
        return "lower" if interval.high < nothing else "higher"


@dataclass(frozen=True)
class Side:
    """A network of one run and its energy; `problem` says what went wrong with it, or with the run."""

    run: StoredRun
    pair: Pair
    energy: NetworkEnergy | None
    problem: str | None

    @classmethod
    def of(cls, run: StoredRun, pair: Pair, wrong: Mapping[str, str], energies: Mapping[str, NetworkEnergy]) -> "Side":
        """A network of a run, by the networks of it that are `wrong` and the energies that it has."""
        record = pair[1]
        problem = problem_of(run, record, wrong)
        if run.record.facts_before.emulated:
            problem = EMULATED
        return cls(run, pair, energies.get(record.name) if record else None, problem)

    @property
    def accuracy(self) -> Accuracy | None:
        """What the board counted."""
        record = self.pair[1]
        return record.accuracy if record and record.accuracy and record.accuracy.images else None


def latency(a: Side, b: Side, is_paired: bool, seed: int, resamples: int = RESAMPLES) -> QuantityChange:
    """The median latency of one call, B over A: by shared rounds where there are any, else between two runs."""
    reason = a.problem or b.problem or "no latency was recorded"
    change, interval = Figure[float].unknown(reason), Figure[Interval].unknown(reason)
    one, other = round_latencies(a.pair[1]), round_latencies(b.pair[1])
    processes = round_processes(b.pair[1]), round_processes(a.pair[1])
    found = None
    try:
        if not (a.problem or b.problem):
            found = (
                speed_up(other, one, seed, resamples, processes[0])
                if is_paired
                else unpaired_speed_up(other, one, seed, resamples, processes)
            )
    except ValueError as error:
        change, interval = Figure.unknown(str(error)), Figure.unknown(str(error))
    if found is not None:
        few = f"insufficient ({found.rounds} rounds, an interval needs {MIN_ROUNDS})"
        change, interval = Figure(found.estimate), Figure.of(found.interval, few)
    method = "paired by round" if is_paired else "unpaired"
    return QuantityChange("latency_p50_s", _p50_s(a), _p50_s(b), change, interval, method)


def energy(a: Side, b: Side) -> QuantityChange:
    """Net energy of one call, B over A; the two intervals are taken as independent."""
    one, other = _net_j(a), _net_j(b)
    sensors = {(side.energy.source, side.energy.scope) for side in (a, b) if side.energy and side.energy.source}
    change = _ratio(one, other, NO_NET) if len(sensors) < 2 else Figure[float].unknown(OTHER_SENSOR)
    interval = None if change.value is None else _of_ratio(a.energy, b.energy)
    reason = change.reason or "one of the energies has no interval above 0"
    return QuantityChange("energy_net_j", one, other, change, Figure.of(interval, reason), "independent intervals")


def memory(a: Side, b: Side) -> QuantityChange:
    """The peak of the process's resident memory, B over A, with the range of all pairs of their repeated peaks."""
    one, other = _peak_bytes(a), _peak_bytes(b)
    change = _ratio(one, other, "a peak of 0 bytes has no ratio")
    peaks, others = _peaks(a), _peaks(b)
    found = None
    if change.value is not None and min(len(peaks), len(others)) > 1 and min(*peaks, *others) > 0:
        found = Interval(min(others) / max(peaks), max(others) / min(peaks))
    interval = Figure.of(found, change.reason or "each peak was measured once")
    return QuantityChange("peak_rss_bytes", one, other, change, interval, RANGE if found else "no interval")


def accuracy(a: Side, b: Side, is_same_images: bool) -> QuantityChange:
    """Top-1 on the board, B less A: by image where it is known which ones each gets wrong."""
    left, right = _top1(a), _top1(b)
    missing, one, other = left.reason or right.reason, a.accuracy, b.accuracy
    if missing or one is None or other is None:
        reason = missing or "no accuracy was counted"
        change, interval, method = Figure[float].unknown(reason), Figure[Interval].unknown(reason), "no interval"
    elif not is_same_images or one.images != other.images:
        change, interval, method = Figure.unknown(OTHER_IMAGES), Figure.unknown(OTHER_IMAGES), "no interval"
    else:
        lead = Drop.of(other, one)  # of B over A: how far A is below it
        change, interval = lead.estimate, lead.interval
        method = "paired by image" if lead.is_paired.value else "unpaired"
    return QuantityChange("device_accuracy", left, right, change, interval, method, is_difference=True)


def _p50_s(side: Side) -> Figure[float]:
    return latency_figures(side.pair[1], side.problem or "no latency was recorded").p50_s


def _peak_bytes(side: Side) -> Figure[float]:
    return memory_figures(side.pair[1], side.problem or "no memory was recorded").peak_rss_bytes.map(float)


def _peaks(side: Side) -> list[int]:
    """The peaks [B] of the processes that measured it."""
    record = side.pair[1]
    return record.memory.repeats_peak_rss_bytes if record and record.memory else []


def _net_j(side: Side) -> Figure[float]:
    found = side.energy
    reason = side.problem or (found.reason if found else None) or "no energy was measured of it"
    return Figure.of(found.net_j if found and not side.problem else None, reason)


def _top1(side: Side) -> Figure[float]:
    found = side.accuracy
    if side.problem and side.problem != EMULATED:  # an emulator is slow, not wrong
        return Figure.unknown(side.problem)
    return Figure.of(found.correct / found.images if found else None, no_accuracy(side.pair[0]))


def _ratio(a: Figure[float], b: Figure[float], not_positive: str) -> Figure[float]:
    if a.value is None or b.value is None:
        return Figure.unknown(a.reason or b.reason or not_positive)
    return Figure(b.value / a.value) if min(a.value, b.value) > 0 else Figure.unknown(not_positive)


def _of_ratio(a: NetworkEnergy | None, b: NetworkEnergy | None) -> Interval | None:
    """The interval of B over A by those of both: half widths in quadrature on the logarithmic scale."""
    one, other = _logs(a), _logs(b)
    if one is None or other is None:
        return None
    change = other[1] - one[1]
    low, high = hypot(other[1] - other[0], one[2] - one[1]), hypot(other[2] - other[1], one[1] - one[0])
    return Interval(exp(change - low), exp(change + high))


def _logs(energy: NetworkEnergy | None) -> tuple[float, float, float] | None:
    """Logarithms of the net energy's lower end, estimate and upper end; None where one is unknown or not above 0."""
    if energy is None or energy.net_j is None or energy.net_low is None or energy.net_high is None:
        return None
    return (log(energy.net_low), log(energy.net_j), log(energy.net_high)) if energy.net_low > 0 else None
