"""The paper's distribution (equation 1): every set of units of the given count is equally likely, over all layers."""

from collections.abc import Sequence

import numpy as np

from sis_edge.formation.distributions.base import Distribution, Mask, Units, first


class Uniform(Distribution):
    """Units of equal size compete over all layers of the group; a layer's count varies with the seed."""

    name = "uniform"
    acts_on = ()

    def applies_to(self, granularity: str) -> bool:
        """It is the law of every granularity."""
        return True

    def choose(self, layers: Sequence[Units], count: int) -> list[Mask]:
        """The `count` smallest keys of all layers."""
        chosen = first(count, np.concatenate([units.keys.ravel() for units in layers]))
        ends = np.cumsum([units.keys.size for units in layers])[:-1]
        parts = np.split(chosen, ends)
        return [part.reshape(units.keys.shape) for part, units in zip(parts, layers, strict=True)]


UNIFORM = Uniform()
