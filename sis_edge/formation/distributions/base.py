"""What a distribution answers: the share of each layer, and which of a layer's units exist."""

from abc import ABC
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, TypeAlias

import numpy as np
from numpy.typing import NDArray

from sis_edge.formation.streams import Keys
from sis_edge.spec import LayerSpec

Mask: TypeAlias = NDArray[np.bool_]


@dataclass(frozen=True, eq=False)
class Units:
    """A layer's units of one size, and their keys: uint64 in the shape of the units.

    The axes are filters (or blocks of them), inputs and, for single synapses, the two sides of the kernel. `expected`
    units exist by the share of `layer`, the layer's name.
    """

    keys: Keys
    expected: float
    layer: str = ""


class Distribution(ABC):
    """Theta: how likely each unit is to exist. By default every layer has the same share, its count exact.

    A subclass says how the units of one layer are drawn (`draw`), and may give layers shares of their own (`shares`).
    It sees widths, kernels and keys; never a weight.
    """

    name: ClassVar[str]
    acts_on: ClassVar[tuple[str, ...]]
    """Granularities that it means something for."""

    def applies_to(self, granularity: str) -> bool:
        """Whether it means something for units of that granularity."""
        return granularity in self.acts_on

    def shares(self, layers: Sequence[LayerSpec], share: float, target: int | None) -> list[float]:
        """The share of each layer, whose synapses add up to `share` of all, or to `target` where one is given."""
        return [share] * len(layers)

    def draw(self, keys: Keys, count: int) -> Mask:
        """Which `count` units of one layer exist, in the shape of `keys`."""
        raise NotImplementedError

    def choose(self, layers: Sequence[Units], count: int) -> list[Mask]:
        """Which units exist, `count` over all layers: each gets its part by its expectation."""
        parts = apportion(count, [units.expected for units in layers], [units.keys.size for units in layers])
        return [self.draw(units.keys, part) for units, part in zip(layers, parts, strict=True)]


def first(count: int, sort_keys: NDArray[Any]) -> Mask:
    """True for the `count` smallest sort keys, in their shape; ties go to the earlier place."""
    chosen = np.zeros(sort_keys.size, dtype=np.bool_)
    chosen[np.argsort(sort_keys, axis=None, kind="stable")[:count]] = True
    return chosen.reshape(sort_keys.shape)


def apportion(count: int, expected: Sequence[float], available: Sequence[int]) -> list[int]:
    """`count` in proportion to `expected`, no part above its `available`; rounded by the largest remainder.

    >>> apportion(10, [8.0, 4.0, 2.4], [8, 2, 9])
    [6, 2, 2]
    """
    exact = scaled(float(count), expected, [float(limit) for limit in available])
    parts = [min(int(part), limit) for part, limit in zip(exact, available, strict=True)]
    by_remainder = sorted(range(len(parts)), key=lambda at: parts[at] - exact[at])
    while (missing := count - sum(parts)) > 0:
        open_parts = [at for at in by_remainder if parts[at] < available[at]]
        for at in open_parts[:missing]:
            parts[at] += 1
    return parts


def scaled(total: float, weights: Sequence[float], limits: Sequence[float]) -> list[float]:
    """`total` in proportion to `weights`; what goes beyond a limit is shared out over the others."""
    found = list(limits)
    free = list(range(len(weights)))
    while free:
        left, weight = total, 0.0
        for at in range(len(weights)):  # `sum` rounds otherwise since Python 3.12
            left -= 0.0 if at in free else limits[at]
            weight += weights[at] if at in free else 0.0
        full = [at for at in free if weights[at] * left >= limits[at] * weight]
        if not full:
            return [weights[at] * left / weight if at in free else limits[at] for at in range(len(weights))]
        free = [at for at in free if at not in full]
    return found
