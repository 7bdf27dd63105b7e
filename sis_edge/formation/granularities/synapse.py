"""The unit is a single weight: the original StochasticNet. No runtime known is fast on it; kept for the science."""

import numpy as np
from numpy.typing import NDArray

from sis_edge.formation.granularities.base import Granularity, Mask
from sis_edge.spec import LayerSpec


class Synapse(Granularity):
    """Single synapses exist or not."""

    name = "synapse"

    def grid(self, layer: LayerSpec) -> tuple[int, ...]:
        """One unit a weight: (filters, inputs, kernel, kernel)."""
        return layer.weight_shape

    def expand(self, chosen: Mask, layer: LayerSpec) -> Mask:
        """The units are the synapses."""
        return chosen

    def row_sizes(self, layer: LayerSpec, rows: int) -> NDArray[np.int64]:
        """One each."""
        return np.ones(rows, dtype=np.int64)
