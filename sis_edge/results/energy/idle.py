"""The board's power at rest as a function of time: what net energy leaves out, and how well that is known.

The board rests before and after the energy blocks, and between their rounds ("idle_between", which older records
lack). Idle power is a straight line from each window to the next. Where it wanders, the line is wrong by what it
wandered between two windows; a random walk whose rate the windows themselves show says by how much.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from math import sqrt

import numpy as np
from numpy.typing import NDArray

from sis_agent.schema import EnergyBlock, Record, Window
from sis_edge.results.energy.total import Total, total

IDLE_BEFORE, IDLE_BETWEEN, IDLE_AFTER = "idle_before", "idle_between", "idle_after"

# A window is cut into pieces, whose means tell how well the mean of all is known in spite of correlated noise.
IDLE_PIECES = 8
# The power in a window falls for certain where its slope is so many times its standard error.
FALLS = 4.0
# What falls after load falls with a time constant of a minute at most, by half of which its slope may go on.
DECAY_S = 60.0
# Of two windows that differ by d, power between them lies somewhere between: a uniform distribution's share of d.
BETWEEN_TWO = 1 / sqrt(12)


@dataclass(frozen=True)
class Rest:
    """One window of rest: mean power [W] and its standard error, at its middle [s]; slope [W/s] and its error."""

    name: str
    middle_s: float
    length_s: float
    power_w: float
    error_w: float
    slope_w_per_s: float
    slope_error_w_per_s: float
    rate: float

    @property
    def excess_w(self) -> float:
        """How far power may still have to fall: what the load before has left behind. 0 where no fall shows."""
        slope, error = -self.slope_w_per_s, self.slope_error_w_per_s
        return DECAY_S / 2 * (slope - error) if slope > 2 * error else 0.0

    @property
    def fall_w(self) -> float:
        """How much power fell within the window; 0 where it is not certain that it did."""
        certain = self.slope_w_per_s < -FALLS * self.slope_error_w_per_s
        return -self.slope_w_per_s * self.length_s if certain else 0.0


@dataclass(frozen=True)
class Idle:
    """Power of the board at rest: the windows in the order of time, the first before all blocks, the last after."""

    rests: tuple[Rest, ...]

    @property
    def before_w(self) -> float:
        """Idle power before the blocks."""
        return self.rests[0].power_w

    @property
    def after_w(self) -> float:
        """Idle power after them."""
        return self.rests[-1].power_w

    @property
    def drift(self) -> float:
        """How much the idle power changed, as a share of its mean; infinite where the mean is not above 0."""
        mean_w = (self.before_w + self.after_w) / 2
        return abs(self.after_w - self.before_w) / mean_w if mean_w > 0 else float("inf")

    def power_w(self, time_s: float) -> float:
        """The idle power at a time, on the straight lines through the windows."""
        return float(np.interp(time_s, self._middles_s, [rest.power_w for rest in self.rests]))

    def error_w(self, times_s: Sequence[float]) -> float:
        """Standard error that the mean of the idle power at these times has in common, which their scatter hides.

        Those are the errors of the windows' means, what power may still have to fall, and the wandering between two
        windows that hold several of the times; one time in each gap shows the wandering by its own scatter.
        """
        middles_s, weights = self._middles_s, np.zeros(len(self.rests))
        for time_s in times_s:
            weights += [np.interp(time_s, middles_s, unit) for unit in np.eye(len(self.rests))]
        errors_w = np.array([rest.error_w for rest in self.rests])
        weights /= len(times_s)
        variance = float(((weights * errors_w) ** 2).sum())
        excess_w = max(self.rests[0].excess_w, self.rests[-1].excess_w)  # the others rested for less time
        variance += (excess_w + self._hurried_w() * float(weights[1:-1].sum())) ** 2
        for (before, after), rate in zip(pairwise(self.rests), self._rates(), strict=True):
            held_s = np.array([time_s for time_s in times_s if before.middle_s <= time_s < after.middle_s])
            if len(held_s) > 1:
                variance += (
                    rate * _bridge(held_s - before.middle_s, after.middle_s - before.middle_s) / len(times_s) ** 2
                )
        return sqrt(variance)

    def _hurried_w(self) -> float:
        """How much more power the short windows between blocks show than the long ones at both ends: 0 within noise."""
        ends = Idle((self.rests[0], self.rests[-1]))
        over_w = [rest.power_w - ends.power_w(rest.middle_s) for rest in self.rests[1:-1]]
        if not over_w:
            return 0.0
        noise_w = sqrt(sum(rest.error_w**2 for rest in self.rests[1:-1])) / len(over_w)
        return max(float(np.mean(over_w)) - noise_w, 0.0)

    @property
    def _middles_s(self) -> list[float]:
        return [rest.middle_s for rest in self.rests]

    def _rates(self) -> list[float]:
        """For each gap the variance per second [W^2/s] by which power wanders."""
        if len(self.rests) > 2:
            return [_rate_between(self.rests)] * (len(self.rests) - 1)
        before, after = self.rests
        length_s = after.middle_s - before.middle_s
        moved = max((after.power_w - before.power_w) ** 2 - before.error_w**2 - after.error_w**2, 0.0)
        bends = before.slope_w_per_s - after.slope_w_per_s
        noise = before.slope_error_w_per_s**2 + after.slope_error_w_per_s**2
        bent = max(bends**2 - noise, 0.0) * length_s**2 / 64  # of the parabola through both slopes, at its middle
        # A walk of rate r is off by r T / 4 at the middle of a gap T.
        of_ends = 4 / length_s * (moved * BETWEEN_TWO**2 + bent) if length_s > 0 else 0.0
        return [max((before.rate + after.rate) / 2, of_ends)]


def idle(record: Record) -> Idle | str:
    """The board's power at rest before, between and after, or the reason why it is not known."""
    power = total(record)
    return power if isinstance(power, str) else of_total(record, power)


