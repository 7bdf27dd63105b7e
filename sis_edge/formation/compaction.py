"""What of a graph is alive, and the smaller network that computes the same.

A neuron without a synapse from a live neuron emits exactly 0 (its bias and normalisation do not exist either), and
one without a synapse to a live neuron is never heard. Both can go without changing any output. At t_c = 0.25 the
paper's C1 loses some 80 of its 192 filters that way, for it sees three inputs only. Where results are added, a channel
of the sum is 0 only if it is in all summands; pooling and the activations leave 0 as it is.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TypeAlias, TypeVar

import numpy as np
from numpy.typing import NDArray

from sis_edge.formation.graph import LayerGraph, Mask, SynapticGraph
from sis_edge.spec import LayerSpec, added_to, sources_of

_T = TypeVar("_T", bound=np.generic)

Indices: TypeAlias = NDArray[np.intp]


@dataclass(frozen=True, eq=False)
class LayerPlan:
    """One layer of a network to build: its width, and where its neurons stand in the dense layer.

    `mask` is bool [filters, inputs / groups, kernel, kernel] in this plan's width, or None where all synapses exist.
    `alive` is bool [filters], or None where all neurons are alive; of one that is not, convolution and normalisation
    give exactly 0, before the addition.
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


@dataclass(frozen=True, eq=False)
class _Life:
    """Of one layer, bool [filters]: which neurons have a live input, which channels can be other than 0, are heard."""

    reached: Mask
    emits: Mask
    heard: Mask

    @property
    def works(self) -> Mask:
        """Neurons whose convolution can change an output."""
        return self.reached & self.heard


def pairs_of(layer: LayerGraph) -> Mask:
    """Which filter has a synapse from which input: bool [filters, inputs], also where groups part them."""
    seen: Mask = np.asarray(layer.synapses.any(axis=(2, 3)))
    groups = layer.spec.groups
    if groups == 1:
        return seen
    filters, inputs = seen.shape[0] // groups, seen.shape[1]
    pairs = np.zeros((layer.spec.filters, layer.spec.inputs), dtype=np.bool_)
    for number in range(groups):
        rows = slice(number * filters, (number + 1) * filters)
        pairs[rows, number * inputs : (number + 1) * inputs] = seen[rows]
    return pairs


def live_neurons(graph: SynapticGraph) -> list[Mask]:
    """Per layer, which neurons are on a path from the image to a class: bool [filters]. Class outputs always are."""
    return [life.emits & life.heard for life in _lives(graph)]


def working_neurons(graph: SynapticGraph) -> list[Mask]:
    """Per layer, which neurons are on such a path by their own synapses, not by what is added to them only."""
    return [life.works for life in _lives(graph)]


def compact(graph: SynapticGraph) -> tuple[LayerPlan, ...]:
    """The network of live neurons only: what is trained and exported.

    Summands have the same channels, those that live in any of them; a group of filters is there whole or not at all.
    """
    lives = _lives(graph)
    kept = _kept(graph, [life.emits & life.heard for life in lives])
    plans = []
    image = np.ones(graph.spec.channels, dtype=np.bool_)
    for layer, source, life, exist in zip(graph.layers, _sources(graph), lives, kept, strict=True):
        sources, emits = (image, image) if source < 0 else (kept[source], lives[source].emits)
        filters: Indices = np.flatnonzero(exist)
        inputs: Indices = np.flatnonzero(sources)
        works = life.works[filters]
        mask = of_plan(layer.synapses, layer.spec, filters, inputs) & works[:, None, None, None]
        if layer.spec.groups == 1:
            mask &= emits[inputs][None, :, None, None]
        groups = layer.spec.groups * filters.size // layer.spec.filters if layer.spec.groups > 1 else 1
        spec = replace(layer.spec, filters=filters.size, inputs=inputs.size, groups=groups)
        plans.append(LayerPlan(spec, filters, inputs, _unless_all(mask), _unless_all(works)))
    return tuple(plans)


def whole(graph: SynapticGraph) -> tuple[LayerPlan, ...]:
    """The same function in the dense network's width, with its zeros: what compaction is checked against."""
    return tuple(
        LayerPlan(
            layer.spec,
            np.arange(layer.spec.filters),
            np.arange(layer.spec.inputs),
            _unless_all(layer.synapses),
            _unless_all(works),
        )
        for layer, works in zip(graph.layers, working_neurons(graph), strict=True)
    )


def of_plan(dense: NDArray[_T], spec: LayerSpec, filters: Indices, inputs: Indices) -> NDArray[_T]:
    """What a plan keeps of an array [filters, inputs / groups, ...] of the dense layer `spec`."""
    if spec.groups > 1:  # its groups are kept whole or not at all
        return dense[filters]
    return dense[np.ix_(filters, inputs)]


def _lives(graph: SynapticGraph) -> list[_Life]:
    """What lives, by one walk from the image to the classes and one back."""
    specs = [layer.spec for layer in graph.layers]
    pairs = [pairs_of(layer) for layer in graph.layers]
    reads, adds = sources_of(specs), added_to(specs)
    reached: list[Mask] = []
    emits: list[Mask] = []
    for layer, seen, source, added in zip(graph.layers, pairs, reads, adds, strict=True):
        sources = np.ones(graph.spec.channels, dtype=np.bool_) if source < 0 else emits[source]
        own = layer.neurons & (seen & sources).any(axis=1)
        if layer.spec.is_class_layer:
            own = layer.neurons
        reached.append(own)
        emits.append(own.copy())
        if added is not None:
            emits[-1][: emits[added].size] |= emits[added]
    heard = [np.full(spec.filters, spec.is_class_layer, dtype=np.bool_) for spec in specs]
    for at in reversed(range(len(specs))):
        source, added = reads[at], adds[at]
        if source >= 0:
            heard[source] |= pairs[at][reached[at] & heard[at]].any(axis=0)
        if added is not None:
            heard[added] |= heard[at][: heard[added].size]
    return [_Life(*parts) for parts in zip(reached, emits, heard, strict=True)]


def _kept(graph: SynapticGraph, live: Sequence[Mask]) -> list[Mask]:
    """The live channels, and those that have to be there with them so that sums and groups fit."""
    specs = [layer.spec for layer in graph.layers]
    kept = [mask.copy() for mask in live]
    image = np.ones(graph.spec.channels, dtype=np.bool_)
    before = -1
    while before != (now := sum(int(mask.sum()) for mask in kept)):
        before = now
        for at, (source, added) in enumerate(zip(sources_of(specs), added_to(specs), strict=True)):
            if added is not None:
                width = kept[added].size
                kept[added] |= kept[at][:width]
                kept[at][:width] |= kept[added]
            if specs[at].groups > 1:
                read = image if source < 0 else kept[source]
                sides = [mask.reshape(specs[at].groups, -1) for mask in (read, kept[at])]
                there = np.concatenate(sides, axis=1).any(axis=1)
                for mask in sides:
                    mask[there] = True  # a view: the channels themselves
    return kept


def _sources(graph: SynapticGraph) -> list[int]:
    return sources_of([layer.spec for layer in graph.layers])


def _unless_all(mask: Mask) -> Mask | None:
    return None if mask.all() else mask
