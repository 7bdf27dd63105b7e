"""Two small independent samples of positive values against each other."""

from collections.abc import Sequence
from math import log, sqrt

import numpy as np

from sis_edge.results.statistics import CONFIDENCE, Interval


def log_ratio(base: Sequence[float], candidate: Sequence[float]) -> tuple[float, Interval | None]:
    """The logarithm of the ratio of their (geometric) means and its 95% interval, None below two values in either.

    Welch's t interval (1947), which does not take the two for equally spread. Of values that are all the same it has
    no width: what never varied is known.
    """
    from scipy.special import stdtrit

    logs = [np.array([log(value) for value in values]) for values in (base, candidate)]
    ratio = float(logs[1].mean() - logs[0].mean())
    if min(len(base), len(candidate)) < 2:
        return ratio, None
    parts = [float(values.var(ddof=1)) / len(values) for values in logs]
    error = sqrt(sum(parts))
    if error == 0:
        return ratio, Interval(ratio, ratio)
    freedom = sum(parts) ** 2 / sum(part**2 / (len(values) - 1) for part, values in zip(parts, logs, strict=True))
    half = float(stdtrit(freedom, 0.5 + CONFIDENCE / 2)) * error
    return ratio, Interval(ratio - half, ratio + half)
