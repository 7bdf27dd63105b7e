"""Erdos-Renyi-kernel: layers with few neurons and small kernels keep a larger share of their synapses.

A layer's share is in proportion to (filters + inputs + k + k) / (filters x inputs x k x k), and is at most 1. Source:
Mocanu et al. 2018 (Erdos-Renyi), with the kernel's sides by Evci et al. 2020 (RigL).
"""

from collections.abc import Sequence

from sis_edge.formation.distributions.base import Distribution, Mask, first, scaled
from sis_edge.formation.streams import Keys
from sis_edge.spec import LayerSpec


class ErdosRenyiKernel(Distribution):
    """Each layer's count follows the law; within a layer every unit is equally likely."""

    name = "erk"
    acts_on = ("kernel", "block", "synapse")

    def shares(self, layers: Sequence[LayerSpec], share: float, target: int | None) -> list[float]:
        """The law's shares; what a layer cannot hold goes to the others."""
        possible = [float(layer.synapse_count) for layer in layers]
        total = share * sum(layer.synapse_count for layer in layers) if target is None else float(target)
        law = [float(layer.filters + layer.inputs + 2 * layer.kernel) for layer in layers]
        return [exist / most for exist, most in zip(scaled(total, law, possible), possible, strict=True)]

    def draw(self, keys: Keys, count: int) -> Mask:
        """The smallest keys."""
        return first(count, keys)


ERK = ErdosRenyiKernel()
