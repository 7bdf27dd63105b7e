"""What is read from a torch module: the layers that its forward computes, or a sentence that says why not."""

from collections.abc import Callable
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from sis_edge.errors import UsageError
from sis_edge.networks import parameter_count
from sis_edge.networks.torch_module import read
from sis_edge.registries import NETWORKS
from sis_edge.spec import LayerSpec, nin

from .modules import Concatenating, Deciding, LeNet, PlainResNet20, ProjectionNet, ResNet18, mobile_net


def test_a_plain_resnet20_is_the_one_that_has_a_name() -> None:
    module = PlainResNet20()
    spec = read(module, (3, 32, 32), "resnet20").formed
    assert spec == NETWORKS["resnet20"]()
    assert parameter_count(spec) == sum(parameter.numel() for parameter in module.parameters())
    assert module.training


def test_a_module_of_the_paper_s_network_is_the_paper_s_network() -> None:
    parts: list[tuple[str, nn.Module]] = []
    for layer in nin().layers:
        parts.append((layer.name, nn.Conv2d(layer.inputs, layer.filters, layer.kernel, padding="same")))
        if not layer.is_class_layer:
            parts += [(f"{layer.name}n", nn.BatchNorm2d(layer.filters)), (f"{layer.name}r", nn.ReLU())]
        if layer.pool > 1:
            parts.append((f"{layer.name}p", nn.MaxPool2d(layer.pool)))
    module = nn.Sequential()
    for name, part in [*parts, ("average", nn.AdaptiveAvgPool2d(1)), ("flat", nn.Flatten())]:
        module.add_module(name, part)
    assert read(module, (3, 32, 32), "nin").formed == nin()


def test_a_shortcut_with_a_convolution_adds_one_result_to_the_other() -> None:
    assert read(ProjectionNet()).formed.layers == (
        LayerSpec("stem.0", "CL", 3, 8, 3, 32),
        LayerSpec("conv", "CL", 8, 16, 3, 32, stride=2, activation="none"),
        LayerSpec("downsample.0", "MP", 8, 16, 1, 32, stride=2, source="stem.0", adds="conv"),
        LayerSpec("fc", "MP", 16, 5, 1, 1, is_class_layer=True, global_pool=True),
    )


def test_resnet18_has_its_published_parameters() -> None:
    """11,689,512 with 1,000 classes: the count that usual implementations are published with."""
    spec = read(ResNet18(), (3, 64, 64)).formed
    assert parameter_count(spec) == 11_689_512
    stem = LayerSpec("conv1", "CL", 3, 64, 7, 64, stride=2, pool=2, pool_kernel=3, pool_padding=1)
    assert spec.layers[0] == stem
    assert (stem.conv_side, stem.out_side) == (32, 16)
    assert "pooling of 3 x 3 with stride 2" in stem.special


def test_depthwise_layers_relu6_and_a_convolution_that_classifies() -> None:
    layers = read(mobile_net(), (3, 16, 16)).formed.layers
    assert [layer.groups for layer in layers] == [1, 8, 1, 16, 1, 1]
    assert [layer.stride for layer in layers] == [2, 1, 1, 2, 1, 1]
    assert {layer.activation for layer in layers[:-1]} == {"relu6"}
    assert layers[-1] == LayerSpec("7", "MP", 24, 7, 1, 1, is_class_layer=True, global_pool=True)


def test_maps_that_are_flattened_are_read_by_a_kernel_of_their_side() -> None:
    module = LeNet()
    spec = read(module, (1, 32, 32)).formed
    assert [(layer.kernel, layer.pads, layer.pool, layer.activation) for layer in spec.layers] == [
        (5, 0, 2, "relu"),
        (5, 0, 2, "relu"),
        (5, 0, 1, "relu"),
        (1, 0, 1, "relu"),
    ]
    assert parameter_count(spec) == sum(parameter.numel() for parameter in module.parameters())


def test_the_report_says_what_becomes_of_each_step() -> None:
    report = read(ProjectionNet())
    becomes = {step.name: step.becomes for step in report.steps}
    assert becomes["conv"] == "layer conv, CL"
    assert becomes["relu"] == becomes["add"] == "in downsample.0"
    assert becomes["dropout"] == "left out"
    assert f"{report.formed.synapse_count:,} synapses" in repr(report)
    refused = read(Concatenating())
    assert refused.spec is None
    assert [step.name for step in refused.steps if step.why_not] == ["cat", "mean", "fc"]
    assert "no: it concatenates 2 branches" in repr(refused)


class Forward(nn.Module):
    """A stem, a second convolution, and a forward of the test's."""

    def __init__(self, forward: Callable[["Forward", Tensor], Tensor]) -> None:
        super().__init__()
        self.one, self.two = nn.Conv2d(3, 8, 3, padding=1), nn.Conv2d(8, 8, 3, padding=1)
        self.norm = nn.BatchNorm2d(8)
        self.pairs = nn.MaxPool2d(2, return_indices=True)
        self.dilated = nn.Conv2d(8, 8, 3, padding=2, dilation=2)
        self.flat = nn.Conv2d(8, 8, (1, 3), padding=(0, 1))
        self.weight = nn.Parameter(torch.ones(1))
        self.body = forward
        self.fc = nn.Linear(8, 10)

    def forward(self, x: Tensor) -> Tensor:
        result: Tensor = self.fc(self.body(self, x).mean((2, 3)))
        return result


