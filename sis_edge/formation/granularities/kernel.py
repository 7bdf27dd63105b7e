"""The unit is a k x k kernel, one (input, filter) pair: the paper's convolutional layers."""

import numpy as np

from sis_edge.formation.granularities.base import Granularity, Mask
from sis_edge.spec import LayerSpec


class Kernel(Granularity):
    """Whole kernels exist or not."""

    name = "kernel"

    def grid(self, layer: LayerSpec) -> tuple[int, ...]:
        """One unit a pair: (filters, inputs)."""
        return (layer.filters, layer.inputs)

    def expand(self, chosen: Mask, layer: LayerSpec) -> Mask:
        """A chosen pair has all its k x k synapses."""
        return np.broadcast_to(chosen[:, :, None, None], layer.weight_shape).copy()
