"""Constant fan-in: each filter of a layer has the same number of units, up to one."""

import numpy as np

from sis_edge.formation.distributions.base import Distribution, Mask, first
from sis_edge.formation.streams import Keys


class ConstantFanIn(Distribution):
    """Which inputs a filter has is uniform; so is which filters have one unit more where the count asks for it.

    In granularity `block` the filters of a block count as one. A last, smaller block has a count of its own.
    """

    name = "constant-fan-in"
    acts_on = ("kernel", "block", "synapse")

    def draw(self, keys: Keys, count: int) -> Mask:
        """The smallest keys of each filter."""
        rows = keys.reshape(len(keys), -1)
        order = np.argsort(rows, axis=1, kind="stable")
        chosen = np.zeros(rows.shape, dtype=np.bool_)
        np.put_along_axis(chosen, order, np.arange(rows.shape[1]) < fan_in(rows, count)[:, None], axis=1)
        return chosen.reshape(keys.shape)


def fan_in(rows: Keys, count: int) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
    """Units of each filter: `count` shared out equally, the rest to the filters with the smallest keys.

    A filter's smallest key says nothing of which of its inputs has it, so that those stay equally likely.
    """
    each, more = divmod(count, len(rows))
    found = each + first(more, rows.min(axis=1)).astype(np.int64)
    return found


CONSTANT_FAN_IN = ConstantFanIn()
