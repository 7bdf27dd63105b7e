"""Form a synaptic graph: first which neurons exist, then which synapses between them."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from sis_edge.errors import UsageError
from sis_edge.formation.compaction import live_neurons
from sis_edge.formation.distributions import UNIFORM
from sis_edge.formation.formation import Formation
from sis_edge.formation.granularities import Granularity
from sis_edge.formation.graph import LayerGraph, Mask, SynapticGraph
from sis_edge.registries import DISTRIBUTIONS, GRANULARITIES
from sis_edge.spec import Group, LayerSpec, NetworkSpec


def form(spec: NetworkSpec, formation: Formation) -> SynapticGraph:
    """Draw the graph that `formation` decides for `spec`: the same bits for the same seed on every machine.

    Raises UsageError for an unknown granularity or distribution, and where so little may exist that a layer has
    no path from the image to a class.
    """
    shares: dict[Group, float] = {"CL": formation.t_c, "MP": formation.t_p}
    units: dict[Group, Granularity] = {
        "CL": GRANULARITIES.find(formation.conv)(formation),
        "MP": GRANULARITIES.find(formation.micro)(formation),
    }
    _check_distribution(formation, shares)
    neurons = [units[layer.group].neurons(layer, shares[layer.group]) for layer in spec.layers]
    inputs = [np.ones(spec.channels, dtype=np.bool_), *neurons[:-1]]
    possible = [
        replace(layer, inputs=int(sources.sum()), filters=int(exist.sum()))
        for layer, sources, exist in zip(spec.layers, inputs, neurons, strict=True)
    ]
    synapses: list[Mask] = [np.zeros(layer.weight_shape, dtype=np.bool_) for layer in spec.layers]
    targets: dict[Group, int | None] = {"CL": formation.conv_synapses, "MP": None}
    for group, unit in units.items():
        members = [at for at, layer in enumerate(spec.layers) if layer.group == group]
        drawn = unit.synapses([possible[at] for at in members], shares[group], targets[group])
        for at, mask in zip(members, drawn, strict=True):
            synapses[at][np.ix_(neurons[at], inputs[at])] = mask
    graph = SynapticGraph(spec, formation, _layers(spec.layers, neurons, synapses))
    for layer, alive in zip(spec.layers, live_neurons(graph), strict=True):
        if not alive.any():
            raise UsageError(
                f"t_c = {formation.t_c:g} and t_p = {formation.t_p:g} leave no path through layer {layer.name}; "
                "raise the share that forms it"
            )
    return graph


def _check_distribution(formation: Formation, shares: dict[Group, float]) -> None:
    """Raises UsageError for a distribution that would decide nothing: its graph would pass for another."""
    law = DISTRIBUTIONS.find(formation.distribution)
    drawn = {"CL": formation.conv, "MP": formation.micro}
    if law.name != UNIFORM and not any(shares[group] < 1 and law.applies_to(drawn[group]) for group in shares):
        raise UsageError(
            f"distribution {law.name} is of granularity {', '.join(law.acts_on)}, and nothing is drawn in those here "
            f"(conv {formation.conv}, t_c = {formation.t_c:g}; micro {formation.micro}, t_p = {formation.t_p:g}); "
            "use uniform, or another granularity or share"
        )


def _layers(specs: Sequence[LayerSpec], neurons: Sequence[Mask], synapses: Sequence[Mask]) -> tuple[LayerGraph, ...]:
    return tuple(LayerGraph(*parts) for parts in zip(specs, neurons, synapses, strict=True))
