"""How many units of each size exist, so that their synapses add up to a wanted count."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product


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

    def distance(self, count: int) -> float:
        """Squared distance of a count from its expectation, in variances of the binomial distribution."""
        variance = self.available * self.share * (1 - self.share)
        gap = count - self.available * self.share
        return gap * gap / variance if variance > 0 else (0.0 if abs(gap) < 0.5 else float("inf"))


def counts(classes: Sequence[SizeClass], target: int | None) -> list[int]:
    """Units per size class: the likeliest counts whose synapses come nearest to `target`.

    Without a target, every class gets its expectation. With one, the paper's case is 25 a + 9 b = CL, which has
    many solutions: they recur with a period of the last size, so a window of that width around the expectation of
    every other class holds the nearest, and the last class takes the rest. Where no counts hit the target
    exactly, the nearest reachable sum is taken.
    """
    expectation = [units.expected for units in classes]
    if target is None or not classes:
        return expectation
    *others, last = classes
    windows = [_around(units.expected, last.size, units.available) for units in others]
    best: tuple[int, float, list[int]] | None = None
    for head in product(*windows):
        rest = target - sum(units.size * count for units, count in zip(others, head, strict=True))
        tail = min(max(round(rest / last.size), 0), last.available)
        found = [*head, tail]
        miss = abs(rest - last.size * tail)
        distance = sum(units.distance(count) for units, count in zip(classes, found, strict=True))
        if best is None or (miss, distance) < best[:2]:
            best = (miss, distance, found)
    assert best is not None, "a window always holds the expectation itself"
    return best[2]


def _around(centre: int, reach: int, top: int) -> range:
    return range(max(0, centre - reach), min(top, centre + reach) + 1)
