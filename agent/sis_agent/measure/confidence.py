"""How well a speed-up is known so far: when `target_ci` may end the rounds.

Standard library only, since this runs on the board; the interval that is reported is the host's bootstrap over the raw
samples. Two independent estimates of the 95% interval's half width, and the wider one counts:

- the rank interval of the median of the rounds' ratios (Conover, Practical Nonparametric Statistics, 3.2), which asks
  nothing of their distribution, but takes rounds to be independent, and so is widened where neighbours are alike;
- a normal approximation for the mean of the log ratios by means of ten consecutive batches (Law, Simulation Modeling
  and Analysis, 9.5.3), which sees a correlation between neighbouring rounds.

A rule that stops at the first narrow interval favours samples that look too narrow by luck (Chow and Robbins, 1965:
the coverage is right only in the limit). So there are at least as many rounds as the job asks for, looks come at
growing distances, 10% more rounds each, and two in succession must agree. In simulation the coverage after such a stop
stays above 93%, the board's and the host's interval alike, also where neighbouring rounds correlate by 0.4
(tests/agent/test_stopping.py).
"""

import math
from typing import List, Optional, Sequence, Tuple

from sis_agent.worker.warmup import median

CONFIDENCE = 0.95
BATCHES = 10
T_QUANTILE = 2.262  # Student's t with 9 degrees of freedom, 97.5%
MOST_CORRELATION = 0.9
ROUNDING = 1e-9  # what differs by less is the same
LOOKS_GROW = 1.1
LOOKS_AGREE = 2


def rank_interval(values: Sequence[float]) -> Optional[Tuple[float, float]]:
    """The 95% interval of the median between two order statistics; None below six values, which carry none."""
    count = len(values)
    tail, term, rank = 0.0, 0.5**count, 0
    # rank is the largest k with P(Binomial(n, 1/2) < k) <= 2.5%.
    while rank <= count and tail + term <= (1 - CONFIDENCE) / 2:
        tail += term
        term *= (count - rank) / (rank + 1)
        rank += 1
    if rank == 0:
        return None
    ordered = sorted(values)
    return ordered[rank - 1], ordered[count - rank]


def batch_half_width(values: Sequence[float]) -> Optional[float]:
    """Half width of the 95% interval of the mean, by batch means; None where a batch would have less than two values.

    What does not divide evenly is left out at the beginning, where the board is least settled.
    """
    size = len(values) // BATCHES
    if size < 2:
        return None
    kept = values[len(values) - BATCHES * size :]
    means = [sum(kept[start : start + size]) / size for start in range(0, len(kept), size)]
    centre = sum(means) / BATCHES
    variance = sum((mean - centre) ** 2 for mean in means) / (BATCHES - 1)
    return T_QUANTILE * math.sqrt(variance / BATCHES)


def widening(values: Sequence[float]) -> float:
    """How many times as wide an interval must be as one for independent values; the values in their order of time.

    The values are logarithms of ratios. n of them, each correlated by r with the one before, determine their mean as
    well as n (1 - r) / (1 + r) independent ones (Bayley and Hammersley, 1946). r is estimated with Kendall's correction
    of its bias (1954); a negative one does not narrow anything.
    """
    count = len(values)
    centre = sum(values) / count if count else 0.0
    steps = [value - centre for value in values]
    total = sum(step * step for step in steps)
    if count < 6 or total <= count * ROUNDING**2:
        return 1.0
    raw = sum(steps[index] * steps[index - 1] for index in range(1, count)) / total
    correlation = min(max((count * raw + 1) / (count - 4), 0.0), MOST_CORRELATION)
    return math.sqrt((1 + correlation) / (1 - correlation))


def relative_half_width(ratios: Sequence[float]) -> float:
    """Half width of the interval of a speed-up, as a share of it; infinite where the rounds do not carry one."""
    interval = rank_interval(ratios)
    logs = [math.log(ratio) for ratio in ratios]
    batches = batch_half_width(logs)
    if interval is None or batches is None:
        return math.inf
    return max((interval[1] - interval[0]) / 2 / median(ratios) * widening(logs), math.expm1(batches))


def next_look(rounds: int) -> int:
    """The number of rounds after which to look again."""
    return max(rounds + 1, math.ceil(rounds * LOOKS_GROW))


def ratios(reference: Sequence[Sequence[float]], other: Sequence[Sequence[float]]) -> List[float]:
    """Per round, how many times as fast the other is as the reference, from the latencies of the same rounds."""
    return [median(reference[index]) / median(other[index]) for index in range(len(reference))]
