"""A small network of every kind of layer, with random weights."""

import numpy as np

from sis_edge.exporting.compact import CompactLayer, CompactNetwork
from sis_edge.formation import form
from sis_edge.formation.compaction import compact
from sis_edge.formation.formation import Formation
from sis_edge.spec import LayerSpec, NetworkSpec


def small_network(seed: int = 0, conv: str = "kernel") -> CompactNetwork:
    """A NiN of a few filters: every kind of layer, both poolings."""
    layers = (
        LayerSpec("C1", "CL", 3, 16, 5, 16),
        LayerSpec("MP1", "MP", 16, 13, 1, 16, pool=2),
        LayerSpec("C2", "CL", 13, 16, 3, 8),
        LayerSpec("MP2", "MP", 16, 10, 1, 8, is_class_layer=True),
    )
    graph = form(NetworkSpec("small", 3, 16, layers), Formation(t_c=0.5, t_p=0.8, seed=seed, conv=conv))
    rng = np.random.default_rng(seed)
    found = []
    for plan in compact(graph):
        weight = rng.standard_normal(plan.spec.weight_shape).astype(np.float32) / 4
        if plan.mask is not None:
            weight *= plan.mask
        found.append(CompactLayer(plan.spec, weight, rng.standard_normal(plan.spec.filters).astype(np.float32)))
    return CompactNetwork(tuple(found))
