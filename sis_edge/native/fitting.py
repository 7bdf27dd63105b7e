"""A linear model of seconds: what each kind of counted work costs, from samples that were measured."""

import re
from collections.abc import Mapping
from typing import TypeAlias

import numpy as np

from sis_edge.native.work import Work

Samples: TypeAlias = list[tuple[Work, float]]
"""Counted work, and the seconds that it took."""


def solve(samples: Samples, doubt_s: float) -> dict[str, float]:
    """Non-negative seconds for each kind of work, such that relative errors are least in square.

    Samples that are in doubt by as much as they take weigh less. A kind of work that none of them has costs nothing.
    """
    from scipy.optimize import nnls

    kinds = sorted({kind for counts, _ in samples for kind in counts})
    table = np.array([[counts[kind] for kind in kinds] for counts, _ in samples], dtype=np.float64)
    seconds = np.array([measured for _, measured in samples])
    scale, weights = np.where(table.any(axis=0), table.max(axis=0), 1.0), 1 / (seconds + doubt_s)
    solution, _ = nnls(table / scale * weights[:, None], seconds * weights)
    return {kind: float(value) for kind, value in zip(kinds, solution / scale, strict=True)}


def error(samples: Samples, costs: Mapping[str, float], doubt_s: float) -> float:
    """Root mean square of the relative errors of the fitted costs."""
    errors = [(total(counts, costs) - seconds) / (seconds + doubt_s) for counts, seconds in samples]
    return float(np.sqrt(np.mean(np.square(errors))))


def total(counts: Work, seconds: Mapping[str, float]) -> float:
    """Seconds of all counted work."""
    return sum(count * _cost(kind, seconds) for kind, count in counts.items())


def _cost(kind: str, seconds: Mapping[str, float]) -> float:
    """Seconds of that kind; of the nearest calibrated one where networks hold what no probe had."""
    if kind in seconds:
        return seconds[kind]
    family = _family(kind)
    known = {other: cost for other, cost in seconds.items() if _family(other) == family}
    if not known:
        return max(seconds.values())
    nearest = min(known, key=lambda other: (_numbers_apart(kind, other), other))
    return known[nearest]


def _family(kind: str) -> str:
    """`wide` of `wide5x16s32`; odd numbers of inputs cost what others do where no probe says more."""
    return re.split(r"\d", kind, maxsplit=1)[0].replace("odd", "dense")


def _numbers_apart(one: str, two: str) -> int:
    """How far apart the numbers in two names of a family are: `wide5x16s32` and `wide5x8s32` by 8."""
    first, second = ([int(part) for part in re.findall(r"\d+", text)] for text in (one, two))
    return sum(abs(a - b) for a, b in zip(first, second, strict=False))
