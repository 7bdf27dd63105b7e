"""Graphs of any shares, seed and granularity."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from sis_edge.errors import UsageError
from sis_edge.formation import Formation, SynapticGraph, form
from sis_edge.formation.streams import raw_keys
from sis_edge.registries import GRANULARITIES
from sis_edge.spec import LayerSpec, NetworkSpec, nin

# The first raw words of a stream: numpy keeps them for ever.
KEYS = [6077677712309324205, 13331219408076510813, 357686679479574861]

SMALL = NetworkSpec(
    "small",
    channels=3,
    side=8,
    layers=(
        LayerSpec("C1", "CL", 3, 12, 5, 8),
        LayerSpec("MP1a", "MP", 12, 10, 1, 8),
        LayerSpec("MP1b", "MP", 10, 9, 1, 8, pool=2),
        LayerSpec("C2", "CL", 9, 12, 3, 4),
        LayerSpec("MP2a", "MP", 12, 8, 1, 4),
        LayerSpec("MP2b", "MP", 8, 5, 1, 4, is_class_layer=True),
    ),
)

SHARES = st.floats(min_value=0.2, max_value=1, allow_nan=False)
FORMATIONS = st.builds(
    Formation,
    t_c=SHARES,
    t_p=SHARES,
    seed=st.integers(0, 2**40),
    conv=st.sampled_from(["kernel", "neuron", "block", "synapse"]),
    micro=st.sampled_from(["kernel", "neuron", "block", "synapse"]),
    block=st.integers(1, 14),
)


def formed(formation: Formation, spec: NetworkSpec = SMALL) -> SynapticGraph | None:
    """The graph, or None where so little may exist that no path is left."""
    try:
        return form(spec, formation)
    except UsageError as error:
        assert "no path" in str(error)  # noqa: PT017
        return None


@given(formation=FORMATIONS)
@settings(max_examples=150, deadline=None)
def test_synapses_stand_only_between_existing_neurons(formation: Formation) -> None:
    graph = formed(formation)
    if graph is None:
        return
    sources = np.ones(SMALL.channels, dtype=np.bool_)
    for layer in graph.layers:
        assert not layer.synapses[~layer.neurons].any()
        assert not layer.synapses[:, ~sources].any()
        sources = layer.neurons
    assert graph.layers[-1].neurons.all()


@given(formation=FORMATIONS)
@settings(max_examples=100, deadline=None)
def test_the_count_is_the_expectation_rounded_for_each_unit_size(formation: Formation) -> None:
    graph = formed(formation)
    if graph is None:
        return
    for group, unit, share in (("CL", formation.conv, formation.t_c), ("MP", formation.micro, formation.t_p)):
        possible, existing, sizes = 0, 0, set()
        sources = np.ones(SMALL.channels, dtype=np.bool_)
        for layer in graph.layers:
            if layer.spec.group == group:
                possible += int(layer.neurons.sum() * sources.sum()) * layer.spec.kernel**2
                existing += layer.synapse_count
                blocks = {min(formation.block, int(layer.neurons.sum())), int(layer.neurons.sum()) % formation.block}
                factors = {"synapse": {1}, "kernel": {layer.spec.kernel**2}, "neuron": {0}}.get(unit)
                sizes |= factors if factors is not None else {size * layer.spec.kernel**2 for size in blocks}
            sources = layer.neurons
        if unit == "neuron":
            assert existing == possible
        else:
            assert abs(existing - possible * share) <= sum(sizes) / 2 + 1e-6


@given(formation=FORMATIONS)
@settings(max_examples=30, deadline=None)
def test_a_seed_gives_one_graph(formation: Formation) -> None:
    graph = formed(formation)
    again = formed(formation)
    assert (graph and graph.digest()) == (again and again.digest())


@pytest.mark.parametrize("conv", ["kernel", "neuron", "block", "synapse"])
@given(seed=st.integers(0, 2**40), share=st.floats(0.3, 0.9), more=st.floats(0, 0.1))
@settings(max_examples=15, deadline=None)
def test_a_larger_share_keeps_all_that_a_smaller_one_had(conv: str, seed: int, share: float, more: float) -> None:
    smaller = formed(Formation(t_c=share, seed=seed, conv=conv))
    larger = formed(Formation(t_c=share + more, seed=seed, conv=conv))
    if smaller is not None and larger is not None and conv != "neuron":
        for one, two in zip(smaller.layers, larger.layers, strict=True):
            assert not (one.synapses & ~two.synapses).any()
    if smaller is not None and larger is not None:
        for one, two in zip(smaller.layers, larger.layers, strict=True):
            assert not (one.neurons & ~two.neurons).any()


def test_kernels_exist_whole_and_neurons_in_the_share() -> None:
    graph = form(nin(), Formation(t_c=0.25, t_p=0.5, seed=3))
    for layer in graph.layers:
        per_kernel = layer.synapses.sum(axis=(2, 3))
        assert set(np.unique(per_kernel)) <= {0, layer.spec.kernel**2}
        share = 1.0 if layer.spec.group == "CL" or layer.spec.is_class_layer else 0.5
        assert int(layer.neurons.sum()) == layer.spec.filters * share


@pytest.mark.parametrize("block", [1, 5, 8, 16, 192, 10**15])
def test_the_filters_of_a_block_share_their_inputs(block: int) -> None:
    graph = form(nin(), Formation(t_c=0.5, seed=2, conv="block", block=block))
    shares_inputs = 0
    for layer in graph.layers:
        if layer.spec.group == "CL":
            pairs = layer.synapses.any(axis=(2, 3))
            assert (layer.synapses.all(axis=(2, 3)) == pairs).all()
            for at in range(0, layer.spec.filters, min(block, 192)):
                members = pairs[at : at + min(block, 192)]
                assert (members == members[0]).all()
            shares_inputs += int(0 < pairs.mean() < 1)
    assert shares_inputs == 3


def test_a_block_of_one_filter_is_a_kernel_by_another_draw() -> None:
    block = form(nin(), Formation(t_c=0.25, conv="block", block=1))
    kernel = form(nin(), Formation(t_c=0.25))
    assert block.conv_synapses == kernel.conv_synapses
    assert block.digest() != kernel.digest()


@pytest.mark.parametrize(("share", "n"), [(0.25, 1), (0.5, 2), (0.75, 3)])
@pytest.mark.parametrize("seed", [0, 9])
def test_nm_keeps_n_of_every_four_inputs(share: float, n: int, seed: int) -> None:
    graph = form(nin(), Formation(t_c=share, t_p=share, seed=seed, conv="nm", micro="nm"))
    for layer in graph.layers:
        pairs = layer.synapses.any(axis=(2, 3))
        assert (layer.synapses.all(axis=(2, 3)) == pairs).all()
        if layer.spec.inputs % 4:
            assert layer.spec.name == "C1"
            assert pairs.all()
        else:
            groups = pairs.reshape(layer.spec.filters, -1, 4).sum(axis=2)
            assert (groups == n).all()


def test_nm_refuses_other_shares() -> None:
    with pytest.raises(UsageError, match=r"share 0.3 of every 4 inputs; use one of 0.25, 0.5, 0.75, 1"):
        form(nin(), Formation(t_c=0.3, conv="nm"))


@pytest.mark.slow
def test_kernels_are_uniform_given_their_count() -> None:
    """Each kernel's place is as likely as any other, and so is each pair of places of one filter."""
    spec = replace(SMALL, layers=(replace(SMALL.layers[0], filters=6), LayerSpec("M", "MP", 6, 2, 1, 8, 1, True)))
    seeds, places = 4000, 18
    hits, pairs = np.zeros(places), np.zeros((places, places))
    drawn = 0
    for seed in range(seeds):
        graph = formed(Formation(t_c=0.5, seed=seed), spec)
        if graph is None:
            continue
        drawn += 1
        chosen = graph.layers[0].synapses.any(axis=(2, 3)).ravel()
        assert int(chosen.sum()) == places // 2
        hits += chosen
        pairs += np.outer(chosen, chosen)
    assert drawn == seeds
    # Without replacement the counts vary less than independent ones: hypergeometric, n (1 - p) places / (places - 1).
    expected = drawn / 2
    chi2 = float(((hits - expected) ** 2 / (expected * 0.5)).sum()) * (places - 1) / places
    assert stats.chi2.sf(chi2, places - 1) > 0.001
    together = drawn * (9 * 8) / (18 * 17)
    upper = pairs[np.triu_indices(places, 1)]
    assert np.abs(upper - together).max() < 5 * np.sqrt(together)
    assert upper.mean() == pytest.approx(together)


