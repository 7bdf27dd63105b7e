"""Latency of one call: round by round where both networks ran in one run, else run against run."""

from collections.abc import Mapping, Sequence
from math import expm1, log
from statistics import median

from sis_agent.measure.confidence import process_half_width
from sis_edge.results.changes.change import Compared, Metric, MetricChange, Processes
from sis_edge.results.rows.latency import round_latencies, round_processes
from sis_edge.results.statistics import MIN_ROUNDS, RESAMPLES, Interval, SpeedUp, speed_up, unpaired_speed_up

ROUNDS = "rounds"

Rounds = Mapping[int, Sequence[float]]


def change(base: Compared, candidate: Compared) -> MetricChange | str:
    """The change of the median latency [s]; two runs are compared with what each of them varies by alone."""
    before, after = round_latencies(base.record), round_latencies(candidate.record)
    processes = round_processes(candidate.record)
    try:
        if base.run is candidate.run:
            return of_rounds(before, after, processes)
        found = unpaired_speed_up(after, before, processes=(processes, round_processes(base.record)))
        return _change(before, after, found, None) if found else "one of the runs has no latency of it"
    except ValueError as error:
        return str(error)


def of_rounds(
    base: Rounds, candidate: Rounds, processes: Mapping[int, int] | None = None, resamples: int = RESAMPLES
) -> MetricChange | str:
    """By the rounds that hold both networks, whose ratio leaves out a drift that is slow against a round."""
    found = speed_up(candidate, base, resamples=resamples, processes=processes)
    if found is None:
        return "no round has a latency of both"
    shared = sorted(number for number in base.keys() & candidate.keys() if base[number] and candidate[number])
    return _change(base, candidate, found, _differing(base, candidate, shared, processes, found.estimate))


def _change(base: Rounds, candidate: Rounds, found: SpeedUp, processes: Processes | None) -> MetricChange:
    """The change for how many times as long the candidate takes."""
    interval = None if found.interval is None else Interval(found.interval.low - 1, found.interval.high - 1)
    return MetricChange(
        base=_median(base),
        candidate=_median(candidate),
        estimate=found.estimate - 1,
        interval=interval,
        samples=found.rounds,
        sampled=ROUNDS,
        reason=None if interval else f"{MIN_ROUNDS} rounds for an interval, and there are {found.rounds}",
        processes=processes,
    )


def _median(rounds: Rounds) -> float:
    """Of the rounds' medians, so that it agrees with the change, which goes by rounds."""
    return median(median(latencies) for latencies in rounds.values() if latencies)


def _differing(
    base: Rounds, candidate: Rounds, shared: Sequence[int], processes: Mapping[int, int] | None, ratio: float
) -> Processes | None:
    """What processes add to the interval, as a share like the interval's own ends; None where there was only one."""
    of_round = [processes[number] for number in shared] if processes else []
    if (count := len(set(of_round))) < 2:
        return None
    logs = [log(median(candidate[number]) / median(base[number])) for number in shared]
    return Processes(count, ratio * expm1(process_half_width(logs, of_round)))


METRIC = Metric("latency", "latency (median)", "s", change, timed=True)
