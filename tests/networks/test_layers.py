"""Layers that do not fit what they read are refused by their name."""

from typing import Any

import pytest

from sis_edge.errors import UsageError
from sis_edge.networks import LayerList, parameter_count
from sis_edge.spec import NetworkSpec, added_to, sources_of


def started() -> LayerList:
    """A layer `one` of 8 maps of 16 x 16, then `two` of 8 maps of 8 x 8."""
    layers = LayerList("small", 3, 16)
    layers.add("one", 8, 3)
    layers.add("two", 8, 3, stride=2)
    return layers


def ended(layers: LayerList) -> NetworkSpec:
    layers.add("last", 10, 1, norm=False, activation="none", global_pool=True)
    return layers.spec()


def test_a_layer_gets_width_and_side_from_what_it_reads() -> None:
    layers = started()
    layers.add("three", 4, 1, source="one")
    layers.pool(2)
    layers.add("four", 8, 1, adds="two")
    spec = ended(layers)
    found = [(layer.inputs, layer.map_side, layer.out_side) for layer in spec.layers]
    assert found == [(3, 16, 16), (8, 16, 8), (8, 16, 8), (4, 8, 8), (8, 1, 1)]
    assert [layer.group for layer in spec.layers] == ["CL", "CL", "MP", "MP", "MP"]
    assert [layer.source for layer in spec.layers] == [None, None, "one", None, None]
    assert sources_of(spec.layers) == [-1, 0, 0, 2, 3]
    assert added_to(spec.layers) == [None, None, None, 1, None]


def test_parameters_are_synapses_scales_shifts_and_biases() -> None:
    spec = ended(started())
    assert parameter_count(spec) == spec.synapse_count + 2 * 8 + 2 * 8 + 10


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"filters": 0}, "layer x: filters is 0; give 1 or more"),
        ({"stride": 0}, "layer x: stride is 0"),
        ({"padding": 3}, "layer x: padding is 3; give 0 to 2 for its kernel"),
        ({"groups": 3}, "layer x: 3 groups do not divide its 8 inputs; give a number that divides"),
        ({"groups": 2, "filters": 7}, "layer x: 2 groups do not divide its 7 filters"),
        ({"kernel": 9, "padding": 0}, "layer x: kernel 9, stride 1 and pool 1 leave nothing of its 8 x 8 pixels"),
        ({"kernel": 11, "padding": 0}, "layer x: kernel 11, stride 1 and pool 1 leave nothing of its 8 x 8 pixels"),
        ({"source": "zero"}, "layer x: unknown earlier layer 'zero'; known: one, two"),
        ({"adds": "x"}, "layer x: unknown earlier layer 'x'"),
        ({"adds": "two", "filters": 4}, "layer x: it adds 8 channels of two to its 4; give it as many, or add"),
        (
            {"adds": "two", "source": "one"},
            "layer x: maps of 8 x 8 of two cannot be subsampled to its 16 x 16; give strides",
        ),
        ({"name": "one"}, "layer one is there twice"),
        ({"name": "a/b"}, "layer 'a/b' must be named in letters"),
    ],
)
def test_what_does_not_fit_is_refused_by_its_name(options: dict[str, Any], sentence: str) -> None:
    with pytest.raises(UsageError) as refused:
        started().add(**{"name": "x", "filters": 8, "kernel": 3, **options})
    assert str(refused.value).startswith(sentence)


def test_pooling_must_fit_its_layer() -> None:
    with pytest.raises(UsageError, match="none before it"):
        LayerList("small", 3, 16).pool(2)
    layers = started()
    with pytest.raises(UsageError, match="layer two cannot be pooled by 9: its map is 8 x 8"):
        layers.pool(9)
    with pytest.raises(UsageError, match="layer two cannot be pooled by 13 with stride 2: its map is 8 x 8"):
        layers.pool(2, kernel=13, padding=2)
    with pytest.raises(UsageError, match="with stride 3 and padding 0 leaves pixels out; give a size of 3 or more"):
        layers.pool(3, kernel=2)
    with pytest.raises(UsageError, match="pooling of 3 x 3 with stride 2 and padding 2 leaves pixels out"):
        layers.pool(2, kernel=3, padding=2)
    with pytest.raises(UsageError, match="only max pooling with a stride of 2 or more has windows that overlap"):
        layers.pool(2, "average", kernel=3)
    layers.pool(2, kernel=3, padding=1)
    assert layers.result("two", "three")[1] == 4
    with pytest.raises(UsageError, match="layer two is pooled twice; pool it once, by 4"):
        layers.pool(2)


def test_the_last_layer_gives_class_scores() -> None:
    with pytest.raises(UsageError, match="layer two is the last and gives the class scores"):
        started().spec()
    with pytest.raises(UsageError, match="network small has no layer"):
        LayerList("small", 3, 16).spec()


def test_a_layer_that_nothing_reads_is_refused() -> None:
    layers = started()
    layers.add("three", 8, 3, source="one")
    with pytest.raises(UsageError, match="layer two is read by no other layer"):
        ended(layers)
