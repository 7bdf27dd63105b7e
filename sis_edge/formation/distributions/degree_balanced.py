"""Degree-balanced: each filter of a layer has the same number of units, and each input feeds the same number."""

import numpy as np

from sis_edge.formation.distributions.base import Distribution, Mask
from sis_edge.formation.distributions.constant_fan_in import fan_in
from sis_edge.formation.streams import Keys


class DegreeBalanced(Distribution):
    """Fan-in and fan-out of a layer's neurons differ by one unit at most; else the draw is random.

    One filter after the other, in random order, takes the inputs that have fed the fewest; between equals the keys
    decide. The counts of the inputs so never differ by more than one. In granularity `block` a block counts as one
    filter, and a last, smaller block is balanced on its own.
    """

    name = "degree-balanced"
    acts_on = ("kernel", "block", "nm", "synapse")

    def draw(self, keys: Keys, count: int) -> Mask:
        """The units of each filter in turn."""
        filters, inputs = keys.shape[:2]
        cells = keys.reshape(filters, inputs, -1)  # of a filter and an input: one unit, or k x k synapses
        smallest = cells.min(axis=2)
        ranks = np.argsort(np.argsort(cells, axis=2, kind="stable"), axis=2, kind="stable")
        degrees = fan_in(smallest, count)
        fed = np.zeros(inputs, dtype=np.int64)
        chosen = np.zeros(cells.shape, dtype=np.bool_)
        for at in np.argsort(smallest.min(axis=1), kind="stable"):
            each, more = divmod(int(degrees[at]), inputs)
            units = np.full(inputs, each, dtype=np.int64)
            units[np.lexsort((smallest[at], fed))[:more]] += 1
            fed += units
            chosen[at] = ranks[at] < units[:, None]
        return chosen.reshape(keys.shape)


DEGREE_BALANCED = DegreeBalanced()
