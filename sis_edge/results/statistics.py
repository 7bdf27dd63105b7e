"""Statistics over raw samples. Numpy only; a number that the sample cannot carry is None.

Every function is pure, and what is random takes a seed, so a report is the same each time it is written.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import exp, hypot, log, sqrt
from statistics import NormalDist

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
    generator = np.random.default_rng(seed)
    chunk = max(1, _CHUNK // len(shared))
    drawn = np.concatenate(
        [
            _resampled(above, below, of_round, min(chunk, resamples - done), generator)
            for done in range(0, resamples, chunk)
        ]
    )
    tail = (1 - CONFIDENCE) / 2
    logs = [float(value) for value in np.log(ratios)]
    wide, apart = widening(logs, of_round), process_half_width(logs, of_round)
    low, high = (float(bound) for bound in np.quantile(drawn, (tail, 1 - tail)))
    below_log = hypot(wide * max(log(estimate / low), 0.0), apart)
    above_log = hypot(wide * max(log(high / estimate), 0.0), apart)
    return SpeedUp(estimate, Interval(estimate * exp(-below_log), estimate * exp(above_log)), len(shared))


class _Rounds:
    """Rounds of unequal length as one sorted matrix [rounds, longest], padded at the right."""

    def __init__(self, rounds: Sequence[Sequence[float]]) -> None:
        self.counts = np.array([len(samples) for samples in rounds])
        self.sorted = np.zeros((len(rounds), int(self.counts.max())))
        for row, samples in zip(self.sorted, rounds, strict=True):
            row[: len(samples)] = np.sort(np.asarray(samples, dtype=np.float64))

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
        n = self.counts[chosen]
        k = (n + 1) // 2
        lower = generator.beta(k, n + 1 - k)
        step = 1 - generator.random(chosen.shape) ** (1 / np.maximum(n - k, 1))
        upper = np.where(n % 2 == 0, lower + (1 - lower) * step, lower)
        places = [np.minimum((n * u).astype(np.intp), n - 1) for u in (lower, upper)]
        medians: NDArray[np.float64] = self.sorted[chosen, places[0]] + self.sorted[chosen, places[1]]
        return medians / 2


def _resampled(
    above: _Rounds, below: _Rounds, of_round: Sequence[int], count: int, generator: np.random.Generator
) -> NDArray[np.float64]:
    """`count` draws of the median ratio; rounds are drawn within their process, so each keeps its number of them."""
    places = [np.flatnonzero(np.asarray(of_round) == process) for process in sorted(set(of_round))]
    chosen = np.concatenate([own[generator.integers(0, len(own), size=(count, len(own)))] for own in places], axis=1)
    tops, bottoms = above.resampled_medians(chosen, generator), below.resampled_medians(chosen, generator)
    ratios: NDArray[np.float64] = np.median(tops / bottoms, axis=1)
    return ratios
