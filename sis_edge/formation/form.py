"""Form a synaptic graph: first which neurons exist, then which synapses between them."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from sis_edge.errors import UsageError, unknown
from sis_edge.formation.compaction import working_neurons
from sis_edge.formation.distributions import UNIFORM
from sis_edge.formation.formation import Formation
from sis_edge.formation.granularities import Granularity
from sis_edge.formation.graph import LayerGraph, Mask, SynapticGraph
from sis_edge.registries import DISTRIBUTIONS, GRANULARITIES
from sis_edge.spec import Group, LayerSpec, NetworkSpec, added_to, checked, sources_of


def form(spec: NetworkSpec, formation: Formation) -> SynapticGraph:
    """Draw the graph that `formation` decides for `spec`: the same bits for the same seed on every machine.

    Depthwise layers stay whole unless `formation.layer_shares` names them. Raises UsageError for a network whose layers
    do not fit, an unknown layer, granularity or distribution, for a granularity that a layer's groups do not allow, and
    where so little may exist that a layer has no path from the image to a class.
    """
    spec = checked(_regrouped(spec, formation))
    units = _units(formation)
    shares = densities(spec, formation)
    _check_distribution(spec.layers, formation, shares)
    for layer, share in zip(spec.layers, shares, strict=True):
        if share < 1 and layer.groups > 1:
            units[layer.group].check_groups(layer)
    neurons = _neurons(spec, units, shares)
    inputs = _inputs(spec, neurons)
    synapses = _synapses(spec, formation, units, shares, neurons, inputs)
    graph = SynapticGraph(spec, formation, _layers(spec.layers, neurons, synapses))
    for layer, works in zip(spec.layers, working_neurons(graph), strict=True):
        if not works.any():
            raise UsageError(
                f"t_c = {formation.t_c:g} and t_p = {formation.t_p:g} leave no path through layer {layer.name}; "
                "raise the share that forms it"
            )
    return graph


def densities(spec: NetworkSpec, formation: Formation) -> list[float]:
    """The density of each layer: its own or its group's."""
    return [_share(layer, formation) for layer in _regrouped(spec, formation).layers]


def existing(spec: NetworkSpec, formation: Formation) -> list[tuple[Mask, Mask]]:
    """Which neurons and inputs of each layer exist, bool [filters] and [inputs]; no distribution decides it."""
    spec = checked(_regrouped(spec, formation))
    neurons = _neurons(spec, _units(formation), densities(spec, formation))
    return list(zip(neurons, _inputs(spec, neurons), strict=True))


def _units(formation: Formation) -> dict[Group, Granularity]:
    return {
        "CL": GRANULARITIES.find(formation.conv)(formation),
        "MP": GRANULARITIES.find(formation.micro)(formation),
    }


def _inputs(spec: NetworkSpec, neurons: Sequence[Mask]) -> list[Mask]:
    """Which channels each layer reads."""
    image = np.ones(spec.channels, dtype=np.bool_)
    channels = _channels(spec, neurons)
    return [image if source < 0 else channels[source] for source in sources_of(spec.layers)]


def _regrouped(spec: NetworkSpec, formation: Formation) -> NetworkSpec:
    """The network with the formation's groups; raises UsageError for a layer that it does not have."""
    names = {layer.name for layer in spec.layers}
    for name in (*formation.layer_shares, *formation.layer_groups):
        if name not in names:
            raise unknown(f"layer of {spec.name}", name, names)
    if not formation.layer_groups:
        return spec
    groups = formation.layer_groups
    layers = (replace(layer, group=groups.get(layer.name, layer.group)) for layer in spec.layers)
    return replace(spec, layers=tuple(layers))


def _share(layer: LayerSpec, formation: Formation) -> float:
    """The layer's own share or its group's; a depthwise layer, which has few synapses, is whole by default."""
    usual = formation.t_c if layer.group == "CL" else formation.t_p
    return formation.layer_shares.get(layer.name, 1.0 if layer.is_depthwise else usual)


