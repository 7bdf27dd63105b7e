"""The meter's clock against the job's, found by what both have seen.

The board rests in the idle windows and runs one network in each energy block. The model is a lag, a drift of the
clock, one power at rest and one for every network; those are taken at which the model leaves least of the recording's
variance. Nothing is asked of the powers: networks may differ, in any order. Where two lags fit about as well, or
none does, the recording is refused.
"""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from sis_agent.schema import Record
from sis_edge.errors import UsageError
from sis_edge.results.energy import IDLE_AFTER, IDLE_BEFORE, IDLE_BETWEEN
from sis_edge.results.meter.recording import Recording, thinned
from sis_edge.text.limits import with_limit

LEAST_CORRELATION = 0.8
# A meter's clock is off by no more than this share.
MOST_DRIFT = 0.01
# Steps of the search, as shares of the shortest window or block: of the lag, and of what drift does at the ends.
COARSE = 0.1
COARSE_DRIFT = 0.25
# The recording is averaged over this share of it for the search, and for the last refinement.
BINS = 0.05
FINE_BINS = 0.005
REFINEMENTS = 7
GRID = 15
# Another lag, so far away at least (a share of the shortest), is as good where it leaves so little more variance.
APART = 0.5
AS_GOOD = 1.25
_AT_ONCE = 200_000  # edges that are looked up at a time: bounds the memory of long recordings


@dataclass(frozen=True)
class Alignment:
    """Meter time = `offset_s` + (1 + `drift`) x job time; `correlation` says how well the pattern was found."""

    offset_s: float
    correlation: float
    drift: float = 0.0

    def job_s(self, meter_s: NDArray[np.float64]) -> NDArray[np.float64]:
        """Times of the meter on the job's clock."""
        return (meter_s - self.offset_s) / (1 + self.drift)


class Stretch(NamedTuple):
    """A window of rest (`network` None) or an energy block, on the job's clock."""

    network: str | None
    start_s: float
    end_s: float


class _Fit(NamedTuple):
    """`middle_s`: the meter's time at the middle of the job's stretches; `left`: the share of variance left over."""

    left: float
    middle_s: float
    drift: float


def stretches(record: Record) -> list[Stretch]:
    """What the job did while it was measured for energy, in the order of time."""
    idle = [
        Stretch(None, w.start_s, w.end_s) for w in record.windows if w.name in (IDLE_BEFORE, IDLE_BETWEEN, IDLE_AFTER)
    ]
    blocks = [Stretch(block.network, block.start_s, block.end_s) for block in record.energy_blocks]
    return sorted(idle + blocks, key=lambda each: each.start_s) if idle and blocks else []


def align(record: Record, recording: Recording) -> Alignment:
    """Lag and drift between the two clocks; raises UsageError where the recording does not show the job, or twice."""
    known = stretches(record)
    if not known:
        raise UsageError(
            "the run has no idle window or no energy block: nothing shows how the clocks lie or has an energy; "
            "measure with --meter while the meter records"
        )
    shortest_s = min(each.end_s - each.start_s for each in known)
    lasts_s, job_lasts_s = float(np.ptp(recording.times_s)), known[-1].end_s - known[0].start_s
    if lasts_s < job_lasts_s * (1 - MOST_DRIFT):
        lasts, job_lasts = with_limit(lasts_s, job_lasts_s, ".1f")
        raise UsageError(
            f"{recording.name} lasts {lasts} s, the idle windows and energy blocks {job_lasts} s; "
            "record from before the job until after it"
        )
    coarse = _Search(known, recording, BINS * shortest_s)
    fits = coarse.everywhere(COARSE * shortest_s)
    if not fits:
        raise UsageError(f"{recording.name} does not cover the job's idle windows and energy blocks at any lag")
    best = min(fits, key=lambda fit: fit.left)
    best = coarse.refined(best, COARSE * shortest_s)
    correlation = float(np.sqrt(max(1 - best.left, 0.0))) if coarse.works_more(best) else 0.0
    if not correlation >= LEAST_CORRELATION:
        raise UsageError(
            f"{recording.name} does not show the job's rest and work (best correlation {correlation:.2f}); "
            "is it of this run and of this board?"
        )
    _refuse_others(recording, coarse, fits, best, shortest_s)
    fine = _Search(known, recording, FINE_BINS * shortest_s).refined(best, 0.25 * COARSE * shortest_s)
    return Alignment(fine.middle_s - (1 + fine.drift) * coarse.middle_s, correlation, fine.drift)


def _refuse_others(recording: Recording, search: "_Search", fits: list[_Fit], best: _Fit, shortest_s: float) -> None:
    """Raise UsageError where a lag elsewhere fits about as well."""
    elsewhere = [fit for fit in fits if abs(fit.middle_s - best.middle_s) > APART * shortest_s]
    for fit in sorted(elsewhere, key=lambda fit: fit.left)[:3]:
        other = search.refined(fit, COARSE * shortest_s)
        if abs(other.middle_s - best.middle_s) > APART * shortest_s and other.left <= AS_GOOD * best.left:
            first_s, second_s = (each.middle_s - (1 + each.drift) * search.middle_s for each in (best, other))
            raise UsageError(
                f"{recording.name} fits the run at two places, {first_s:g} s and {second_s:g} s of the meter's clock "
                "for the job's start: give the right one with --offset, or record one run only"
            )


