"""The total power of a record as a function of time, and whether it can be the board's power at all."""

from collections.abc import Sequence
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from sis_agent.power import plausible
from sis_agent.schema import PowerTrace, Record, Window

IDLE = "idle_"  # what the names of all windows begin with in which the board rests
METER_RAIL = "meter"  # the rail of an external meter, to which the limits of the board's own sensor do not apply
# Readings that differ by no more than this share are one reading.
SAME = 1e-9

# An integral stands on so many samples at least: with fewer, the sensor is too slow for the window.
MIN_SAMPLES = 4
# The sampler was held up where samples are further apart than so many times its usual step, and than this share of
# the window.
GAP_STEPS = 6
GAP_SHARE = 0.1


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

    def constant_stretches(self) -> list[tuple[float, float, float]]:
        """Start, end [s] and power [W] of every stretch in which all readings of power are the same."""
        if self._counts or not len(self._values):
            return []
        moves = np.abs(np.diff(self._values)) > SAME * np.abs(self._values[1:])
        edges = np.concatenate([[0], np.flatnonzero(moves) + 1, [len(self._values)]])
        return [
            (float(self._times_s[first]), float(self._times_s[after - 1]), float(self._values[first]))
            for first, after in pairwise(edges)
            if after - first >= MIN_SAMPLES
        ]

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
    found = Total(power.traces[0], power.total_rails)
    fault = _fault(record, found)
    return found if fault is None else f"unavailable ({fault})"


def limits_w(record: Record) -> tuple[float | None, float | None]:
    """The least and the most that the board draws by its profile, within its sensor's scope; None is unknown."""
    request = record.job.power
    return (None, None) if request is None else (request.floor_w, request.max_w)


def _fault(record: Record, power: Total) -> str | None:
    """Why the readings cannot be the energy of this record's blocks; None where they can."""
    trace, rails = record.power.traces[0], record.power.total_rails
    floor_w, max_w = (None, None) if METER_RAIL in rails else limits_w(record)
    fault = plausible.fault(trace, rails, floor_w, max_w)
    if fault is not None:
        return fault
    blocks = sorted(record.energy_blocks, key=lambda block: block.start_s)
    for before, after in pairwise(blocks):
        if after.start_s < before.end_s - 1e-6:
            return (
                f"energy blocks overlap: {before.network} ran until {before.end_s:.2f} s, {after.network} from "
                f"{after.start_s:.2f} s"
            )
    rests = [window for window in record.windows if window.name.startswith(IDLE)]
    for window in rests:
        if any(window.start_s < block.end_s - 1e-6 and block.start_s < window.end_s - 1e-6 for block in blocks):
            return f"an energy block lies within the window {window.name}, in which the board rests"
    return _stuck(power, rests, [Window(block.network, block.start_s, block.end_s) for block in blocks])


def _stuck(power: Total, rests: Sequence[Window], blocks: Sequence[Window]) -> str | None:
    for start_s, end_s, power_w in power.constant_stretches():
        held = [
            [each for each in group if start_s <= each.start_s and each.end_s <= end_s] for group in (rests, blocks)
        ]
        if all(held):
            return (
                f"the sensor read exactly {power_w:.4g} W from {start_s:.1f} s to {end_s:.1f} s, at rest "
                f"({held[0][0].name}) and at work ({held[1][0].name}) alike: it is stuck, or too coarse"
            )
    return None
