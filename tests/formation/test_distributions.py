"""The laws that synapses are drawn by: exact counts, what each promises, and graphs that never change."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from scipy import stats

from sis_edge.errors import UsageError
from sis_edge.formation import Formation, SynapticGraph, form, preset
from sis_edge.formation.distributions import DISTRIBUTIONS
from sis_edge.formation.distributions.base import apportion
from sis_edge.formation.streams import raw_keys
from sis_edge.spec import LayerSpec, NetworkSpec, nin

from .test_form import SMALL, formed

# SHA-256 of the graphs of seed 1, bit-identical for ever and everywhere. These lines are never changed.
DIGESTS = {
    ("cifar10-sis1", "erk", "kernel"): "0c41a2cca512997fb047e0df55c26478e7e4faddceb105d0faa09e1dbe1d7f66",
    ("cifar10-sis1", "erk", "block"): "b2375bade0005dda0b597a9baabc987e53e03ac62e7b27e4488b2da545cce899",
    ("cifar10-sis1", "erk", "synapse"): "656fbad7577ea8530a93e39b5ebef532ed8ccfcca8a42befcdd9079d897a5d5b",
    ("cifar10-sis1", "constant-fan-in", "kernel"): "5417e7501938fccf05496fb76bcaf5be016283f5a11a91e731ff77daf3e1feef",
    ("cifar10-sis1", "constant-fan-in", "block"): "871bc3e1f511c81d21fb9abb78502aa5b6e04d1eec6bc6c9fa2830dd7b12bd3c",
    ("cifar10-sis1", "constant-fan-in", "synapse"): "a2176281a7b1a8ce3de38c069469cbd6f8e2415fd405a61525946fb18523b08e",
    ("cifar10-sis1", "degree-balanced", "kernel"): "3eb800c41287bfa5b6e15da5c5ec7fd47fc543b2f14f9b495ef35c6e5cc10036",
    ("cifar10-sis1", "degree-balanced", "block"): "85ead0c65d94028c23113da37bcd5257edb281c7eb2ff8efd888315c9ca73891",
    ("cifar10-sis1", "degree-balanced", "nm"): "9cb73149230bd67673b5f8fb6457e97322b6505afe7a1791d859278c5c6020a4",
    ("cifar10-sis1", "degree-balanced", "synapse"): "cc996187c90dc6f002c1b05fd106324452a1bcbb609bbf8cfe6f2afb3115a45f",
    ("cifar10-sis1", "centred", "synapse"): "0a594b2fa4f076b0aea9965c288e0f7005f3c8d905c87f0ba1898b16920c7e3a",
    ("svhn-sis3", "erk", "kernel"): "4722419bc91270b069fdcb19046167483defdb49fda70a4d973da1ef41d3d71c",
    ("svhn-sis3", "constant-fan-in", "kernel"): "5e3388f1209e7ed4b151ccb3f2ec4f2a9de08197ae1c9e2c74e4267cbeb7e7fe",
    ("svhn-sis3", "degree-balanced", "kernel"): "834d8c5b734fb75d40d9b9f2b033b2fccd29bd21174d9ca345ae7e391ea9898b",
    ("svhn-sis3", "centred", "synapse"): "e4643bf9f37955c3f23b72160a9460865c262fca72ae361a01e9eccaefbdbaf6",
}

PAIRS = [(law.name, unit) for law in DISTRIBUTIONS.values() for unit in law.acts_on if unit in ("kernel", "synapse")]
OTHERS = [(law, unit) for law, unit in PAIRS if law != "uniform"]
SHARES = st.floats(min_value=0.25, max_value=0.99)
SEEDS = st.integers(0, 2**40)


def drawn(graph: SynapticGraph) -> list[tuple[LayerSpec, np.ndarray[tuple[int, ...], np.dtype[np.int64]]]]:
    """Each CL layer with its units per filter and input, [filters, inputs]."""
    return [
        (
            layer.spec,
            layer.synapses.sum(axis=(2, 3)) // (1 if graph.formation.conv == "synapse" else layer.spec.kernel**2),
        )
        for layer in graph.layers
        if layer.spec.group == "CL"
    ]


@pytest.mark.parametrize(("name", "law", "conv"), DIGESTS)
def test_graphs_are_bit_identical_for_ever(name: str, law: str, conv: str) -> None:
    formation = replace(preset(name).formation(1), conv=conv, distribution=law)
    assert form(nin(), formation).digest() == DIGESTS[name, law, conv]


@pytest.mark.parametrize("name", ["cifar10-sis1", "svhn-sis2", "svhn-sis3"])
@pytest.mark.parametrize(("law", "conv"), OTHERS)
@given(seed=SEEDS)
@settings(max_examples=2, deadline=None)
def test_the_paper_s_counts_are_exact_under_every_law(name: str, law: str, conv: str, seed: int) -> None:
    row = preset(name)
    graph = form(nin(), replace(row.formation(seed), conv=conv, distribution=law))
    assert (graph.conv_synapses, graph.micro_synapses) == (row.conv_synapses, row.micro_synapses)


@pytest.mark.parametrize(("law", "conv"), OTHERS)
@given(seed=SEEDS, share=SHARES)
@settings(max_examples=15, deadline=None)
def test_the_count_is_the_uniform_one_and_a_seed_gives_one_graph(law: str, conv: str, seed: int, share: float) -> None:
    formation = Formation(t_c=share, seed=seed, conv=conv, distribution=law)
    graph, again = formed(formation), formed(formation)
    uniform = formed(replace(formation, distribution="uniform"))
    assert (graph and graph.digest()) == (again and again.digest())
    if graph is None or uniform is None:
        return
    assert graph.micro_synapses == uniform.micro_synapses
    # Rounded for each size of unit apart, 25 and 9: other shares of the two round otherwise.
    assert abs(graph.conv_synapses - uniform.conv_synapses) <= (0 if conv == "synapse" else 25 + 9)
    if law != "erk":
        assert graph.conv_synapses == uniform.conv_synapses


@pytest.mark.parametrize("conv", ["kernel", "block", "synapse"])
@given(seed=SEEDS, share=SHARES)
@settings(max_examples=20, deadline=None)
def test_erk_shares_follow_the_law(conv: str, seed: int, share: float) -> None:
    graph = formed(Formation(t_c=share, seed=seed, conv=conv, distribution="erk", block=4))
    assume(graph is not None)
    assert graph is not None
    layers = [layer for layer in graph.layers if layer.spec.group == "CL"]
    law = [layer.spec.filters + layer.spec.inputs + 2 * layer.spec.kernel for layer in layers]
    scale = [layer.synapse_count / weight for layer, weight in zip(layers, law, strict=True)]
    full = [layer.synapse_count == layer.spec.synapse_count for layer in layers]
    slack = [8 * 25 / weight for weight in law]  # some units of rounding
    for at, layer in enumerate(layers):
        assert layer.synapse_count <= layer.spec.synapse_count
        for other in range(len(layers)):
            # Where none is full, both follow one factor; a full one would have more.
            assert full[at] or scale[at] >= scale[other] - slack[at] - slack[other]


def test_erk_of_the_paper_s_network_by_hand() -> None:
    """C1 cannot hold its part (205 of 893) and is full; C2 and C3 share the rest as 298 to 390."""
    graph = form(nin(), replace(preset("cifar10-sis1").formation(3), distribution="erk"))
    counts = [layer.synapse_count for layer in graph.layers if layer.spec.group == "CL"]
    rest = 201_522 - 14_400
    assert counts[0] == 14_400
    assert abs(counts[1] - rest * 298 / 688) < 2 * 25
    assert abs(counts[2] - rest * 390 / 688) < 2 * 25


@pytest.mark.parametrize("law", ["constant-fan-in", "degree-balanced"])
@pytest.mark.parametrize("conv", ["kernel", "synapse"])
@given(seed=SEEDS, share=SHARES)
@settings(max_examples=20, deadline=None)
def test_each_filter_has_the_same_fan_in_up_to_one(law: str, conv: str, seed: int, share: float) -> None:
    graph = formed(Formation(t_c=share, t_p=0.7, seed=seed, conv=conv, distribution=law))
    assume(graph is not None)
    assert graph is not None
    for at, (_, units) in enumerate(drawn(graph)):
        existing = graph.layers[3 * at].neurons
        fan_in = units[existing].sum(axis=1)
        assert fan_in.max() - fan_in.min() <= 1
        assert not units[~existing].any()


@pytest.mark.parametrize("conv", ["kernel", "synapse"])
@given(seed=SEEDS, share=SHARES)
@settings(max_examples=20, deadline=None)
def test_each_input_feeds_the_same_number_up_to_one(conv: str, seed: int, share: float) -> None:
    graph = formed(Formation(t_c=share, seed=seed, conv=conv, distribution="degree-balanced"))
    assume(graph is not None)
    assert graph is not None
    for _, units in drawn(graph):
        fan_out = units.sum(axis=0)
        assert fan_out.max() - fan_out.min() <= 1


@pytest.mark.parametrize("block", [4, 8])
def test_blocks_are_balanced_as_one_filter(block: int) -> None:
    graph = form(nin(), Formation(t_c=0.3, seed=5, conv="block", block=block, distribution="degree-balanced"))
    for spec, units in drawn(graph):
        blocks = units[::block]
        assert np.array_equal(np.repeat(blocks, block, axis=0), units), spec.name
        for sums in (blocks.sum(axis=0), blocks.sum(axis=1)):
            assert sums.max() - sums.min() <= 1


def test_nm_balances_what_its_inputs_feed() -> None:
    formation = Formation(t_c=0.5, conv="nm", seed=4)
    graph = form(nin(), replace(formation, distribution="degree-balanced"))
    uniform = form(nin(), formation)
    assert graph.conv_synapses == uniform.conv_synapses
    spreads = []
    for found in (graph, uniform):
        for spec, units in drawn(found)[1:]:
            assert (units.reshape(spec.filters, -1, 4).sum(axis=2) == 2).all()
            spreads.append(int(np.ptp(units.sum(axis=0))))
    assert max(spreads[:2]) == 0
    assert min(spreads[2:]) > 5


@pytest.mark.parametrize(("law", "shape"), [("constant-fan-in", (6, 5)), ("degree-balanced", (6, 5)), ("erk", (6, 5))])
def test_each_unit_is_as_likely_as_any_other(law: str, shape: tuple[int, int]) -> None:
    seeds, count = 3000, 13  # neither six filters nor five inputs divide it
    hits = np.zeros(shape)
    for seed in range(seeds):
        chosen = DISTRIBUTIONS[law].draw(raw_keys(seed, "test", 30).reshape(shape), count)
        assert int(chosen.sum()) == count
        hits += chosen
    # Draws without replacement vary less than independent ones, so that the bound is on the safe side.
    share = count / 30
    chi2 = float(((hits - seeds * share) ** 2 / (seeds * share * (1 - share))).sum())
    assert stats.chi2.sf(chi2, 29) > 0.001


@pytest.mark.parametrize("law", ["constant-fan-in", "degree-balanced"])
def test_each_synapse_of_a_kernel_is_as_likely_as_any_other(law: str) -> None:
    hits = np.zeros((4, 3, 3, 3))
    for seed in range(1500):
        hits += DISTRIBUTIONS[law].draw(raw_keys(seed, "test", 108).reshape(4, 3, 3, 3), 31)
    share = 31 / 108
    chi2 = float(((hits - 1500 * share) ** 2 / (1500 * share * (1 - share))).sum())
    assert stats.chi2.sf(chi2, 107) > 0.001


def test_centred_draws_by_the_distance_from_the_centre() -> None:
    graph = form(nin(), Formation(t_c=0.1, seed=2, conv="synapse", distribution="centred"))
    assert graph.conv_synapses == form(nin(), Formation(t_c=0.1, seed=2, conv="synapse")).conv_synapses
    rows, columns = np.mgrid[-2:3, -2:3]
    weights = 1 / (1 + rows**2 + columns**2)
    layer = graph.layers[3]
    shares = layer.synapses.mean(axis=(0, 1))
    expected = weights / weights.sum() * layer.synapse_count / layer.synapses[..., 0, 0].size
    error = np.sqrt(expected * (1 - expected) / layer.synapses[..., 0, 0].size)
    assert (np.abs(shares - expected) < 5 * error).all()


def test_centred_fills_the_centre_before_the_rest_grows() -> None:
    chosen = DISTRIBUTIONS["centred"].draw(raw_keys(1, "test", 50 * 40 * 9).reshape(50, 40, 3, 3), 9000)
    shares = chosen.mean(axis=(0, 1))
    assert shares[1, 1] == 1  # of 4.33 weights the centre is one, and 9,000 of 18,000 exist
    assert shares[0, 1] > 1.2 * shares[0, 0]


@given(
    units=st.lists(st.tuples(st.integers(0, 40), st.floats(0.01, 1)), min_size=1, max_size=5),
    part=st.floats(0, 1),
)
@settings(max_examples=200, deadline=None)
def test_counts_are_shared_out_whole_and_within_their_limits(units: list[tuple[int, float]], part: float) -> None:
    available = [most for most, _ in units]
    count = int(part * sum(available))
    expected = [most * share for most, share in units]
    found = apportion(count, expected, available)
    assert sum(found) == count
    assert all(0 <= one <= most for one, most in zip(found, available, strict=True))
    within = sum(expected) and all(
        count * one / sum(expected) <= most for one, most in zip(expected, available, strict=True)
    )
    if within:
        assert all(abs(one - count * of / sum(expected)) < 1 for one, of in zip(found, expected, strict=True))


@pytest.mark.parametrize(
    ("law", "formation"),
    [
        ("erk", Formation(t_c=0.5, conv="nm")),
        ("erk", Formation(t_c=0.5, t_p=0.5, conv="neuron")),
        ("erk", Formation()),
        ("constant-fan-in", Formation(t_c=0.5, conv="nm")),
        ("degree-balanced", Formation(t_p=0.5)),
        ("centred", Formation(t_c=0.5, conv="kernel", t_p=0.5, micro="kernel")),
    ],
)
def test_a_law_that_decides_nothing_is_refused(law: str, formation: Formation) -> None:
    with pytest.raises(UsageError, match=rf"distribution {law} is of granularity .*, and nothing is drawn in those"):
        form(SMALL, replace(formation, distribution=law))


def test_laws_act_on_micro_networks_too() -> None:
    spec = NetworkSpec("one", 3, 8, (SMALL.layers[0], *SMALL.layers[1:3], replace(SMALL.layers[5], inputs=9)))
    graph = form(spec, Formation(t_p=0.4, micro="kernel", distribution="constant-fan-in"))
    for layer in graph.layers[1:]:
        fan_in = layer.synapses.sum(axis=(1, 2, 3))
        assert fan_in.max() - fan_in.min() <= 1
    assert graph.layers[0].synapses.all()
