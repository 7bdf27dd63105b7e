"""Where the level of a series of latencies changes, by the package `ruptures` (extra `history`)."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from math import exp, log, sqrt
from statistics import median

FEWEST = 6
"""Runs that a search needs: a level stands on three."""

FEWEST_ON_A_SIDE = 3
PENALTY = 3.0
"""Times the penalty of the Bayesian information criterion; the higher, the fewer false change points."""

LEAST_SPREAD = 0.002
"""Share of a latency below which a spread between runs is not believed: a few runs may agree by chance."""

NORMAL = 1.4826
"""A normal distribution's standard deviation over its median absolute deviation."""

FEW = 3.0
"""Of n runs the spread is taken (1 + FEW / n) times: that of a few is often too small. With PENALTY, steady series of 6
to 40 runs with normal noise show a change in 5.3% to 0% of cases; one of ten times the noise is found in 89% to 100%.
"""


@dataclass(frozen=True)
class Found:
    """By the number of the run after each change point, the share by which the level changes there.

    `reason` says why none was looked for.
    """

    shifts: dict[int, float] = field(default_factory=dict)
    reason: str | None = None


def find(latencies_s: Sequence[float]) -> Found:
    """The change points of a series, oldest first, each value above 0.

    PELT (Killick, Fearnhead and Eckley, 2012, JASA 107) with a quadratic cost over the logarithms. The penalty for a
    change is PENALTY times 2 s^2 ln n; s is the spread between neighbouring runs, which one change hardly alters.
    """
    if len(latencies_s) < FEWEST:
        return Found(reason=f"too few runs for change points ({len(latencies_s)}, needs {FEWEST})")
    try:
        from ruptures import Pelt
    except ModuleNotFoundError:
        return Found(reason="change points need ruptures (extra history; `sis-edge doctor` shows how to add it)")
    import numpy as np

    values = [log(latency_s) for latency_s in latencies_s]
    steps = [later - earlier for earlier, later in pairwise(values)]
    middle = median(steps)
    spread = NORMAL * median(abs(step - middle) for step in steps) / sqrt(2) * (1 + FEW / len(values))
    spread = max(spread, LEAST_SPREAD)
    search = Pelt(model="l2", min_size=FEWEST_ON_A_SIDE, jump=1).fit(np.array(values).reshape(-1, 1))
    ends = [0, *search.predict(pen=PENALTY * 2 * spread**2 * log(len(values)))]
    levels = [median(values[start:end]) for start, end in pairwise(ends)]
    return Found(
        {at: exp(after - before) - 1 for at, (before, after) in zip(ends[1:-1], pairwise(levels), strict=True)}
    )
