"""The paper's seven networks: exact counts, and graphs that never change."""

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sis_edge.errors import UsageError
from sis_edge.formation import PRESETS, Formation, form, preset, preset_of
from sis_edge.spec import nin

# Tables 1 and 2 of the paper: CL, MP, total, architectural efficiency.
PAPER = {
    "nin": (806_976, 152_128, 959_104, 1.0),
    "cifar10-sis1": (201_522, 152_128, 353_650, 2.71),
    "cifar10-sis2": (203_475, 63_008, 266_483, 3.60),
    "cifar10-sis3": (212_544, 28_240, 240_784, 3.98),
    "svhn-sis1": (203_697, 152_128, 355_825, 2.70),  # the paper prints 2.69
    "svhn-sis2": (207_618, 63_008, 270_626, 3.54),
    "svhn-sis3": (54_048, 28_240, 82_288, 11.66),  # the paper prints 11.65
}

# Accuracies of the same tables, in percent.
ACCURACY = {
    "cifar10": {"nin": 88.94, "cifar10-sis1": 88.72, "cifar10-sis2": 87.45, "cifar10-sis3": 86.46},
    "svhn": {"nin": 94.99, "svhn-sis1": 94.59, "svhn-sis2": 94.35, "svhn-sis3": 93.42},
}

# SHA-256 of the graphs, bit-identical for ever and everywhere. These lines are never changed.
DIGESTS = {
    ("nin", 0): "fbef7d2ba864e74285c5c42cd41aed14f1bd2ec26d99791cebf490667c907a6b",
    ("nin", 1): "fbef7d2ba864e74285c5c42cd41aed14f1bd2ec26d99791cebf490667c907a6b",
    ("cifar10-sis1", 0): "8f5856d0618a9f7c598cfa82077c9c821536fe1ffc04c77ace18e2b74c42d7ba",
    ("cifar10-sis1", 1): "e2a64ee0a253bad0d508ee7d0c92d56016dd27886159df9cb7a0984362ac00fd",
    ("cifar10-sis2", 0): "361f9eb3c484abdcd899bb3f02b309ab1e1fde68c88d084581c9651ab966164e",
    ("cifar10-sis2", 1): "f771abbd6f67a098f396027fd6a784bf98d253133b53b4eb40ec42c80c233c17",
    ("cifar10-sis3", 0): "5458a70a5d12838a05dc7ca24889379c40a04d6672c0ca0825906317eef99dc9",
    ("cifar10-sis3", 1): "fb558884f156c7c9c200bcb23b40d264f7f50773d290485290e1380fe8a428b4",
    ("svhn-sis1", 0): "67ed180a0664f7176743c4d91f862faff0eb366da2107428f41c91f38add72b5",
    ("svhn-sis1", 1): "bbdbc45d49d8e39da39330a8b6dc3568e600d93b88a0d040a97c900f4af8fdba",
    ("svhn-sis2", 0): "72a1ab2642b7ccfb5858d8b2d8e4a96ec721978113c2c32c33897260b66e24ae",
    ("svhn-sis2", 1): "65dfe8634e0c80e95a8d1bb4e367404e5ff717f574f41ef8c7de5d9751855d6b",
    ("svhn-sis3", 0): "0dc7aaa1a60f7f5a71a8862fcb0ff3bde169c2c867ed9c2e85d2e8aede8fb960",
    ("svhn-sis3", 1): "a325863eee08f5230d84b3ce2d9a1a9346716a6bfdada093924278aa69686e7a",
}

# Millions of multiply-accumulates an image at the expected counts, computed apart from this code.
MMAC = {"nin": 222.1, "cifar10-sis1": 106.6, "cifar10-sis2": 69.9, "cifar10-sis3": 61.9, "svhn-sis3": 24.7}


def test_the_paper_has_seven() -> None:
    assert set(PRESETS) == set(PAPER)


@pytest.mark.parametrize("dataset", ACCURACY)
def test_the_paper_s_accuracies(dataset: str) -> None:
    known = {row.name: row.paper_accuracy[dataset] for row in PRESETS.values() if dataset in row.paper_accuracy}
    assert known == {name: pytest.approx(percent / 100) for name, percent in ACCURACY[dataset].items()}


@pytest.mark.parametrize("name", PAPER)
@given(seed=st.integers(min_value=0, max_value=2**70))
@settings(max_examples=8, deadline=None)
def test_counts_are_exact_for_every_seed(name: str, seed: int) -> None:
    graph = form(nin(), preset(name).formation(seed))
    conv, micro, total, efficiency = PAPER[name]
    assert (graph.conv_synapses, graph.micro_synapses, graph.synapse_count) == (conv, micro, total)
    assert graph.architectural_efficiency == pytest.approx(efficiency, abs=0.005)
    assert sum(int(layer.synapses.sum()) for layer in graph.layers) == total


@pytest.mark.parametrize(("name", "seed"), DIGESTS)
def test_graphs_are_bit_identical_for_ever(name: str, seed: int) -> None:
    assert form(nin(), preset(name).formation(seed)).digest() == DIGESTS[name, seed]


def test_seeds_differ_where_something_is_drawn() -> None:
    digests = {form(nin(), preset("cifar10-sis1").formation(seed)).digest() for seed in range(20)}
    assert len(digests) == 20


@pytest.mark.parametrize("name", MMAC)
def test_multiply_accumulates(name: str) -> None:
    graph = form(nin(), preset(name).formation())
    by_hand = sum(int(layer.synapses.sum()) * layer.spec.map_side**2 for layer in graph.layers)
    assert graph.macs == by_hand
    assert graph.macs / 1e6 == pytest.approx(MMAC[name], rel=0.03)  # a draw's synapses fall on smaller or larger maps
    assert graph.mac_ratio == pytest.approx(222.0708 / (graph.macs / 1e6), rel=1e-5)


def test_kernels_are_as_likely_as_their_count_allows() -> None:
    """Of the many (a, b) with 25 a + 9 b = CL, both lie at most some 1.2 deviations from their expectations."""
    graph = form(nin(), preset("svhn-sis2").formation())
    large = sum(layer.synapse_count // 25 for layer in graph.layers if layer.spec.kernel == 5)
    small = sum(layer.synapse_count // 9 for layer in graph.layers if layer.spec.kernel == 3)
    assert 25 * large + 9 * small == 207_618
    nearest = min(
        ((a, (207_618 - 25 * a) // 9) for a in range(9793) if (207_618 - 25 * a) % 9 == 0),
        key=lambda pair: (pair[0] - 4896) ** 2 / 2448 + (pair[1] - 9216) ** 2 / 4608,
    )
    assert (large, small) == nearest


def test_an_unknown_preset_lists_the_known_ones() -> None:
    with pytest.raises(UsageError, match=r"unknown preset 'sis9'; known: nin, cifar10-sis1, .*svhn-sis3"):
        preset("sis9")


@pytest.mark.parametrize("name", PRESETS)
def test_a_graph_knows_which_preset_it_is(name: str) -> None:
    """At any seed; the same synapses in another unit are still it, another draw of as many is not."""
    formation = preset(name).formation(seed=4)
    assert preset_of(form(nin(), formation)) == preset(name)
    as_neurons = preset_of(form(nin(), replace(formation, conv="neuron")))
    assert as_neurons == (preset(name) if formation.t_c == 1 else None)
    if formation.t_c < 1:
        assert preset_of(form(nin(), replace(formation, distribution="constant-fan-in"))) is None
    assert preset_of(form(nin(), Formation(t_c=0.3))) is None
