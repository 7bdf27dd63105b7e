"""Networks of the literature have the counts that are published for them."""

from math import isclose

import pytest

from sis_edge.errors import UsageError
from sis_edge.formation import Formation, form
from sis_edge.networks import parameter_count
from sis_edge.registries import NETWORKS
from sis_edge.spec import checked, nin


def test_the_paper_s_network_is_one_of_them() -> None:
    assert NETWORKS.find("nin")() == nin()


def test_half_the_widths_leave_a_quarter_of_the_synapses() -> None:
    half, whole = NETWORKS.find("nin-half")(), nin()
    for narrow, wide in zip(half.layers[1:-1], whole.layers[1:-1], strict=True):
        assert narrow.synapse_count * 4 == wide.synapse_count
        assert (narrow.kernel, narrow.map_side, narrow.pool) == (wide.kernel, wide.map_side, wide.pool)
    assert half.layers[0].synapse_count * 2 == whole.layers[0].synapse_count
    assert half.synapse_count == 243_776


def test_resnet20_has_the_published_counts() -> None:
    """0.27M parameters: He et al. 2016, table 6; implementations of it count 269,722."""
    spec = NETWORKS.find("resnet20")()
    assert len(spec.layers) == 20
    assert parameter_count(spec) == 269_722
    assert isclose(spec.macs / 1e6, 40.55, abs_tol=0.01)
    assert [layer.conv_side for layer in spec.layers[1::6]] == [32, 16, 8, 1]
    assert sum(layer.adds is not None for layer in spec.layers) == 9


def test_mobilenet_small_has_the_published_counts() -> None:
    """MLPerf Tiny's Keras model counts 221,794, of which 2 x 2,736 are statistics and 2,736 biases before them."""
    spec = NETWORKS.find("mobilenet-small")()
    channels = sum(layer.filters for layer in spec.layers if not layer.is_class_layer)
    assert parameter_count(spec) + 3 * channels == 221_794
    assert (spec.side, spec.classes, spec.layers[-2].out_side) == (96, 2, 3)


def test_mobilenet_small_on_imagenet_has_the_published_counts() -> None:
    """Howard et al. 2017, table 6, 0.25 MobileNet-224: 41 million multiply-adds, 0.5 million parameters (0.47)."""
    spec = NETWORKS.find("mobilenet-small")(1000, 224)
    assert round(spec.macs / 1e6) == 41
    assert round(parameter_count(spec) / 1e6, 2) == 0.47


@pytest.mark.parametrize("name", NETWORKS)
@pytest.mark.parametrize("side", [28, 32, 96])
def test_every_network_fits_every_usual_side(name: str, side: int) -> None:
    spec = NETWORKS.find(name)(7, side, 1)
    assert (spec.name, spec.classes, spec.side, spec.channels) == (name, 7, side, 1)
    assert checked(spec) is spec
    assert spec.layers[0].inputs == 1


@pytest.mark.parametrize("side", [1, 3])
def test_a_side_that_pooling_leaves_nothing_of_is_refused(side: int) -> None:
    with pytest.raises(UsageError, match=f"cannot take images of {side} x {side}"):
        NETWORKS.find("nin-half")(10, side)


@pytest.mark.parametrize(("name", "t_c", "t_p", "fewer"), [("resnet20", 0.25, 1, 3.9), ("mobilenet-small", 1, 0.5, 3)])
def test_sparse_networks_are_formed_of_them(name: str, t_c: float, t_p: float, fewer: float) -> None:
    graph = form(NETWORKS.find(name)(), Formation(t_c=t_c, t_p=t_p))
    assert graph.architectural_efficiency > fewer
    assert all(layer.synapses.any() for layer in graph.layers)