class _Search:
    """How well the model fits a recording, by integrals of power and of its square up to any time."""

    def __init__(self, known: list[Stretch], recording: Recording, bin_s: float) -> None:
        self.middle_s = (known[0].start_s + known[-1].end_s) / 2
        times_s, power_w = thinned(recording.times_s, recording.power_w, bin_s)
        half_s = np.diff(times_s) / 2
        self._first_s, self._last_s = recording.times_s[0], recording.times_s[-1]
        # A reading holds halfway to its neighbours.
        self._edges_s = np.concatenate([[self._first_s], times_s[:-1] + half_s, [self._last_s]])
        lengths_s = np.diff(self._edges_s)
        level_w = float(np.mean(power_w))  # taken off: the squares then keep their digits
        self._sums = np.concatenate([[0.0], np.cumsum((power_w - level_w) * lengths_s)])
        self._squares = np.concatenate([[0.0], np.cumsum((power_w - level_w) ** 2 * lengths_s)])
        self._starts_s = np.array([each.start_s for each in known]) - self.middle_s
        self._ends_s = np.array([each.end_s for each in known]) - self.middle_s
        names: list[str | None] = [None, *sorted({each.network for each in known if each.network is not None})]
        # [stretches, levels]: 1 where the stretch has that level; level 0 is rest.
        self._levels = np.array([[float(each.network == name) for name in names] for each in known])

    def everywhere(self, step_s: float) -> list[_Fit]:
        """For every lag at which the recording covers the job the best drift."""
        reach_s = self._ends_s[-1]
        first_s, last_s = self._first_s + reach_s, self._last_s - reach_s
        if last_s < first_s:  # as long as the job, but for its clock
            first_s = last_s = (first_s + last_s) / 2
        middles_s = np.append(np.arange(first_s, last_s, step_s), last_s)
        steps = int(np.ceil(MOST_DRIFT * reach_s / (COARSE_DRIFT / COARSE * step_s)))
        drifts = np.linspace(-MOST_DRIFT, MOST_DRIFT, 2 * steps + 1)
        lefts = np.array([self.left(middles_s, np.full(len(middles_s), drift)) for drift in drifts])
        best = np.argmin(lefts, axis=0)
        return [
            _Fit(float(lefts[at, index]), float(middles_s[index]), float(drifts[at]))
            for index, at in enumerate(best)
            if np.isfinite(lefts[at, index])
        ]

    def refined(self, fit: _Fit, step_s: float) -> _Fit:
        """The best lag and drift around these, to a small part of a step."""
        drift_step = COARSE_DRIFT / COARSE * step_s / self._ends_s[-1]
        for _ in range(REFINEMENTS):
            middles_s = fit.middle_s + step_s * np.linspace(-1, 1, GRID)
            drifts = np.clip(fit.drift + drift_step * np.linspace(-1, 1, GRID), -MOST_DRIFT, MOST_DRIFT)
            pairs = np.array(np.meshgrid(middles_s, drifts)).reshape(2, -1)
            lefts = self.left(*pairs)
            at = int(np.argmin(lefts))
            if lefts[at] <= fit.left:
                fit = _Fit(float(lefts[at]), float(pairs[0, at]), float(pairs[1, at]))
            step_s, drift_step = step_s / 2.5, drift_step / 2.5
        return fit

    def left(self, middles_s: NDArray[np.float64], drifts: NDArray[np.float64]) -> NDArray[np.float64]:
        """Share of the variance within the stretches that the model leaves; infinite where they are not covered."""
        found = []
        each = max(1, _AT_ONCE // len(self._starts_s))
        for at in range(0, len(middles_s), each):
            sums, squares, lengths_s, covered = self._integrals(middles_s[at : at + each], drifts[at : at + each])
            of_levels, level_s = sums @ self._levels, lengths_s @ self._levels
            all_squares = squares.sum(axis=1)
            total = all_squares - sums.sum(axis=1) ** 2 / lengths_s.sum(axis=1)
            left = all_squares - (of_levels**2 / level_s).sum(axis=1)
            share = np.divide(left, total, out=np.ones_like(left), where=total > 0)
            found.append(np.where(covered, np.maximum(share, 1e-12), np.inf))
        return np.concatenate(found)

    def works_more(self, fit: _Fit) -> bool:
        """Whether the board takes more at work than at rest."""
        sums, _, lengths_s, _ = self._integrals(np.array([fit.middle_s]), np.array([fit.drift]))
        rests = self._levels[:, 0] > 0
        return bool(
            sums[0, ~rests].sum() / lengths_s[0, ~rests].sum() > sums[0, rests].sum() / lengths_s[0, rests].sum()
        )

    def _integrals(
        self, middles_s: NDArray[np.float64], drifts: NDArray[np.float64]
    ) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64], NDArray[np.bool_]]:
        """Of each candidate and stretch: integral of power and of its square, length, and whether all is covered."""
        scale, middle_s = (1 + drifts)[:, None], middles_s[:, None]
        starts_s, ends_s = middle_s + scale * self._starts_s, middle_s + scale * self._ends_s
        slack_s = MOST_DRIFT * (self._ends_s[-1] - self._starts_s[0]) / 2
        covered = (starts_s[:, 0] >= self._first_s - slack_s) & (ends_s[:, -1] <= self._last_s + slack_s)
        sums = np.interp(ends_s, self._edges_s, self._sums) - np.interp(starts_s, self._edges_s, self._sums)
        squares = np.interp(ends_s, self._edges_s, self._squares) - np.interp(starts_s, self._edges_s, self._squares)
        return sums, squares, ends_s - starts_s, covered
