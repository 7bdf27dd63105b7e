"""Networks of the literature, for any number of classes and image side: what `--network NAME` names."""

from dataclasses import replace
from typing import Protocol

from sis_edge.errors import UsageError
from sis_edge.networks.layers import LayerList
from sis_edge.spec import NetworkSpec, checked
from sis_edge.spec import nin as paper_nin


class Architecture(Protocol):
    """A network by name; `classes` and `side` of None are those that it was published for.

    Raises UsageError for a side that its pooling and strides leave nothing of.
    """

    def __call__(self, classes: int | None = None, side: int | None = None, channels: int = 3) -> NetworkSpec:
        """The dense network for images [channels, side, side]."""
        ...


def nin(classes: int | None = None, side: int | None = None, channels: int = 3) -> NetworkSpec:
    """The paper's Network in Network, see `spec.nin`: 959,104 synapses for ten classes."""
    return _nin("nin", 1, classes, side, channels)


def nin_half(classes: int | None = None, side: int | None = None, channels: int = 3) -> NetworkSpec:
    """The paper's Network in Network with half its widths.

    243,776 synapses for ten classes: a quarter of the paper's 959,104 but for the first and the last layer, whose
    images and classes are not halved.
    """
    return _nin("nin-half", 2, classes, side, channels)


def resnet20(classes: int | None = None, side: int | None = None, channels: int = 3) -> NetworkSpec:
    """ResNet-20 for images of 32 x 32: 3 stages of 3 blocks, parameter-free shortcuts (option A).

    Source: He et al. 2016, "Deep Residual Learning for Image Recognition", section 4.2 and table 6: 0.27 million
    parameters (269,722 with scale, shift and the class layer's bias), 40.6 million multiply-accumulates.
    """
    layers = LayerList("resnet20", channels, side or 32)
    layers.add("conv1", 16, 3)
    before = "conv1"
    for stage, filters in enumerate((16, 32, 64), start=1):
        for block in range(3):
            name = f"layer{stage}.{block}"
            layers.add(f"{name}.conv1", filters, 3, stride=2 if stage > 1 and block == 0 else 1)
            layers.add(f"{name}.conv2", filters, 3, adds=before)
            before = f"{name}.conv2"
    layers.add("fc", classes or 10, 1, norm=False, activation="none", global_pool=True)
    return layers.spec()


def mobilenet_small(classes: int | None = None, side: int | None = None, channels: int = 3) -> NetworkSpec:
    """MobileNetV1 of width 0.25, for images of 96 x 96 and 2 classes as in MLPerf Tiny (visual wake words).

    Sources: Howard et al. 2017, "MobileNets", tables 1 and 6; Banbury et al. 2021, "MLPerf Tiny Benchmark". The
    benchmark's model has 221,794 parameters: 213,586 that are learnt here, 5,472 statistics of the normalisation and
    2,736 biases before it, which it takes away again. 7.5 million multiply-accumulates. On images under 64 x 64 the
    first layer has stride 1, as is usual for CIFAR: the network would leave one pixel of them.
    """
    layers = LayerList("mobilenet-small", channels, side or 96)
    filters = 8
    layers.add("conv1", filters, 3, stride=2 if layers.side >= 64 else 1)
    blocks = ((64, 1), (128, 2), (128, 1), (256, 2), (256, 1), (512, 2), *((512, 1),) * 5, (1024, 2), (1024, 1))
    for number, (published, stride) in enumerate(blocks, start=1):
        layers.add(f"block{number}.depthwise", filters, 3, stride=stride, groups=filters)
        filters = published // 4
        layers.add(f"block{number}.pointwise", filters, 1)
    layers.add("fc", classes or 2, 1, norm=False, activation="none", global_pool=True)
    return layers.spec()


def _nin(name: str, divisor: int, classes: int | None, side: int | None, channels: int) -> NetworkSpec:
    side = 32 if side is None else side
    if side < 4:
        raise UsageError(f"{name} halves its maps twice and cannot take images of {side} x {side}; use 4 or more")
    layers, inputs, now = [], channels, side
    for layer in paper_nin(classes or 10).layers:
        filters = layer.filters if layer.is_class_layer else layer.filters // divisor
        layers.append(replace(layer, inputs=inputs, filters=filters, map_side=now))
        inputs, now = filters, layers[-1].out_side
    return checked(NetworkSpec(name, channels, side, tuple(layers)))
