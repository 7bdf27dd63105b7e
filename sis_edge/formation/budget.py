"""How many units of each size exist, so that their synapses add up to a wanted count."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import gcd
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

Counts: TypeAlias = NDArray[np.int64]


@dataclass(frozen=True)
class SizeClass:
    """`available` candidate units of `size` synapses each, of which the share `share` is expected to exist."""

    size: int
    available: int
    share: float

    @property
    def expected(self) -> int:
        """The expected count of units, rounded half up, so that it is the same everywhere."""
        return int(self.available * self.share + 0.5)

    @property
    def variance(self) -> float:
        """Variance of the count of units, were each to exist on its own with the probability `share`."""
        return self.available * self.share * (1 - self.share)

    def distance(self, count: Counts) -> NDArray[np.float64]:
        """Squared distance of counts from their expectation, in variances of the binomial distribution."""
        gap = count - self.available * self.share
        if self.variance == 0:
            return np.where(np.abs(gap) < 0.5, 0.0, np.inf)
        distance: NDArray[np.float64] = gap * gap / self.variance
        return distance


def counts(classes: Sequence[SizeClass], target: int | None) -> list[int]:
    """Units per size class: the likeliest counts whose synapses come nearest to `target`.

    Without a target, every class gets its expectation. With one, the paper's case is 25 a + 9 b = CL, which has many
    solutions. The likeliest real numbers are known in closed form; whole ones recur with a period that the last size
    sets, so that a window of one period on both sides of them is searched for every class but the last, which
    takes the rest. Where no counts hit the target exactly, the nearest sum is taken. Exact for one and two classes;
    with more, a last class of very few units can leave a nearer sum outside of the windows.
    """
    if target is None or not classes:
        return [units.expected for units in classes]
    *others, last = classes
    windows = [
        _window(units, centre, last.size // gcd(units.size, last.size))
        for units, centre in zip(others, _likeliest(classes, target), strict=False)
    ]
    heads = [axis.ravel() for axis in np.meshgrid(*windows, indexing="ij")]
    rest = np.full(heads[0].shape if heads else 1, target, dtype=np.int64)
    for units, head in zip(others, heads, strict=True):
        rest -= units.size * head
    # The last class rounds down or up: both may be as near, and then the likelier one is taken.
    tails = [np.clip(rest // last.size + up, 0, last.available) for up in (0, 1)]
    found = [*(np.tile(head, 2) for head in heads), np.concatenate(tails)]
    miss = np.abs(np.tile(rest, 2) - last.size * found[-1])
    distance = np.zeros(miss.size)
    for units, count in zip(classes, found, strict=True):
        distance += units.distance(count)
    nearest = np.flatnonzero(miss == miss.min())
    best = int(nearest[distance[nearest].argmin()])
    return [int(count[best]) for count in found]


def _window(units: SizeClass, centre: int, reach: int) -> Counts:
    return np.arange(max(0, centre - reach), min(units.available, centre + reach) + 1, dtype=np.int64)


def _likeliest(classes: Sequence[SizeClass], target: int) -> list[int]:
    """The counts of least distance among the real numbers whose synapses are `target`, rounded.

    They lie at expectation + pull x variance x size, between none and all, for one pull that is common to all classes
    (Lagrange); bisection finds it.
    """
    steps: list[float] = [units.variance * units.size for units in classes]
    limit = max([units.available / step for units, step in zip(classes, steps, strict=True) if step], default=0.0)

    def at(pull: float) -> list[float]:
        shifted = (units.available * units.share + pull * step for units, step in zip(classes, steps, strict=True))
        return [min(max(count, 0.0), float(units.available)) for units, count in zip(classes, shifted, strict=True)]

    low, high = -limit, limit
    for _ in range(100):
        middle = (low + high) / 2
        too_few = _total(classes, at(middle)) < target
        low, high = (middle, high) if too_few else (low, middle)
    return [int(count + 0.5) for count in at(high)]


def _total(classes: Sequence[SizeClass], found: Sequence[Any]) -> float:
    total = 0.0
    for units, count in zip(classes, found, strict=True):  # `sum` rounds otherwise since Python 3.12
        total += units.size * count
    return total
