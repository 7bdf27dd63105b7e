"""How well a speed-up is known so far: when `target_ci` may end the rounds.

Standard library only, since this runs on the board; the interval that is reported is the host's bootstrap over the raw
samples, widened by the same two functions. Two independent estimates of the 95% interval's half width, and the wider
one counts:

- the rank interval of the median of the rounds' ratios (Conover, Practical Nonparametric Statistics, 3.2), which asks
  nothing of their distribution, but takes rounds to be independent, and so is widened where neighbours are alike;
- a normal approximation for the mean of the log ratios by means of ten consecutive batches (Law, Simulation Modeling
  and Analysis, 9.5.3), which sees a correlation between neighbouring rounds.

What processes differ by is added to it.

A rule that stops at the first narrow interval favours samples that look too narrow by luck (Chow and Robbins, 1965:
the coverage is right only in the limit). So there are at least as many rounds as the job asks for, looks come at
growing distances, 10% more rounds each, and two in succession must agree. In simulation the coverage after such a stop
stays above 93%, the board's and the host's interval alike, also where neighbouring rounds correlate by 0.4
(tests/agent/test_stopping.py).
"""

import math
from typing import Dict, List, Optional, Sequence, Tuple

from sis_agent.worker.warmup import median

CONFIDENCE = 0.95
BATCHES = 10
# Student's t, 97.5%, by degrees of freedom.
T_QUANTILES = (
    (1, 12.706), (2, 4.303), (3, 3.182), (4, 2.776), (5, 2.571), (6, 2.447), (7, 2.365), (8, 2.306), (9, 2.262),
    (10, 2.228), (12, 2.179), (15, 2.131), (20, 2.086), (30, 2.042), (60, 2.000), (120, 1.980), (math.inf, 1.960),
)  # fmt: skip
MEDIAN_SPREAD = math.sqrt(math.pi / 2)  # the standard error of a median over that of a mean, for normal values
MOST_CORRELATION = 0.95
SURELY_NOISE = 0.75  # of what rounds alone would show between processes
MARGIN = 2.0  # standard errors of a correlation near 1
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
    return t_quantile(BATCHES - 1) * math.sqrt(variance / BATCHES)


def t_quantile(degrees: float) -> float:
    """Student's t, 97.5%: between the table's entries its logarithm is taken as linear in the reciprocal degrees."""
    degrees = max(degrees, 1.0)
    for index in range(1, len(T_QUANTILES)):
        (low, at_low), (high, at_high) = T_QUANTILES[index - 1 : index + 1]
        if degrees <= high:
            share = (1 / degrees - 1 / high) / (1 / low - 1 / high)
            return at_high * math.pow(at_low / at_high, share)
    return T_QUANTILES[-1][1]


def widening(values: Sequence[float], processes: Sequence[int] = ()) -> float:
    """How many times as wide an interval must be as one for independent values; the values in their order of time.

    The values are logarithms of ratios; those of one process are taken relative to its mean. n of them, each correlated
    by r with the one before, determine their mean as well as n / k independent ones, k = 1 + 2 sum (1 - i / n) r^i
    (Bayley and Hammersley, 1946), and their spread around that mean is too small by 1 - k / n. r is estimated with
    Kendall's correction of its bias (1954), plus a margin, since an r that looks small by luck would make the interval
    too narrow. The margin grows as r squared: where nothing is correlated it would only cost power. A negative r does
    not narrow anything. Few independent values call for Student's t. In simulation with r = 0.9 at most 6% of intervals
    then miss the truth (tests/results/test_statistics.py).
    """
    count = len(values)
    steps = _residuals(values, processes)
    total = sum(step * step for step in steps)
    if count < 6 or total <= count * ROUNDING**2:
        return 1.0
    raw = sum(steps[index] * steps[index - 1] for index in range(1, count)) / total
    likely = min(max((count * raw + 1) / (count - 4), 0.0), 1.0)
    error = math.sqrt((1 - likely**2) / count)
    correlation = min(likely + MARGIN * likely**2 * error, MOST_CORRELATION)
    inflation = 1 + 2 * sum((1 - lag / count) * correlation**lag for lag in range(1, count))
    spread = max(1 - inflation / count, 1 / count)
    fewer = t_quantile(count / inflation - 1) / t_quantile(count - 1)
    return fewer * math.sqrt(inflation * (1 - 1 / count) / spread)


def process_half_width(values: Sequence[float], processes: Sequence[int]) -> float:
    """What processes differ by, as a half width of the 95% interval of the values' median; 0 for one process.

    A process keeps its layout in memory for its life, and with it an offset that no number of rounds in it reveals. Its
    variance is a component of the analysis of variance (Searle, Variance Components, 3.6): that between processes less
    what the rounds alone show there; not all of it, since a difference between so few processes often looks small by
    luck. Student's t has one degree of freedom less than there are processes, so with two or three of them that really
    differ the interval is wide.
    """
    groups = list(_groups(values, processes).values())
    count, freedom = len(values), len(groups) - 1
    if freedom < 1 or count <= len(groups):
        return 0.0
    centre = sum(values) / count
    between = sum(len(group) * (sum(group) / len(group) - centre) ** 2 for group in groups) / freedom
    within = sum(step * step for step in _residuals(values, processes)) / (count - len(groups))
    squares = sum(len(group) ** 2 for group in groups)
    size = (count - squares / count) / freedom  # rounds of a process: their number where all have as many
    component = max(between - SURELY_NOISE * within, 0.0) / size
    return t_quantile(freedom) * MEDIAN_SPREAD * math.sqrt(component * squares) / count


def relative_half_width(ratios: Sequence[float], processes: Sequence[int] = ()) -> float:
    """Half width of the interval of a speed-up, as a share of it; infinite where the rounds do not carry one.

    `processes` numbers the process of each round; none given: all ran in one.
    """
    interval = rank_interval(ratios)
    logs = [math.log(ratio) for ratio in ratios]
    batches = batch_half_width(logs)
    if interval is None or batches is None:
        return math.inf
    ranks = (interval[1] - interval[0]) / 2 / median(ratios) * widening(logs, processes)
    return math.expm1(math.hypot(max(math.log1p(ranks), batches), process_half_width(logs, processes)))


def _groups(values: Sequence[float], processes: Sequence[int]) -> Dict[int, List[float]]:
    """The values of each process."""
    groups: Dict[int, List[float]] = {}
    for index, value in enumerate(values):
        groups.setdefault(processes[index] if processes else 0, []).append(value)
    return groups


def _residuals(values: Sequence[float], processes: Sequence[int]) -> List[float]:
    """The values less the mean of their process, in their order."""
    means = {process: sum(group) / len(group) for process, group in _groups(values, processes).items()}
    return [value - means[processes[index] if processes else 0] for index, value in enumerate(values)]


def next_look(rounds: int) -> int:
    """The number of rounds after which to look again."""
    return max(rounds + 1, math.ceil(rounds * LOOKS_GROW))


def ratios(reference: Sequence[Sequence[float]], other: Sequence[Sequence[float]]) -> List[float]:
    """Per round, how many times as fast the other is as the reference, from the latencies of the same rounds."""
    return [median(reference[index]) / median(other[index]) for index in range(len(reference))]
