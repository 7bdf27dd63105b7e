"""Centred: synapses near the centre of a kernel are likelier than those at its edge."""

import numpy as np

from sis_edge.formation.distributions.base import Distribution, Mask, first
from sis_edge.formation.streams import Keys


class Centred(Distribution):
    """A synapse at the distance d from its kernel's centre is drawn with a chance in proportion to 1 / (1 + d^2).

    Chances stop at 1. The draw is Ohlsson's sequential Poisson sampling (1998): the smallest of key / weight, with an
    exact count. One division in float64 is the same on every machine, as a logarithm need not be.
    """

    name = "centred"
    acts_on = ("synapse",)

    def draw(self, keys: Keys, count: int) -> Mask:
        """The smallest of key x (1 + d^2), d in synapses."""
        offsets = [np.arange(side) - (side - 1) / 2 for side in keys.shape[2:]]
        distance = offsets[0][:, None] ** 2 + offsets[1][None, :] ** 2
        return first(count, keys.astype(np.float64) * (1 + distance))


CENTRED = Centred()
