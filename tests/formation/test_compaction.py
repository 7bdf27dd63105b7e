"""What is alive, against following every path by hand."""

from collections import deque

import numpy as np
import pytest
from branched import BRANCHED
from hypothesis import given, settings

from sis_edge.formation import Formation, SynapticGraph, form, preset
from sis_edge.formation.compaction import compact, live_neurons, whole
from sis_edge.formation.masks import from_masks
from sis_edge.spec import LayerSpec, NetworkSpec, nin

from .test_form import FORMATIONS, SMALL, formed


def paths(graph: SynapticGraph) -> list[set[int]]:
    """Live neurons per layer by walking from the image and back from the classes, a synapse at a time."""
    edges: dict[tuple[int, int], set[tuple[int, int]]] = {}
    back: dict[tuple[int, int], set[tuple[int, int]]] = {}
    for at, layer in enumerate(graph.layers):
        for f, i, _, _ in zip(*np.nonzero(layer.synapses), strict=True):
            edges.setdefault((at - 1, int(i)), set()).add((at, int(f)))
            back.setdefault((at, int(f)), set()).add((at - 1, int(i)))

    def walk(starts: set[tuple[int, int]], ways: dict[tuple[int, int], set[tuple[int, int]]]) -> set[tuple[int, int]]:
        seen, queue = set(starts), deque(starts)
        while queue:
            for following in ways.get(queue.popleft(), set()) - seen:
                seen.add(following)
                queue.append(following)
        return seen

    last = len(graph.layers) - 1
    classes = {(last, c) for c in range(graph.spec.classes)}
    both = walk({(-1, c) for c in range(graph.spec.channels)}, edges) & walk(classes, back) | classes
    return [{f for at, f in both if at == layer} for layer in range(last + 1)]


@given(formation=FORMATIONS)
@settings(max_examples=60, deadline=None)
def test_live_neurons_are_those_on_a_path(formation: Formation) -> None:
    graph = formed(formation)
    if graph is not None:
        assert [set(np.flatnonzero(alive)) for alive in live_neurons(graph)] == paths(graph)


@given(formation=FORMATIONS)
@settings(max_examples=60, deadline=None)
def test_compact_plans_hold_the_synapses_of_the_living(formation: Formation) -> None:
    graph = formed(formation)
    if graph is None:
        return
    sources = np.arange(SMALL.channels)
    for layer, plan, alive in zip(graph.layers, compact(graph), live_neurons(graph), strict=True):
        assert np.array_equal(plan.inputs, sources)
        assert np.array_equal(plan.filters, np.flatnonzero(alive))
        assert (plan.spec.filters, plan.spec.inputs) == (plan.filters.size, plan.inputs.size)
        kept = layer.synapses[plan.filters][:, plan.inputs]
        assert np.array_equal(kept, np.ones(plan.spec.weight_shape, bool) if plan.mask is None else plan.mask)
        assert plan.macs == int(kept.sum()) * layer.spec.map_side**2
        sources = plan.filters
    assert [plan.spec.filters for plan in whole(graph)] == [layer.filters for layer in SMALL.layers]


def test_the_paper_s_first_layer_loses_filters() -> None:
    graph = form(nin(), preset("cifar10-sis1").formation())
    first = live_neurons(graph)[0]
    without_input = ~graph.layers[0].synapses.any(axis=(1, 2, 3))
    assert 50 < int(without_input.sum()) < 110  # (3/4)^3 of 192 are 81
    assert np.array_equal(first, ~without_input)


@pytest.mark.parametrize("name", ["nin", "cifar10-sis3"])
def test_networks_of_whole_neurons_compact_to_dense_layers(name: str) -> None:
    assert all(plan.mask is None for plan in compact(form(nin(), preset(name).formation())))


def test_summands_keep_the_same_channels() -> None:
    """B adds A and C adds B; some channels live in one of them only."""
    layers = (
        LayerSpec("A", "MP", 1, 4, 1, 4),
        LayerSpec("B", "MP", 4, 4, 1, 4, source="A", adds="A"),
        LayerSpec("C", "MP", 4, 4, 1, 4, source="A", adds="B"),
        LayerSpec("D", "MP", 4, 2, 1, 4, is_class_layer=True),
    )
    pairs = {"A": [(0, 0), (2, 0)], "B": [(1, 0)], "C": [(3, 2), (3, 1)], "D": [(0, 1), (1, 3)]}
    masks = {layer.name: np.zeros(layer.weight_shape, dtype=bool) for layer in layers}
    for name, synapses in pairs.items():
        for filter_, read in synapses:
            masks[name][filter_, read] = True
    graph = SynapticGraph.from_masks(NetworkSpec("sums", 1, 4, layers), masks)
    assert [np.flatnonzero(alive).tolist() for alive in live_neurons(graph)] == [[0, 2], [1], [1, 3], [0, 1]]
    plans = compact(graph)
    assert [plan.filters.tolist() for plan in plans] == [[0, 1, 2, 3]] * 3 + [[0, 1]]
    assert plans[2].mask is not None
    assert np.argwhere(plans[2].mask[:, :, 0, 0]).tolist() == [[3, 2]], "channel 1 of A is there, and always 0"


def test_a_group_of_filters_is_kept_whole_or_not_at_all() -> None:
    """Three filters of one group are heard; of the other's inputs two are there for what is added to them."""
    synapses = {layer.name: np.ones(layer.weight_shape, dtype=np.bool_) for layer in BRANCHED.layers}
    synapses["wide"][:, 3:] = False
    plan = next(plan for plan in compact(from_masks(BRANCHED, synapses, {}, "mine")) if plan.spec.name == "group")
    assert (plan.spec.groups, plan.filters.tolist(), plan.inputs.tolist()) == (2, [*range(12)], [*range(12)])
    assert plan.mask is not None
    assert plan.mask.shape == plan.spec.weight_shape
    assert plan.alive is not None
    assert plan.alive.tolist() == [True] * 3 + [False] * 9
    assert not plan.mask[3:].any()