@pytest.mark.parametrize(
    ("forward", "sentence"),
    [
        (lambda net, x: F.avg_pool2d(net.one(x), 3, 2, 1), "pools windows of 3 with stride 2 and padding 1"),
        (lambda net, x: F.max_pool2d(net.one(x), 3, 1, 1), "pools windows of 3 with stride 1 and padding 1"),
        (lambda net, x: F.max_pool2d(net.one(x), (2, 4)), "pools windows of 2 x 4 with stride 2 x 4 and padding 0"),
        (lambda net, x: F.max_pool2d(net.one(x), 5, ceil_mode=True), "pools windows of 5 with stride 5 and padding 0"),
        (lambda net, x: F.max_pool2d(net.one(x), 2, 2, 1, 3), "pools with a dilation or a divisor"),
        (lambda net, x: F.avg_pool2d(net.one(x), 2, divisor_override=3), "pools with a dilation or a divisor"),
        (lambda net, x: F.adaptive_avg_pool2d(net.one(x), (4, 1)), "averages to 4 x 1, and a layer's maps are square"),
        (lambda net, x: F.adaptive_avg_pool2d(net.one(x), 5), "averages 32 x 32 to 5 x 5, in windows that overlap"),
        (lambda net, x: net.pairs(net.one(x))[0], "pairs (MaxPool2d) gives indices too"),
        (lambda net, x: net.dilated(net.one(x)), "dilated (Conv2d 8, 3x3) has dilation 2"),
        (lambda net, x: net.flat(net.one(x)), "flat (Conv2d 8, 1x3) has a kernel of 1 x 3"),
        (lambda net, x: net.two(net.two(net.one(x))), "is used a second time"),
        (lambda net, x: F.gelu(net.one(x)), "gelu (gelu) is of a kind that no layer has"),
        (lambda net, x: net.norm(F.relu(net.one(x))), "norm (BatchNorm2d) comes after the activation of one"),
        (lambda net, x: F.relu(net.two(F.relu(net.one(x)))) + net.one(x), "one (Conv2d 8, 3x3) is used a second time"),
        (lambda net, x: net.one(x) * net.weight, "weight (parameter) is a parameter of the module's own"),
        (lambda net, x: net.one(x)[:, :4].repeat(1, 2, 1, 1), "takes a part of its input"),
        (lambda net, x: net.one(x) + 1, "adds other than the results of two layers"),
        (lambda net, x: (y := net.one(x)) + F.dropout(y), "adds a layer's result to itself"),
        (lambda net, x: torch.add(net.two(y := net.one(x)), y, alpha=2), "weighs what it adds"),
        (lambda net, x: net.two(F.relu(y := net.one(x))) + y, "follows one, whose result is used before it too"),
        (lambda net, x: net.two(F.relu(y := net.one(x))) + F.dropout(y), "whose result is used before it too"),
        (lambda net, x: F.relu(net.two(y := net.one(x))) + y, "add (add) comes after the activation of two"),
    ],
)
def test_what_no_layer_has_is_named_with_the_reason(forward: Any, sentence: str) -> None:
    report = read(Forward(forward))
    with pytest.raises(UsageError) as refused:
        _ = report.formed
    assert str(refused.value).startswith("Forward cannot be formed: ")
    assert sentence in str(refused.value)


def test_branches_that_are_concatenated_are_refused() -> None:
    with pytest.raises(UsageError, match=r"cat \(cat\) concatenates 2 branches; a formed network can only add them"):
        _ = read(Concatenating()).formed


def test_control_flow_by_a_tensor_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(UsageError, match="Deciding cannot be read: its forward has control flow"):
        read(Deciding())
    with pytest.raises(UsageError, match=r"LeNet does not take images of 3 x 32 x 32: .*to have 1 channels"):
        read(LeNet())
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize("shape", [(3, 32), (3, 32, 16), (0, 32, 32)])
def test_images_are_square(shape: tuple[int, ...]) -> None:
    with pytest.raises(UsageError, match="must be \\(channels, side, side\\) of square images"):
        read(LeNet(), shape)


def test_a_result_that_is_not_class_scores_is_refused() -> None:
    maps = nn.Sequential(nn.Conv2d(3, 10, 3), nn.ReLU())
    with pytest.raises(UsageError, match=r"output \(result\) is not one tensor \[batch, classes\]"):
        _ = read(maps).formed
    active = nn.Sequential(nn.Conv2d(3, 10, 3), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten())
    with pytest.raises(UsageError, match="layer 0 is the last and gives the class scores"):
        _ = read(active).formed


class TwoHeads(nn.Module):
    """Two linear layers after a convolution; `forward` may have an input that nobody has to give."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Conv2d(3, 4, 3)
        self.one = nn.Linear(4 * 6 * 6, 10)
        self.two = nn.Linear(4 * 6 * 6, 10)

    def forward(self, x: Tensor) -> Tensor:
        x = torch.relu(self.stem(x)).flatten(1)
        result = self.one(x)
        self.two(x)
        return result


class OptionalMask(TwoHeads):
    def forward(self, x: Tensor, mask: object = None) -> Tensor:
        return self.one(torch.relu(self.stem(x)).flatten(1))


@pytest.mark.parametrize(
    ("module", "sentence"),
    [
        (TwoHeads(), "its result is not that of its last layer"),
        (OptionalMask(), r"mask \(second input\) is a second input; a formed network takes images only"),
    ],
)
def test_one_input_and_the_result_of_the_last_layer(module: nn.Module, sentence: str) -> None:
    with pytest.raises(UsageError, match=sentence):
        _ = read(module, (3, 8, 8)).formed
