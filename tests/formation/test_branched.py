"""Formation of networks with branches, depthwise layers and shares by layer; specs that do not fit."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from branched import BRANCHED

from sis_edge.errors import UsageError
from sis_edge.formation import Formation, SynapticGraph, form, preset
from sis_edge.formation.graph import LayerGraph
from sis_edge.registries import DISTRIBUTIONS, GRANULARITIES
from sis_edge.spec import NetworkSpec, checked, nin, sources_of


def layer_of(graph: SynapticGraph, name: str) -> LayerGraph:
    return next(layer for layer in graph.layers if layer.spec.name == name)


def changed(layer_name: str, **fields: object) -> NetworkSpec:
    layers = (replace(layer, **fields) if layer.name == layer_name else layer for layer in BRANCHED.layers)  # type: ignore[arg-type]
    return replace(BRANCHED, layers=tuple(layers))


@pytest.mark.parametrize(
    ("name", "digest"),
    [
        ("nin", "fbef7d2ba864e74285c5c42cd41aed14f1bd2ec26d99791cebf490667c907a6b"),
        ("cifar10-sis2", "762e1c6b4e60cd2324f1faaa5d350e3a1443c3de0f34bc78646ce467989cc2b8"),
        ("svhn-sis3", "b59d7cce05b8cf1afe59442842098c96172dbdf06cdd49f625b42bfdef0c52cf"),
    ],
)
def test_graphs_of_the_paper_keep_their_digests(name: str, digest: str) -> None:
    graph = form(nin(), preset(name).formation(seed=7))
    assert graph.digest() == digest
    assert set(graph.formation.as_dict()) == {
        "t_c", "t_p", "seed", "conv", "micro", "distribution", "conv_synapses", "block",
    }  # fmt: skip


def test_a_depthwise_layer_stays_whole_unless_it_has_a_share_of_its_own() -> None:
    usual = layer_of(form(BRANCHED, Formation(t_c=0.5)), "depth")
    assert usual.synapses.all()
    asked = layer_of(form(BRANCHED, Formation(t_c=0.5, layer_shares={"depth": 0.5})), "depth")
    assert asked.synapses.shape == (8, 1, 3, 3)
    assert asked.synapses.any(axis=(1, 2, 3)).sum() == 4
    assert asked.synapse_count == 4 * 9


def test_a_depthwise_filter_exists_only_with_its_input() -> None:
    graph = form(BRANCHED, Formation(t_c=0.5, conv="neuron"))
    depth = layer_of(graph, "depth")
    read = layer_of(graph, BRANCHED.layers[sources_of(BRANCHED.layers)[BRANCHED.layers.index(depth.spec)]].name)
    assert 0 < depth.neurons.sum() < depth.spec.filters
    assert not (depth.neurons & ~read.neurons).any()


def test_layers_with_shares_of_their_own_are_drawn_apart() -> None:
    """Of one size and share, and yet each with a draw of its own."""
    graph = form(BRANCHED, Formation(t_c=0.5, layer_shares={"a1": 0.25, "a2": 0.25}))
    one, two = layer_of(graph, "a1").synapses, layer_of(graph, "a2").synapses
    assert one.shape == two.shape
    assert not np.array_equal(one, two)


def test_a_layer_s_share_moves_no_other_layer_and_its_count_is_exact() -> None:
    whole_share = form(BRANCHED, Formation(t_c=0.5, layer_shares={"a1": 1.0}))
    quarter = form(BRANCHED, Formation(t_c=0.5, layer_shares={"a1": 0.25}))
    for one, two in zip(whole_share.layers, quarter.layers, strict=True):
        if one.spec.name == "a1":
            assert (one.synapse_count, two.synapse_count) == (8 * 8 * 9, 8 * 8 * 9 // 4)
        else:
            assert np.array_equal(one.synapses, two.synapses)


def test_an_exact_count_of_synapses_holds_with_shares_by_layer() -> None:
    graph = form(BRANCHED, Formation(t_c=0.5, conv_synapses=9 * 150, layer_shares={"a1": 0.25}))
    assert graph.conv_synapses == 9 * 150


def test_the_other_group_s_share_and_granularity_form_a_layer_put_there() -> None:
    graph = form(BRANCHED, Formation(t_p=0.5, layer_groups={"wide": "MP"}))
    assert layer_of(graph, "wide").neurons.sum() == 5
    assert layer_of(graph, "wide").spec.group == "MP"


def test_layers_that_are_added_keep_the_same_neurons() -> None:
    graph = form(BRANCHED, Formation(t_c=0.5, conv="neuron"))
    stem, sum_of = layer_of(graph, "stem"), layer_of(graph, "a2")
    assert stem.neurons.sum() == 4
    assert np.array_equal(stem.neurons, sum_of.neurons)
    assert not np.array_equal(stem.neurons, layer_of(graph, "a1").neurons)
    # A channel of a sum exists where a summand has it, and is read.
    reading = layer_of(form(BRANCHED, Formation(t_p=0.25)), "group")
    assert reading.synapses[:6, :6].all()


def test_a_graph_with_branches_and_shares_by_layer_survives_its_file(tmp_path: Path) -> None:
    formation = Formation(t_c=0.5, layer_shares={"depth": 0.5}, layer_groups={"wide": "MP"})
    graph = form(BRANCHED, formation)
    graph.save(tmp_path / "graph.npz")
    read = SynapticGraph.load(tmp_path / "graph.npz")
    assert (read.spec, read.formation, read.digest()) == (graph.spec, formation, graph.digest())
    assert hash(read.formation) == hash(formation)


@pytest.mark.parametrize("unit", list(GRANULARITIES))
@pytest.mark.parametrize("law", list(DISTRIBUTIONS))
def test_every_granularity_and_distribution_forms_branches(unit: str, law: str) -> None:
    if law != "uniform" and not DISTRIBUTIONS[law].applies_to(unit):
        pytest.skip("refused for any network")
    formation = Formation(t_c=0.5, conv=unit, distribution=law, block=2, seed=1, layer_shares={"group": 1.0})
    graph = form(BRANCHED, formation)
    formed = [layer for layer in graph.layers if layer.spec.name in ("a1", "a2", "wide")]
    wanted = sum(layer.spec.synapse_count for layer in formed)
    assert sum(layer.synapse_count for layer in formed) < 0.85 * wanted
    assert layer_of(graph, "depth").synapse_count in (72, 36)  # with its inputs


@pytest.mark.parametrize(
    ("formation", "words"),
    [
        (Formation(conv="nm", layer_shares={"depth": 0.5}), "layer depth has 1 inputs a group"),
        (Formation(conv="block", block=4, layer_shares={"depth": 0.5}), "layer depth has 1 filters a group"),
        (Formation(conv="block", block=4, t_c=0.5), "layer group has 6 filters a group, and blocks of 4"),
        (Formation(layer_shares={"dept": 0.5}), "did you mean depth"),
        (Formation(layer_groups={"dept": "CL"}), "did you mean depth"),
    ],
)
def test_what_cannot_be_formed_is_refused_by_name(formation: Formation, words: str) -> None:
    with pytest.raises(UsageError, match=words):
        form(BRANCHED, formation)


def test_shares_and_groups_by_layer_are_checked() -> None:
    with pytest.raises(UsageError, match=r"the share of layer a1 = 1[.]5"):
        Formation(layer_shares={"a1": 1.5})
    with pytest.raises(UsageError, match="the group of layer a1 is 'XL'; give CL or MP"):
        Formation(layer_groups={"a1": "XL"})  # type: ignore[dict-item]


@pytest.mark.parametrize(
    ("spec", "words"),
    [
        (replace(BRANCHED, layers=()), "branched has no layer"),
        (changed("a1", name="stem"), "layer stem is there twice"),
        (changed("a1", source="a2"), "layer a1: source 'a2' is not an earlier layer"),
        (changed("a2", adds="fc"), "layer a2: adds 'fc' is not an earlier layer"),
        (changed("a1", inputs=7), "layer a1: inputs is 7, but what it reads gives 8"),
        (changed("depth", map_side=12), "layer depth: map_side is 12, but what it reads gives 13"),
        (changed("group", groups=5), "layer group: 5 groups do not divide its 12 inputs"),
        (changed("wide", kernel=5), "layer wide: kernel 5, stride 1 and pool 1 leave nothing of its 3 x 3"),
        (changed("stem", stride=0), "layer stem: stride is 0; give 1 or more"),
        (changed("stem", padding=3), "layer stem: padding is 3; give 0 to 2"),
        (changed("a2", filters=4), "layer a2: it adds 8 channels of stem to its 4"),
        (changed("group", adds="a2", filters=12, pool=1, padding=2), "13 x 13 of a2 cannot be subsampled to its 9 x 9"),
        (
            changed("group", pool_kernel=3),
            "layer group: pooling of 3 x 3 .*; only max pooling with a stride of 2 or more",
        ),
        (changed("stem", pool_kernel=3), "layer stem: pooling of 3 x 3 with stride 1 and padding 0; only max pooling"),
        (changed("fc", is_class_layer=False), "layer fc: the class layer is the last one"),
        (changed("a1", is_class_layer=True), "layer a1: the class layer is the last one"),
        (changed("fc", adds="a1"), "layer fc"),
    ],
)
def test_a_network_that_does_not_fit_is_refused_by_layer(spec: NetworkSpec, words: str) -> None:
    with pytest.raises(UsageError, match=words):
        checked(spec)


def test_networks_that_fit_pass_as_they_are() -> None:
    assert checked(BRANCHED) is BRANCHED
    assert checked(nin()) == nin()
