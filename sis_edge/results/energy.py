"""Energy per inference, from the power samples and the energy blocks of a record.

A block is one network running back to back; its energy is the total rails' power integrated over it. Gross energy per
inference is that divided by the inferences; net energy leaves out what the idle board would have taken meanwhile,
its power being measured before and after and interpolated between. Without sensor, rule or samples there is no number
but a reason.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from math import sqrt

import numpy as np
from numpy.typing import NDArray

from sis_agent.schema import PowerTrace, Record, Window
from sis_edge.results.schema import StoredRun
from sis_edge.results.statistics import Interval, mean_interval

IDLE_BEFORE, IDLE_AFTER = "idle_before", "idle_after"

# An integral stands on so many samples at least: with fewer, the sensor is too slow for the window.
MIN_SAMPLES = 4
# The sampler was held up where samples are further apart than so many times its usual step, and than this share of
# the window.
GAP_STEPS = 6
GAP_SHARE = 0.1
# A variance of two blocks is hardly one: Student's t is then 12.7.
MIN_BLOCKS = 3
# The idle windows are cut into pieces, whose means tell how well the mean of all is known in spite of correlated noise.
IDLE_PIECES = 8


@dataclass(frozen=True)
class NetworkEnergy:
    """Energy of one inference [J] with its 95% interval; `reason` says why a number is None.

    `scope` is what the total covers (module, carrier, package, wall ...), `source` the sensor, `blocks` the number of
    energy blocks that could be used.
    """

    gross_j: float | None = None
    gross_low: float | None = None
    gross_high: float | None = None
    net_j: float | None = None
    net_low: float | None = None
    net_high: float | None = None
    scope: str | None = None
    source: str | None = None
    blocks: int = 0
    reason: str | None = None


@dataclass(frozen=True)
class Idle:
    """Power of the board at rest [W] before and after, at the middles of the two windows [s], with standard errors.

    `drift` is the difference as a share of the mean.
    """

    before_w: float
    after_w: float
    before_s: float
    after_s: float
    before_error_w: float
    after_error_w: float

    @property
    def drift(self) -> float:
        """How much the idle power changed, as a share of its mean; infinite where the mean is not above 0."""
        mean_w = (self.before_w + self.after_w) / 2
        return abs(self.after_w - self.before_w) / mean_w if mean_w > 0 else float("inf")

    def power_w(self, time_s: float) -> float:
        """The idle power at a time, on the straight line through the two windows."""
        share = self._share(time_s)
        return (1 - share) * self.before_w + share * self.after_w

    def error_w(self, time_s: float) -> float:
        """Its standard error."""
        share = self._share(time_s)
        return sqrt(((1 - share) * self.before_error_w) ** 2 + (share * self.after_error_w) ** 2)

    def _share(self, time_s: float) -> float:
        length_s = self.after_s - self.before_s
        return (time_s - self.before_s) / length_s if length_s > 0 else 0.5


class Total:
    """The total power of a trace as a function of time, to be integrated over windows.

    A sensor with an update interval averages over it, and its answer is first seen somewhere within the next read:
    the sample belongs to the middle of that, so it is moved back by half an update and half a read. Between samples
    power is a straight line (trapezoid). A window's edges are where the load changes, and an answer that straddles one
    says nothing of either side: from the edge to the first sample that lies in the window for certain, power is that
    sample's. (Straight lines across the edges lost 0.4 updates' worth of the change in a block between two rests.)
    Counters of energy are taken as they are.
    """

    def __init__(self, trace: PowerTrace, rails: Sequence[str]) -> None:
        self._counts = not trace.power_w
        columns = [trace.energy_j[rail] if self._counts else trace.power_w[rail] for rail in rails]
        values = np.array(columns, dtype=np.float64).sum(axis=0)  # None becomes NaN
        step_s, update_s = trace.sample_interval_s, trace.update_interval_s
        lag_s = 0.0 if self._counts or update_s is None else (update_s + min(step_s, update_s)) / 2
        self._straddles_s = lag_s  # half an update, and half a read's doubt of when that was
        times_s = np.asarray(trace.times_s, dtype=np.float64)
        if lag_s > 0:  # the last answer holds until it was read
            times_s, values = np.append(times_s - lag_s, times_s[-1]), np.append(values, values[-1])
        known = np.isfinite(values)
        self._holes_s = times_s[~known]
        self._times_s = times_s[known]
        self._values = values[known]
        self._energy_j = self._values if self._counts else self._integrated()
        self._gap_s = GAP_STEPS * max(step_s, update_s or 0.0)

    def fault(self, window: Window) -> str | None:
        """Why this window cannot be integrated; None where it can."""
        times_s = self._times_s
        if not len(times_s) or window.start_s < times_s[0] or window.end_s > times_s[-1]:
            return "the power samples do not cover it"
        inside = (times_s > window.start_s) & (times_s < window.end_s)
        if inside.sum() < MIN_SAMPLES:
            return f"the sensor is too slow for it ({inside.sum()} samples in {window.end_s - window.start_s:.2g} s)"
        first, last = np.flatnonzero(inside)[[0, -1]]
        around_s = times_s[first - 1 : last + 2]
        if np.diff(around_s).max() > max(self._gap_s, GAP_SHARE * (window.end_s - window.start_s)):
            return "the power samples have a gap in it"
        if ((self._holes_s >= around_s[0]) & (self._holes_s <= around_s[-1])).any():
            return "the sensor could not be read within it"
        return None

    def energy_j(self, window: Window) -> float:
        """Energy of a window without fault, in joules."""
        if self._counts:
            start_j, end_j = np.interp([window.start_s, window.end_s], self._times_s, self._energy_j)
            return float(end_j - start_j)
        certain = (window.start_s + self._straddles_s, window.end_s - self._straddles_s)
        first = int(np.searchsorted(self._times_s, certain[0], side="left"))
        last = int(np.searchsorted(self._times_s, certain[1], side="right")) - 1
        if last < first:  # a piece of a window, shorter than an update or two
            middle_w = np.interp((window.start_s + window.end_s) / 2, self._times_s, self._values)
            return float(middle_w) * (window.end_s - window.start_s)
        before_j = self._values[first] * (self._times_s[first] - window.start_s)
        after_j = self._values[last] * (window.end_s - self._times_s[last])
        return float(before_j + self._energy_j[last] - self._energy_j[first] + after_j)

    def power_w(self, window: Window) -> float:
        """Mean power of a window without fault, in watts."""
        return self.energy_j(window) / (window.end_s - window.start_s)

    def _integrated(self) -> NDArray[np.float64]:
        steps = np.diff(self._times_s) * (self._values[1:] + self._values[:-1]) / 2
        return np.concatenate([[0.0], np.cumsum(steps)])


def total(record: Record) -> Total | str:
    """The total power of a record, or the reason why there is none."""
    power = record.power
    if power.status != "measured" or not power.traces:
        return f"unavailable ({power.reason or 'the board gave no reason'})"
    if not power.total_rails:
        return power.reason or "no total is claimed: the profile has no rule for it"
    missing = [rail for rail in power.total_rails if rail not in power.traces[0].rails]
    if missing:
        return f"the record names {missing[0]} for the total and has no such rail"
    if len(power.traces[0].times_s) < 2:
        return "the sensor gave fewer than two samples"
    return Total(power.traces[0], power.total_rails)


def idle(record: Record) -> Idle | str:
    """The board's power at rest before and after, or the reason why it is not known."""
    power = total(record)
    if isinstance(power, str):
        return power
    found = []
    for name in (IDLE_BEFORE, IDLE_AFTER):
        window = next((window for window in record.windows if window.name == name), None)
        if window is None:
            return f"there is no window {name}: the job did not get that far"
        fault = power.fault(window)
        if fault is not None:
            return f"window {name}: {fault}"
        found.append((power.power_w(window), (window.start_s + window.end_s) / 2, _error_w(power, window)))
    (before_w, before_s, before_error_w), (after_w, after_s, after_error_w) = found
    return Idle(before_w, after_w, before_s, after_s, before_error_w, after_error_w)


