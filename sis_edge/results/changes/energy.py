"""Gross energy of one call: block by block where both networks ran in one run, else run against run."""

from collections.abc import Sequence
from math import exp, expm1, log
from statistics import mean

from sis_edge.results.changes.change import Compared, Metric, MetricChange
from sis_edge.results.changes.independent import log_ratio
from sis_edge.results.energy import MIN_BLOCKS, OTHER_SENSOR, gross_by_block
from sis_edge.results.statistics import Interval, mean_interval

BLOCKS = "energy blocks"


def change(base: Compared, candidate: Compared) -> MetricChange | str:
    """The change of the mean energy [J], which holds what the idle board would have taken meanwhile."""
    found = [gross_by_block(each.run.record, each.record.name) for each in (base, candidate)]
    for each in found:
        if isinstance(each, str):
            return each
    before, after = ({block: joules for block, joules in each.items() if joules > 0} for each in found)  # type: ignore[union-attr]
    if base.run is not candidate.run:
        if _sensor(base) != _sensor(candidate):
            return OTHER_SENSOR
        return _between(list(before.values()), list(after.values()))
    shared = sorted(before.keys() & after.keys())
    return _paired([before[block] for block in shared], [after[block] for block in shared])


def _sensor(one: Compared) -> tuple[str | None, list[str]]:
    """What the energies of a run cover, and which sensors said so."""
    power = one.run.record.power
    return power.scope, [trace.source for trace in power.traces]


def _paired(base: Sequence[float], candidate: Sequence[float]) -> MetricChange | str:
    if not base:
        return "no energy block could be used of both"
    logs = [log(after / before) for before, after in zip(base, candidate, strict=True)]
    interval = mean_interval(logs) if len(logs) >= MIN_BLOCKS else None
    return _change(base, candidate, mean(logs), interval, len(logs))


def _between(base: Sequence[float], candidate: Sequence[float]) -> MetricChange | str:
    if not base or not candidate:
        return "one of the runs has no energy block that could be used"
    fewer = min(len(base), len(candidate))
    ratio, interval = log_ratio(base, candidate)
    return _change(base, candidate, ratio, interval if fewer >= MIN_BLOCKS else None, fewer)


def _change(
    base: Sequence[float], candidate: Sequence[float], ratio: float, interval: Interval | None, count: int
) -> MetricChange:
    return MetricChange(
        base=mean(base),
        candidate=mean(candidate),
        estimate=exp(ratio) - 1,
        interval=None if interval is None else Interval(expm1(interval.low), expm1(interval.high)),
        samples=count,
        sampled=BLOCKS,
        reason=None if interval else f"{MIN_BLOCKS} energy blocks for an interval, and there are {count}",
    )


METRIC = Metric("energy", "energy (gross)", "J", change, timed=True)