def test_neurons_are_uniform_given_their_count() -> None:
    hits = np.zeros(160)
    seeds = 400
    for seed in range(seeds):
        keys = raw_keys(seed, "MP1a/neuron", 160)
        hits[np.argsort(keys, kind="stable")[:40]] += 1
    graph = form(nin(), Formation(t_p=0.25, seed=7))
    assert set(np.flatnonzero(graph.layers[1].neurons)) == set(np.argsort(raw_keys(7, "MP1a/neuron", 160))[:40])
    expected = seeds / 4
    chi2 = float(((hits - expected) ** 2 / (expected * 0.75)).sum()) * 159 / 160
    assert stats.chi2.sf(chi2, 159) > 0.001


def test_raw_keys_are_pinned_and_streams_are_independent() -> None:
    assert [int(key) for key in raw_keys(0, "CL/kernel/25", 3)] == KEYS
    assert not set(raw_keys(0, "a", 500).tolist()) & set(raw_keys(0, "b", 500).tolist())
    assert raw_keys(5, "a", 900)[:100].tolist() == raw_keys(5, "a", 100).tolist()


@pytest.mark.parametrize("name", ["t_c", "t_p"])
@pytest.mark.parametrize("share", [0.0, -0.1, 1.0000001, float("nan"), float("inf"), -float("inf")])
def test_shares_outside_of_zero_to_one_are_refused(name: str, share: float) -> None:
    with pytest.raises(UsageError, match=rf"{name} = .* is not a density; give a number above 0 and up to 1"):
        Formation(**{name: share})  # type: ignore[arg-type]