def of_total(record: Record, power: Total) -> Idle | str:
    """As `idle`, of a total that is known."""
    found = []
    for name in (IDLE_BEFORE, IDLE_AFTER):
        window = next((window for window in record.windows if window.name == name), None)
        if window is None:
            return f"there is no window {name}: the job did not get that far"
        fault = power.fault(window)
        if fault is not None:
            return f"window {name}: {fault}"
        found.append(_rest(power, window))
    between = [window for window in record.windows if window.name == IDLE_BETWEEN and power.fault(window) is None]
    rests = [found[0], *(_rest(power, window) for window in between), found[1]]
    return Idle(tuple(sorted(rests, key=lambda rest: rest.middle_s)))


def _rest(power: Total, window: Window) -> Rest:
    edges_s = np.linspace(window.start_s, window.end_s, IDLE_PIECES + 1)
    means_w = np.array([power.power_w(Window("", float(start), float(end))) for start, end in pairwise(edges_s)])
    middles_s = (edges_s[1:] + edges_s[:-1]) / 2 - edges_s.mean()
    spread = float((middles_s**2).sum())
    slope = float((middles_s * means_w).sum()) / spread
    rest_w = means_w - means_w.mean() - slope * middles_s
    return Rest(
        name=window.name,
        middle_s=float(edges_s.mean()),
        length_s=window.end_s - window.start_s,
        power_w=power.power_w(window),
        error_w=float(np.std(means_w, ddof=1)) / sqrt(IDLE_PIECES),
        slope_w_per_s=slope,
        slope_error_w_per_s=sqrt(float((rest_w**2).sum()) / (IDLE_PIECES - 2) / spread),
        rate=_rate_within(means_w, (window.end_s - window.start_s) / IDLE_PIECES),
    )


def _rate_within(means_w: NDArray[np.float64], step_s: float) -> float:
    """How fast power wanders within a window: the slope of its structure function over the lag."""
    lags = np.arange(1, len(means_w) // 2 + 1)
    squares = [float(np.mean((means_w[lag:] - means_w[:-lag]) ** 2)) for lag in lags]
    return max(float(np.polyfit(lags * step_s, squares, 1)[0]), 0.0)


def _rate_between(rests: Sequence[Rest]) -> float:
    """How fast power wanders between windows: by how much each is off the line through its neighbours."""
    rates = []
    for before, rest, after in zip(rests, rests[1:], rests[2:], strict=False):
        left_s, right_s = rest.middle_s - before.middle_s, after.middle_s - rest.middle_s
        share = left_s / (left_s + right_s)
        off_w = rest.power_w - (1 - share) * before.power_w - share * after.power_w
        noise = rest.error_w**2 + ((1 - share) * before.error_w) ** 2 + (share * after.error_w) ** 2
        rates.append((off_w**2 - noise) * (left_s + right_s) / (left_s * right_s))
    return max(float(np.mean(rates)), 0.0)


def _bridge(times_s: NDArray[np.float64], length_s: float) -> float:
    """Sum of all covariances at these times of a walk of rate 1 that is tied to 0 at 0 and at `length_s`."""
    return float((np.minimum.outer(times_s, times_s) - np.multiply.outer(times_s, times_s) / length_s).sum())


def middle_s(block: EnergyBlock) -> float:
    """The middle of a block."""
    return (block.start_s + block.end_s) / 2
