"""The first minute of a sustained run, its last, and all of it: latency, energy, calls."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import exp, log, sqrt

import numpy as np

from sis_agent.schema import SustainedWindow
from sis_edge.results.statistics import CONFIDENCE, Interval, mean_interval
from sis_edge.results.sustained.histogram import count, merged, middle, percentile

EDGE_S, EDGE_SHARE = 60.0, 0.25
"""How long the first and the last stretch are: a minute, and a quarter of a run that is short."""


@dataclass(frozen=True)
class SustainedStretch:
    """Some windows of a run together; `energy_j` is gross, of one call, and all is None where it is unknown.

    Times are of the call itself (service time); those from the scheduled start are `latency_*`, of paced runs only.
    `p50_low_s` and `p50_high_s` are the 95% interval of the windows' medians (Student's t), of two windows or more.
    `missed` are calls that ended after the next one was due, or that were due and never begun.
    """

    length_s: float
    calls: int
    p50_s: float | None
    p50_low_s: float | None
    p50_high_s: float | None
    p99_s: float | None
    latency_p50_s: float | None
    latency_p99_s: float | None
    due: int | None
    missed: int | None
    power_w: float | None
    energy_j: float | None


@dataclass(frozen=True)
class SustainedChange:
    """How many times as long a call takes in one stretch as in another; the interval is Welch's, over windows."""

    estimate: float
    interval: Interval | None


def edges(windows: Sequence[SustainedWindow]) -> tuple[list[SustainedWindow], list[SustainedWindow]]:
    """The windows of the first minute and those of the last: those that lie in it by more than their half."""
    begin_s, end_s = windows[0].start_s, windows[-1].end_s
    edge_s = min(EDGE_S, EDGE_SHARE * (end_s - begin_s))
    middles_s = [(window.start_s + window.end_s) / 2 for window in windows]
    first = [window for window, at_s in zip(windows, middles_s, strict=True) if at_s <= begin_s + edge_s]
    last = [window for window, at_s in zip(windows, middles_s, strict=True) if at_s >= end_s - edge_s]
    return first or [windows[0]], last or [windows[-1]]


def stretch(windows: Sequence[SustainedWindow], rails: Sequence[str]) -> SustainedStretch:
    """What these windows show; `rails` make up the total power, none: there is no rule for it."""
    service = merged(window.service for window in windows)
    latency = merged(window.latency for window in windows if window.latency is not None)
    length_s, calls = sum(window.end_s - window.start_s for window in windows), count(service)
    joules = [watts * (w.end_s - w.start_s) for w in windows if (watts := power_w(w, rails)) is not None]
    power = sum(joules) / length_s if len(joules) == len(windows) and length_s > 0 else None
    p50_s, medians = percentile(service, 50), medians_s(windows)
    interval = mean_interval(medians) if len(medians) > 1 and p50_s is not None else None
    dues = [window.due for window in windows if window.due is not None]
    due = sum(dues) if dues else None
    return SustainedStretch(
        length_s=length_s,
        calls=calls,
        p50_s=p50_s,
        p50_low_s=None if interval is None or p50_s is None else min(interval.low, p50_s),
        p50_high_s=None if interval is None or p50_s is None else max(interval.high, p50_s),
        p99_s=percentile(service, 99),
        latency_p50_s=percentile(latency, 50),
        latency_p99_s=percentile(latency, 99),
        due=due,
        missed=None if due is None else sum(window.missed or 0 for window in windows),
        power_w=power,
        energy_j=None if power is None or not calls else power * length_s / calls,
    )


def power_w(window: SustainedWindow, rails: Sequence[str]) -> float | None:
    """The total power of a window; None where a rail of it is unknown, or no rule says which they are."""
    watts = [window.power_w.get(rail) for rail in rails]
    known = [each for each in watts if each is not None]
    return sum(known) if rails and len(known) == len(watts) else None


def medians_s(windows: Sequence[SustainedWindow]) -> list[float]:
    """The median service time of each window that has calls."""
    return [found for window in windows if (found := middle(window.service)) is not None and found > 0]


def times_as_long(before: Sequence[float], after: Sequence[float]) -> SustainedChange | None:
    """`after` over `before`, by the medians of their windows [s]; None where either has none.

    On logarithms, whose means differ by Welch's t (1947): windows of two stretches may spread unequally.
    """
    if not before or not after:
        return None
    from scipy.special import stdtrit

    one, two = ([log(value) for value in values] for values in (before, after))
    estimate = float(np.mean(two) - np.mean(one))
    if min(len(one), len(two)) < 2:
        return SustainedChange(exp(estimate), None)
    parts = [float(np.var(logs, ddof=1)) / len(logs) for logs in (one, two)]
    spread = sum(parts)
    half = 0.0
    if spread > 0:
        freedom = spread**2 / sum(part**2 / (len(logs) - 1) for part, logs in zip(parts, (one, two), strict=True))
        half = float(stdtrit(freedom, 0.5 + CONFIDENCE / 2)) * sqrt(spread)
    return SustainedChange(exp(estimate), Interval(exp(estimate - half), exp(estimate + half)))