@pytest.mark.parametrize(("field", "value"), [("seed", -1), ("block", 0), ("block", -8)])
def test_other_values_that_cannot_be_meant(field: str, value: int) -> None:
    with pytest.raises(UsageError, match=rf"{field} = {value}"):
        Formation(**{field: value})  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("field", "kind", "known"),
    [("conv", "granularity", "kernel, neuron, block, nm, synapse"), ("distribution", "distribution", "uniform")],
)
def test_unknown_names_list_the_known_ones(field: str, kind: str, known: str) -> None:
    with pytest.raises(UsageError, match=rf"unknown {kind} 'x'; known: {known}"):
        form(nin(), replace(Formation(t_c=0.5), **{field: "x"}))  # type: ignore[arg-type]


@pytest.mark.parametrize("share", [1e-300, 1e-5])
def test_a_share_that_leaves_no_path_is_told_with_the_layer(share: float) -> None:
    with pytest.raises(UsageError, match=rf"t_c = {share:g} and t_p = 1 leave no path through layer C"):
        form(nin(), Formation(t_c=share))


@pytest.mark.parametrize(("share", "counts"), [(0.25, (3, 3, 2)), (0.15, (2, 2, 1)), (0.95, (11, 10, 9))])
def test_the_count_of_neurons_is_rounded_half_up(share: float, counts: tuple[int, int, int]) -> None:
    """Of 12, 10 and 9 filters: of 10 a quarter are 3, 15% are 2 and 95% are 10."""
    unit = GRANULARITIES["neuron"](Formation(micro="neuron"))
    layers = SMALL.layers[:3]
    assert [layer.filters for layer in layers] == [12, 10, 9]
    assert tuple(int(unit.neurons(layer, share).sum()) for layer in layers) == counts


def test_steps_of_nm_leave_inputs_in_fours() -> None:
    steps = GRANULARITIES["nm"].steps(nin(), Formation(t_c=0.5, conv="nm"))
    assert [step.t_p * 96 for step in steps] == pytest.approx(list(range(4, 97, 4)))
    for step in steps[:: len(steps) - 1]:
        layers = [layer for layer in form(nin(), step).layers if layer.spec.name in ("MP1b", "MP2b")]
        assert [int(layer.neurons.sum()) % 4 for layer in layers] == [0, 0]


def test_a_tiny_share_of_neurons_leaves_one() -> None:
    graph = form(nin(), Formation(t_p=1e-9))
    assert [int(layer.neurons.sum()) for layer in graph.layers] == [192, 1, 1, 192, 1, 1, 192, 1, 10]


def test_the_numbers_of_classes_may_differ() -> None:
    graph = form(nin(classes=100), Formation(t_c=0.25, t_p=0.25))
    assert graph.spec.classes == 100
    assert graph.layers[-1].neurons.all()
