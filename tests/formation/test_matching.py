"""The same budget in other units: the nearest count that they can have."""

from dataclasses import replace

import pytest

from sis_edge.formation import form, preset
from sis_edge.formation.granularities.nm import M
from sis_edge.formation.matching import matched
from sis_edge.spec import nin


@pytest.mark.parametrize("name", ["cifar10-sis1", "svhn-sis3"])
@pytest.mark.parametrize(("conv", "within"), [("neuron", 0.01), ("nm", 0.05)])
def test_one_share_moves_until_no_neighbour_is_nearer(name: str, conv: str, within: float) -> None:
    asked, wanted = replace(preset(name).formation(), conv=conv), preset(name).synapses
    found = matched(nin(), asked, wanted)
    moved, kept, step = ("t_c", "t_p", 1 / 192) if conv == "neuron" else ("t_p", "t_c", 1 / 24)
    assert getattr(found, kept) == getattr(asked, kept)
    distance = abs(form(nin(), found).synapse_count - wanted)
    assert distance <= within * wanted
    assert distance < abs(form(nin(), asked).synapse_count - wanted)
    for nearby in (-step, step):
        other = replace(found, **{moved: getattr(found, moved) + nearby})  # type: ignore[arg-type]
        assert abs(form(nin(), other).synapse_count - wanted) >= distance


def test_two_of_four_stays_two_of_four() -> None:
    """A share of the micro networks that left a layer's inputs indivisible would make it dense, and hide it."""
    graph = form(nin(), matched(nin(), replace(preset("svhn-sis3").formation(), conv="nm"), 82_288))
    for layer in graph.layers[1:]:
        if layer.spec.group == "CL":
            alive = layer.synapses.any(axis=(0, 2, 3))
            per_filter = layer.synapses[:, alive].any(axis=(2, 3)).sum(axis=1)
            assert set(per_filter) == {alive.sum() // M}


@pytest.mark.parametrize("conv", ["kernel", "block", "synapse"])
def test_units_that_are_counted_out_stay_as_they_are(conv: str) -> None:
    asked = replace(preset("svhn-sis3").formation(seed=3), conv=conv)
    assert matched(nin(), asked, preset("svhn-sis3").synapses) == asked
