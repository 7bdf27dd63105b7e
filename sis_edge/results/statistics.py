"""Statistics over raw samples. Numpy only; a number that the sample cannot carry is None.

Every function is pure, and what is random takes a seed, so a report is the same each time it is written.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from math import exp, hypot, log, sqrt
from statistics import NormalDist
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sis_agent.measure.confidence import process_half_width, widening

RESAMPLES = 10_000
CONFIDENCE = 0.95

# The median of R rounds lies between the least and the greatest with probability 1 - 2^(1 - R), and no interval
# from the rounds can be wider than that: 95% needs six.
MIN_ROUNDS = 6

_CHUNK = 2_000_000  # Draws at a time: bounds the memory of long runs.


@dataclass(frozen=True)
class Interval:
    """A 95% interval, ends included."""

    low: float
    high: float


@dataclass(frozen=True)
class SpeedUp:
    """How many times as fast a network is as the dense one; `interval` is None below MIN_ROUNDS rounds."""

    estimate: float
    interval: Interval | None
    rounds: int


def needed(percent: int) -> int:
    """The smallest sample that carries a percentile: 11 for p50, 64 for p90, 662 for p99.

    It is the smallest n at which fewer than two of n samples lie above the true percentile with a probability of
    1% at most, so at least one is left beyond the estimate. Source: MLPerf Inference's early stopping rule, which
    gives 64 and 662; p50 follows from the same law.
    """
    above = 1 - percent / 100
    n = 2
    while (1 - above) ** n + n * above * (1 - above) ** (n - 1) > 0.01:
        n += 1
    return n


def percentile(samples: Sequence[float], percent: int) -> float | None:
    """The percentile by linear interpolation (Hyndman and Fan's type 7), or None below `needed(percent)` samples."""
    if len(samples) < needed(percent):
        return None
    return float(np.percentile(np.asarray(samples, dtype=np.float64), percent))


def wilson(successes: int, trials: int) -> Interval:
    """Wilson's score interval of a proportion (Wilson, 1927): sound near 0 and 1 and for few trials."""
    if not 0 <= successes <= trials or trials < 1:
        raise ValueError(f"{successes} of {trials} is not a proportion")
    z = NormalDist().inv_cdf(0.5 + CONFIDENCE / 2)
    share, spread = successes / trials, z * z / trials
    centre = (share + spread / 2) / (1 + spread)
    half = z / (1 + spread) * sqrt(share * (1 - share) / trials + spread / (4 * trials))
    return Interval(max(0.0, min(share, centre - half)), min(1.0, max(share, centre + half)))


def proportion_difference(first: tuple[int, int], second: tuple[int, int]) -> Interval:
    """Interval of the difference of two proportions, each (successes, trials): Newcombe's method 10 (1998).

    For different images. Two networks that answer the same ones err on the same in part: `paired_difference`.
    """
    (a, n), (b, m) = first, second
    one, two, difference = wilson(a, n), wilson(b, m), a / n - b / m
    return Interval(
        difference - sqrt((a / n - one.low) ** 2 + (two.high - b / m) ** 2),
        difference + sqrt((one.high - a / n) ** 2 + (b / m - two.low) ** 2),
    )


def paired_difference(lost: int, won: int, images: int) -> Interval:
    """Interval of the difference of two proportions on the same images: `lost` that only the first has, `won` only the
    second; the difference is (lost - won) / images.

    Wald's interval after one more discordant image of each kind (Bonett and Price, 2012, Journal of Educational and
    Behavioral Statistics 37): close to its level for small samples, and not 0 wide without discordant images.
    """
    if lost < 0 or won < 0 or not images > 0 or lost + won > images:
        raise ValueError(f"{lost} lost and {won} won of {images} is not a paired comparison")
    z = NormalDist().inv_cdf(0.5 + CONFIDENCE / 2)
    one, two = (lost + 1) / (images + 2), (won + 1) / (images + 2)
    difference, half = one - two, z * sqrt((one + two - (one - two) ** 2) / (images + 2))
    return Interval(max(-1.0, difference - half), min(1.0, difference + half))


def paired_p_value(lost: int, won: int) -> float:
    """McNemar's test that two networks are right equally often on the same images: the two-sided mid-p-value.

    `lost` and `won` as in `paired_difference`; images that both get right, or both wrong, say nothing. Half of the
    observed outcome's probability counts: the exact test is too careful where few images differ (Fagerland, Lydersen
    and Laake, 2013, BMC Medical Research Methodology 13:91).
    """
    from scipy.special import bdtr

    if lost < 0 or won < 0:
        raise ValueError(f"{lost} lost and {won} won is not a paired comparison")
    fewer, discordant = min(lost, won), lost + won
    up_to = float(bdtr(fewer, discordant, 0.5))  # of a fair coin
    below = float(bdtr(fewer - 1, discordant, 0.5)) if fewer else 0.0
    return min(1.0, up_to + below)


def median_interval(values: Sequence[float]) -> Interval | None:
    """Interval of the median of independent values, from their ranks alone; None below MIN_ROUNDS values.

    Its ends are the k-th smallest and the k-th largest value, with the largest k for which fewer than k of n values
    lie below the true median with a probability of 2.5% at most, whatever they are distributed like.
    """
    count, ordered = len(values), sorted(values)
    if count < MIN_ROUNDS:
        return None
    # The median is below a value with probability 1/2, so the number of values below it is binomial.
    rank, chance = 0, log(0.5) * count
    below = exp(chance)
    while below <= (1 - CONFIDENCE) / 2:
        rank += 1
        chance += log(count - rank + 1) - log(rank)
        below += exp(chance)
    return Interval(ordered[rank - 1], ordered[count - rank])


def mean_interval(values: Sequence[float], common_error: float = 0.0) -> Interval:
    """Student's t interval of the mean of independent values, two at least, in their unit.

    For samples that are too small for a bootstrap, whose intervals would be too narrow. `common_error` is the standard
    error of what all values share; it is added in quadrature.
    """
    from scipy.special import stdtrit

    count = len(values)
    mean, error = float(np.mean(values)), float(np.std(values, ddof=1)) / sqrt(count)
    half = float(stdtrit(count - 1, 0.5 + CONFIDENCE / 2)) * sqrt(error**2 + common_error**2)
    return Interval(mean - half, mean + half)


def speed_up(
    dense: Mapping[int, Sequence[float]],
    network: Mapping[int, Sequence[float]],
    seed: int = 0,
    resamples: int = RESAMPLES,
    processes: Mapping[int, int] | None = None,
) -> SpeedUp | None:
    """Speed-up of a network over the dense one, from latencies [s] by round; None where no round holds both.

    Estimate: the median over rounds r of median(dense latencies in r) / median(network latencies in r). Both
    networks of a ratio ran within one round, so a drift that is slow against a round cancels.

    Interval: percentiles of a hierarchical bootstrap (Davison and Hinkley, 1997, section 3.8): in each process rounds
    are drawn with replacement, the same ones for both networks, and inferences with replacement within each drawn
    round. Samples of one round are not independent of each other, which is why rounds are what the spread comes from.
    The inner draw counts the noise within rounds once more, so the interval is on the safe side. Where neighbouring
    rounds are alike it is widened (`sis_agent.measure.confidence.widening`), as is the agent's for an early stop.

    `processes` numbers each round's process; None: all ran in one. They are too few to draw from (with three, the
    interval of such a bootstrap misses one truth in four), so what they differ by is added in quadrature with Student's
    t instead (`process_half_width`).

    The interval is widened to hold the estimate where a skewed small sample would leave it outside.

    Raises ValueError where a latency is 0: the clock is too coarse for such a network.
    """
    shared = sorted(number for number in dense.keys() & network.keys() if dense[number] and network[number])
    if not shared:
        return None
    above, below = _Rounds([dense[number] for number in shared]), _Rounds([network[number] for number in shared])
    if not (above.sorted[:, 0].all() and below.sorted[:, 0].all()):
        raise ValueError("a latency of 0 s was recorded: the clock is too coarse")
    ratios = above.medians() / below.medians()
    estimate = float(np.median(ratios))
    if len(shared) < MIN_ROUNDS:
        return SpeedUp(estimate, None, len(shared))
    of_round = [0 if processes is None else processes[number] for number in shared]
    drawn = _drawn(above, below, tuple(of_round), resamples, seed)
    logs = [float(value) for value in np.log(ratios)]
    wide, apart = widening(logs, of_round), process_half_width(logs, of_round)
    low, high = _ends(drawn)
    below_log = hypot(wide * max(log(estimate / low), 0.0), apart)
    above_log = hypot(wide * max(log(high / estimate), 0.0), apart)
    return SpeedUp(estimate, Interval(estimate * exp(-below_log), estimate * exp(above_log)), len(shared))


def unpaired_speed_up(
    dense: Mapping[int, Sequence[float]],
    network: Mapping[int, Sequence[float]],
    seed: int = 0,
    resamples: int = RESAMPLES,
    processes: tuple[Mapping[int, int], Mapping[int, int]] | None = None,
) -> SpeedUp | None:
    """As `speed_up` for latencies [s] of two runs, which share no round; None where one of them has none.

    Estimate: the median over rounds of the one's round medians, over the same of the other. Interval: for each run the
    hierarchical bootstrap of `speed_up` over its own rounds, widened by what its neighbouring rounds and its processes
    have in common (`processes` numbers those of the dense one and of the network). The two are independent, so their
    half widths are added in quadrature on the logarithmic scale, each end with its own (Donner and Zou, 2012,
    Statistical Methods in Medical Research 21). `rounds` is the lesser number. Neither half width reaches beyond the
    run's least and greatest round: over a drift, which does not cancel here, a widened one would.

    What differs from run to run, as another temperature of the room, is in no run's spread: the interval holds for the
    two runs as they were. Raises ValueError where a latency is 0.
    """
    sides = [{number: each for number, each in run.items() if each} for run in (dense, network)]
    if not all(sides):
        return None
    rounds = min(map(len, sides))
    generator = np.random.default_rng(seed)
    spreads = [
        _spread(side, processes[at] if processes else None, resamples, generator) for at, side in enumerate(sides)
    ]
    (above, above_low, above_high), (below, below_low, below_high) = spreads
    estimate = above / below
    if rounds < MIN_ROUNDS:
        return SpeedUp(estimate, None, rounds)
    low, high = hypot(above_low, below_high), hypot(above_high, below_low)
    return SpeedUp(estimate, Interval(estimate * exp(-low), estimate * exp(high)), rounds)


def _spread(
    latencies: Mapping[int, Sequence[float]],
    processes: Mapping[int, int] | None,
    resamples: int,
    generator: np.random.Generator,
) -> tuple[float, float, float]:
    """The median [s] over rounds of round medians, and how far its interval reaches below and above (logarithms)."""
    numbers = sorted(latencies)
    rounds = _Rounds([latencies[number] for number in numbers])
    if not rounds.sorted[:, 0].all():
        raise ValueError("a latency of 0 s was recorded: the clock is too coarse")
    of_round = [0 if processes is None else processes[number] for number in numbers]
    medians = rounds.medians()
    centre = float(np.median(medians))
    chunk = max(1, _CHUNK // len(numbers))
    sizes = [min(chunk, resamples - done) for done in range(0, resamples, chunk)]
    drawn = np.concatenate(
        [np.median(rounds.resampled_medians(_chosen(of_round, size, generator), generator), axis=1) for size in sizes]
    )
    low, high = _ends(drawn)
    logs = [float(value) for value in np.log(medians)]
    wide, apart = widening(logs, of_round), process_half_width(logs, of_round)
    below = hypot(wide * max(log(centre / low), 0.0), apart)
    above = hypot(wide * max(log(high / centre), 0.0), apart)
    return centre, min(below, log(centre) - min(logs)), min(above, max(logs) - log(centre))


class _Rounds:
    """Rounds of unequal length as one sorted matrix [rounds, longest], padded at the right."""

    def __init__(self, rounds: Sequence[Sequence[float]]) -> None:
        self.counts = np.array([len(samples) for samples in rounds])
        self.sorted = np.zeros((len(rounds), int(self.counts.max())))
        for row, samples in zip(self.sorted, rounds, strict=True):
            row[: len(samples)] = np.sort(np.asarray(samples, dtype=np.float64))
        self._content = (self.counts.tobytes(), self.sorted.tobytes())

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Rounds) and self._content == other._content

    def __hash__(self) -> int:
        return hash(self._content)

    def medians(self) -> NDArray[np.float64]:
        """The median of every round."""
        rows = np.arange(len(self.counts))
        medians: NDArray[np.float64] = self.sorted[rows, (self.counts - 1) // 2] + self.sorted[rows, self.counts // 2]
        return medians / 2

    def resampled_medians(self, chosen: NDArray[np.intp], generator: np.random.Generator) -> NDArray[np.float64]:
        """For each chosen round, the median of a fresh draw with replacement of as many of its samples.

        Drawing n of n sorted samples takes the places floor(n u) of n uniform numbers u, so the draw's k-th
        smallest is the sample at the place of the k-th smallest u, which is Beta(k, n + 1 - k) distributed; given
        it, the next one lies above by the smallest of the n - k left. Two draws instead of n, exactly the same law.
        """
        # One number for all rounds of the same length draws the same, in less time than an array of it.
        n = self.counts[0] if self.counts.min() == self.counts.max() else self.counts[chosen]
        k = (n + 1) // 2
        lower = generator.beta(k, n + 1 - k, size=chosen.shape)
        step = 1 - generator.random(chosen.shape) ** (1 / np.maximum(n - k, 1))
        upper = np.where(n % 2 == 0, lower + (1 - lower) * step, lower)
        places = [np.minimum((n * u).astype(np.intp), n - 1) for u in (lower, upper)]
        medians: NDArray[np.float64] = self.sorted[chosen, places[0]] + self.sorted[chosen, places[1]]
        return medians / 2


def _ends(drawn: NDArray[np.float64]) -> tuple[float, float]:
    """The percentiles of the draws that are the ends of an interval."""
    tail = (1 - CONFIDENCE) / 2
    low, high = np.quantile(drawn, (tail, 1 - tail))
    return float(low), float(high)


@lru_cache(maxsize=8)  # rows, the choice of kernels and the advice on forms ask for the same pairs
def _drawn(above: _Rounds, below: _Rounds, of_round: tuple[int, ...], resamples: int, seed: int) -> NDArray[np.float64]:
    """So many draws of the median ratio, not to be changed."""
    chunk = max(1, _CHUNK // len(of_round))
    chosen, tops, state = _first_of_reference(above, of_round, min(chunk, resamples), seed)
    generator = np.random.default_rng(seed)
    generator.bit_generator.state = state
    ratios = [np.median(tops / below.resampled_medians(chosen, generator), axis=1)]
    for done in range(chunk, resamples, chunk):
        chosen = _chosen(of_round, min(chunk, resamples - done), generator)
        tops = above.resampled_medians(chosen, generator)
        ratios.append(np.median(tops / below.resampled_medians(chosen, generator), axis=1))
    drawn = np.concatenate(ratios)
    drawn.flags.writeable = False
    return drawn


@lru_cache(maxsize=2)
def _first_of_reference(
    above: _Rounds, of_round: tuple[int, ...], count: int, seed: int
) -> tuple[NDArray[np.intp], NDArray[np.float64], Mapping[str, Any]]:
    """The first draws of rounds, of a reference's medians in them, and the generator's state after them.

    They are the same for every network that ran in the same rounds as the reference, so a run draws them once.
    """
    generator = np.random.default_rng(seed)
    chosen = _chosen(of_round, count, generator)
    tops = above.resampled_medians(chosen, generator)
    for shared in (chosen, tops):
        shared.flags.writeable = False
    return chosen, tops, generator.bit_generator.state


def _chosen(of_round: Sequence[int], count: int, generator: np.random.Generator) -> NDArray[np.intp]:
    """`count` draws of rounds [count, rounds], each within its process, so that each keeps its number of them."""
    places = [np.flatnonzero(np.asarray(of_round) == process) for process in sorted(set(of_round))]
    return np.concatenate([own[generator.integers(0, len(own), size=(count, len(own)))] for own in places], axis=1)