def per_inference(run: StoredRun) -> dict[str, NetworkEnergy]:
    """Energy per inference of every network that the record has."""
    return of_record(run.record)


def of_record(record: Record) -> dict[str, NetworkEnergy]:
    """As `per_inference`, from the record alone."""
    names = [network.name for network in record.networks]
    power = total(record)
    if isinstance(power, str):
        return {name: NetworkEnergy(reason=power) for name in names}
    rest = idle(record)
    labels = NetworkEnergy(scope=record.power.scope, source=record.power.traces[0].source)
    return {name: _network(record, name, power, rest, labels) for name in names}


def _network(record: Record, name: str, power: Total, rest: Idle | str, labels: NetworkEnergy) -> NetworkEnergy:
    gross, net, idle_errors, faults = [], [], [], []
    for block in record.energy_blocks:
        if block.network != name:
            continue
        window = Window(name, block.start_s, block.end_s)
        fault = power.fault(window) if block.inferences > 0 else "it has no inference"
        if fault is not None:
            faults.append(f"energy block {block.block}: {fault}")
            continue
        length_s, energy_j, middle_s = (
            block.end_s - block.start_s,
            power.energy_j(window),
            (block.start_s + block.end_s) / 2,
        )
        gross.append(energy_j / block.inferences)
        if isinstance(rest, Idle):
            net.append((energy_j - rest.power_w(middle_s) * length_s) / block.inferences)
            idle_errors.append(rest.error_w(middle_s) * length_s / block.inferences)
    found = replace(labels, blocks=len(gross))
    if not gross:
        return replace(found, reason=faults[0] if faults else "no energy block of it was run")
    interval, reason = _interval(gross), None
    if interval is None:
        reason = f"an interval needs {MIN_BLOCKS} energy blocks, there are {len(gross)}"
    low, high = (interval.low, interval.high) if interval else (None, None)
    found = replace(found, gross_j=float(np.mean(gross)), gross_low=low, gross_high=high, reason=reason)
    if isinstance(rest, str):
        return replace(found, reason=f"net energy is not known: {rest}")
    interval = _interval(net, float(np.mean(idle_errors)))
    low, high = (interval.low, interval.high) if interval else (None, None)
    return replace(found, net_j=float(np.mean(net)), net_low=low, net_high=high)


def _interval(values: Sequence[float], common_error: float = 0.0) -> Interval | None:
    """Of the mean of the blocks, which lie apart and are as good as independent; `common_error` is the idle power's."""
    return mean_interval(values, common_error) if len(values) >= MIN_BLOCKS else None


def _error_w(power: Total, window: Window) -> float:
    """Standard error of a window's mean power, from the means of its pieces."""
    edges_s = np.linspace(window.start_s, window.end_s, IDLE_PIECES + 1)
    means_w = [power.power_w(Window("", float(start), float(end))) for start, end in pairwise(edges_s)]
    return float(np.std(means_w, ddof=1)) / sqrt(IDLE_PIECES)