def _neurons(spec: NetworkSpec, units: dict[Group, Granularity], shares: Sequence[float]) -> list[Mask]:
    """Which filters of each layer exist.

    Layers whose results are added draw from the stream of the first of them, so that the same channels exist in all. A
    filter of a depthwise layer exists only with its input.
    """
    drawn_as: list[str] = []
    neurons: list[Mask] = []
    links = zip(spec.layers, shares, sources_of(spec.layers), added_to(spec.layers), strict=True)
    for layer, share, source, added in links:
        drawn_as.append(layer.name if added is None else drawn_as[added])
        exist = units[layer.group].neurons(replace(layer, name=drawn_as[-1]), share)
        if layer.is_depthwise and source >= 0:
            exist = exist & np.repeat(_channels(spec, neurons)[source], layer.filters // layer.inputs)
        neurons.append(exist)
    return neurons


def _channels(spec: NetworkSpec, neurons: Sequence[Mask]) -> list[Mask]:
    """Which channels of each layer's result exist: those of its neurons and of what is added to them."""
    channels = [exist.copy() for exist in neurons]
    for own, added in zip(channels, added_to(spec.layers), strict=False):
        if added is not None:
            own[: channels[added].size] |= channels[added]
    return channels


def _synapses(
    spec: NetworkSpec,
    formation: Formation,
    units: dict[Group, Granularity],
    shares: Sequence[float],
    neurons: Sequence[Mask],
    inputs: Sequence[Mask],
) -> list[Mask]:
    """Which synapses of each layer exist.

    Layers with the group's share are drawn together, layers with one of their own by themselves. Where there are groups
    of filters, the draw is over all of their units, and those of neurons that do not exist are dropped.
    """
    synapses: list[Mask] = [np.zeros(layer.weight_shape, dtype=np.bool_) for layer in spec.layers]
    targets: dict[Group, int | None] = {"CL": formation.conv_synapses, "MP": None}

    def draw(unit: Granularity, members: list[int], share: float, target: int | None, stream: str) -> None:
        possible = [_possible(spec.layers[at], neurons[at], inputs[at]) for at in members]
        for at, mask in zip(members, unit.synapses(possible, share, target, stream), strict=True):
            if spec.layers[at].groups == 1:
                synapses[at][np.ix_(neurons[at], inputs[at])] = mask
            else:
                synapses[at] = mask & _between(spec.layers[at], neurons[at], inputs[at])

    for group, unit in units.items():
        members = [at for at, layer in enumerate(spec.layers) if layer.group == group]
        alone = [at for at in members if spec.layers[at].is_depthwise or spec.layers[at].name in formation.layer_shares]
        for at in alone:
            draw(unit, [at], shares[at], None, spec.layers[at].name)
        common, target = [at for at in members if at not in alone], targets[group]
        if target is not None:
            target = max(0, target - sum(int(synapses[at].sum()) for at in alone))
        share = formation.t_c if group == "CL" else formation.t_p
        if common:
            draw(unit, common, share, target, group)
    return synapses


def _possible(layer: LayerSpec, neurons: Mask, inputs: Mask) -> LayerSpec:
    """The layer that a granularity sees: of the width of what exists, or of one group's inputs."""
    if layer.groups == 1:
        return replace(layer, inputs=int(inputs.sum()), filters=int(neurons.sum()))
    return replace(layer, inputs=layer.inputs // layer.groups, groups=1)


def _between(layer: LayerSpec, neurons: Mask, inputs: Mask) -> Mask:
    """Of a layer with groups the synapses between existing neurons: bool [filters, inputs / groups, 1, 1]."""
    per_filter = np.repeat(inputs.reshape(layer.groups, -1), layer.filters // layer.groups, axis=0)
    return np.asarray(neurons[:, None] & per_filter)[:, :, None, None]


def _check_distribution(layers: Sequence[LayerSpec], formation: Formation, shares: Sequence[float]) -> None:
    """Raises UsageError for a distribution that would decide nothing: its graph would pass for another."""
    law = DISTRIBUTIONS.find(formation.distribution)
    drawn = {"CL": formation.conv, "MP": formation.micro}
    decides = any(share < 1 and law.applies_to(drawn[layer.group]) for layer, share in zip(layers, shares, strict=True))
    if law.name != UNIFORM and not decides:
        raise UsageError(
            f"distribution {law.name} is of granularity {', '.join(law.acts_on)}, and nothing is drawn in those here "
            f"(conv {formation.conv}, t_c = {formation.t_c:g}; micro {formation.micro}, t_p = {formation.t_p:g}); "
            "use uniform, or another granularity or share"
        )


def _layers(specs: Sequence[LayerSpec], neurons: Sequence[Mask], synapses: Sequence[Mask]) -> tuple[LayerGraph, ...]:
    return tuple(LayerGraph(*parts) for parts in zip(specs, neurons, synapses, strict=True))
