"""The unit is a whole filter or neuron: the paper's micro networks.

Every layer keeps the same share and each existing neuron all its synapses, whatever the distribution: all of them but
the uniform one are about what is drawn between neurons.
"""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from sis_edge.formation.distributions import first
from sis_edge.formation.formation import Formation
from sis_edge.formation.granularities.base import Granularity, Mask
from sis_edge.formation.streams import raw_keys
from sis_edge.spec import LayerSpec, NetworkSpec


class Neuron(Granularity):
    """A share of a layer's neurons exists, and with them every synapse between existing neurons."""

    name = "neuron"

    @classmethod
    def steps(cls, spec: NetworkSpec, formation: Formation) -> list[Formation]:
        """Whole neurons of the convolutional layers: `t_c` moves by one filter of the widest."""
        widest = max((layer.filters for layer in spec.layers if layer.group == "CL"), default=0)
        return [replace(formation, t_c=count / widest) for count in range(1, widest + 1)]

    def neurons(self, layer: LayerSpec, share: float) -> Mask:
        """The share, rounded half up and at least one; the class outputs always exist."""
        if layer.is_class_layer or share == 1:
            return np.ones(layer.filters, dtype=np.bool_)
        keys = raw_keys(self.formation.seed, f"{layer.name}/neuron", layer.filters)
        return first(max(1, int(layer.filters * share + 0.5)), keys)

    def synapses(self, layers: Sequence[LayerSpec], share: float, target: int | None, stream: str) -> list[Mask]:
        """All synapses between existing neurons; a target count is not reachable by whole neurons and is ignored."""
        return [np.ones(layer.weight_shape, dtype=np.bool_) for layer in layers]
