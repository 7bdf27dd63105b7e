"""What of a graph is alive, and the smaller network that computes the same.

A neuron without a synapse from a live neuron emits exactly 0 (its bias and normalisation do not exist either), and
one without a synapse to a live neuron is never heard. Both can go without changing any output. At t_c = 0.25 the
paper's C1 loses some 80 of its 192 filters that way, for it sees three inputs only.
"""

from dataclasses import dataclass, replace
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from sis_edge.formation.graph import Mask, SynapticGraph
from sis_edge.spec import LayerSpec

Indices: TypeAlias = NDArray[np.intp]


@dataclass(frozen=True, eq=False)
class LayerPlan:
    """One layer of a network to build: its width, and where its neurons stand in the dense layer.

    `mask` is bool [filters, inputs, kernel, kernel] in this plan's width, or None where all synapses exist.
    `alive` is bool [filters], or None where all neurons are alive; a neuron that is not emits exactly 0.
    """

    spec: LayerSpec
    filters: Indices
    inputs: Indices
    mask: Mask | None
    alive: Mask | None = None

    @property
    def macs(self) -> int:
        """Multiply-accumulates of the synapses in this plan for one image."""
        synapses = self.spec.synapse_count if self.mask is None else int(self.mask.sum())
        return synapses * self.spec.positions


def live_neurons(graph: SynapticGraph) -> list[Mask]:
    """Per layer, which neurons are on a path from the image to a class: bool [filters]. Class outputs always are."""
    heard: list[Mask] = [np.asarray(layer.synapses.any(axis=(2, 3))) for layer in graph.layers]  # [filters, inputs]
    alive: list[Mask] = []
    sources: Mask = np.ones(graph.spec.channels, dtype=np.bool_)
    for layer, pairs in zip(graph.layers, heard, strict=True):
        reached = layer.neurons & (pairs & sources).any(axis=1)
        if layer.spec.is_class_layer:
            reached = layer.neurons
        alive.append(reached)
        sources = reached
    for at in range(len(alive) - 2, -1, -1):
        alive[at] = alive[at] & heard[at + 1][alive[at + 1]].any(axis=0)
    return alive


def compact(graph: SynapticGraph) -> tuple[LayerPlan, ...]:
    """The network of live neurons only: what is trained and exported."""
    plans = []
    inputs: Indices = np.arange(graph.spec.channels)
    for layer, alive in zip(graph.layers, live_neurons(graph), strict=True):
        filters: Indices = np.flatnonzero(alive)
        mask = layer.synapses[np.ix_(filters, inputs)]
        spec = replace(layer.spec, filters=filters.size, inputs=inputs.size)
        plans.append(LayerPlan(spec, filters, inputs, None if mask.all() else mask))
        inputs = filters
    return tuple(plans)


def whole(graph: SynapticGraph) -> tuple[LayerPlan, ...]:
    """The same function in the dense network's width, with its zeros: what compaction is checked against."""
    plans = []
    inputs: Indices = np.arange(graph.spec.channels)
    for layer, alive in zip(graph.layers, live_neurons(graph), strict=True):
        filters: Indices = np.arange(layer.spec.filters)
        plans.append(
            LayerPlan(
                layer.spec,
                filters,
                inputs,
                None if layer.synapses.all() else layer.synapses,
                None if alive.all() else alive,
            )
        )
        inputs = filters
    return tuple(plans)
