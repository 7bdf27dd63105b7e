"""A network that starts with a torch module's weights computes what the module does, where all synapses exist."""

from pathlib import Path
from typing import Any

import pytest
import torch
from networks.modules import ResNet18
from torch import nn

import sis_edge
from sis_edge import datasets
from sis_edge.errors import UsageError
from sis_edge.exporting import onnx_file, parity
from sis_edge.exporting.compact import fold
from sis_edge.training import stage
from sis_edge.training.from_module import from_module
from sis_edge.training.trained import TrainedNetwork


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


def test_a_resnet18_is_formed_and_exported(tmp_path: Path) -> None:
    """A 7 x 7 stem, max pooling that overlaps, shortcuts with a convolution: dense, and with half its kernels gone."""
    torch.manual_seed(1)
    net = ResNet18(classes=5, width=8)
    net(torch.randn(16, 3, 65, 65))
    net.eval()
    images = torch.randn(4, 3, 65, 65)
    for t_c in (1.0, 0.5):
        graph = sis_edge.form(net, input_shape=(3, 65, 65), t_c=t_c, t_p=t_c, seed=3)
        network = from_module(graph, net).eval()
        with torch.no_grad():
            expected = network(images)
            if t_c == 1:
                assert torch.allclose(expected, net(images), atol=1e-4)
        onnx_file.save(onnx_file.to_onnx(fold(network), "resnet18"), tmp_path / "model.onnx")
        logits = parity.run_onnx(tmp_path / "model.onnx", images.numpy())
        assert abs(logits - expected.numpy()).max() < parity.TOLERANCE
    assert graph.synapse_count < 0.55 * sis_edge.form(net, input_shape=(3, 65, 65)).synapse_count


@pytest.mark.parametrize(
    "pooling", [nn.AvgPool2d(12), nn.AvgPool2d(16), nn.AdaptiveAvgPool2d(4), nn.MaxPool2d(5, 3), nn.MaxPool2d(3, 2, 1)]
)
def test_pooling_computes_what_the_module_does(pooling: nn.Module) -> None:
    """Also where one window is all that fits a map, and not the whole of it."""
    torch.manual_seed(2)
    net = nn.Sequential(nn.Conv2d(3, 8, 3, padding=1), nn.ReLU(), pooling, nn.Flatten(), nn.LazyLinear(5))
    images = torch.randn(4, 3, 16, 16)
    expected = net(images)
    network = from_module(sis_edge.form(net, input_shape=(3, 16, 16), t_c=1), net)
    assert torch.allclose(network(images), expected, atol=1e-5)


def test_a_normalisation_of_another_epsilon_is_the_same_after_saving(tmp_path: Path) -> None:
    """As of TensorFlow's MobileNets (1e-3): the files of a bundle are made of the saved weights."""
    parts = [nn.Conv2d(3, 8, 3), nn.BatchNorm2d(8, eps=0.05), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten()]
    net = nn.Sequential(*parts, nn.Linear(8, 10)).eval()
    graph = sis_edge.form(net)
    TrainedNetwork.of(graph, from_module(graph, net), datasets.load("digits")).save(tmp_path)
    images = torch.randn(4, 3, 32, 32)
    with torch.no_grad():
        assert torch.allclose(stage.load(graph, tmp_path)(images), net(images), atol=1e-5)


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
