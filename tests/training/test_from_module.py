"""A network that starts with a torch module's weights computes what the module does, where all synapses exist."""

from typing import Any

import pytest
import torch
from torch import nn

import sis_edge
from sis_edge.errors import UsageError
from sis_edge.training.from_module import from_module


def module() -> nn.Sequential:
    """A stem with a bias before its normalisation, a depthwise layer, a hidden and a last linear layer."""
    torch.manual_seed(0)
    parts: list[Any] = [nn.Conv2d(3, 8, 3, padding=1), nn.BatchNorm2d(8), nn.ReLU()]
    parts += [nn.Conv2d(8, 8, 3, 2, 1, groups=8, bias=False), nn.BatchNorm2d(8), nn.ReLU6(), nn.MaxPool2d(2)]
    net = nn.Sequential(*parts, nn.Flatten(), nn.Linear(8 * 4 * 4, 12), nn.ReLU(), nn.Linear(12, 5))
    net(torch.randn(16, 3, 16, 16))  # statistics of the normalisation that are not 0 and 1
    return net.eval()


def test_a_dense_network_computes_what_the_module_does() -> None:
    net = module()
    network = from_module(sis_edge.form(net, input_shape=(3, 16, 16), t_c=1), net).eval()
    images = torch.randn(4, 3, 16, 16)
    with torch.no_grad():
        assert torch.allclose(network(images), net(images), atol=1e-5)


def test_a_sparse_network_has_the_module_s_weights_where_synapses_exist() -> None:
    net = module()
    graph = sis_edge.form(net, input_shape=(3, 16, 16), t_c=0.5)
    network = from_module(graph, net)
    first = network.layers[0].masked_weight()
    assert 0 < int((first != 0).sum()) <= graph.layers[0].synapse_count
    assert set(first[first != 0].tolist()) <= set(net[0].weight.flatten().tolist())


def test_a_graph_of_another_network_is_refused() -> None:
    net = nn.Sequential(nn.Conv2d(3, 10, 1), nn.AdaptiveAvgPool2d(1), nn.Flatten())
    with pytest.raises(UsageError, match="was not formed of this module: their layers differ"):
        from_module(sis_edge.form("nin-half", t_c=1), net)
