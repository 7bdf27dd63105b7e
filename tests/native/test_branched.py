"""Which layers of a network with branches are native, and which stand together in one node."""

from dataclasses import replace
from typing import Any

import pytest
from branched import BRANCHED

from sis_edge.formation import Formation, form
from sis_edge.formation.compaction import compact
from sis_edge.native import branched
from sis_edge.native.choice import Choice
from sis_edge.networks.architectures import mobilenet_small, resnet20
from sis_edge.spec import LayerSpec, NetworkSpec

RESNET, MOBILENET = resnet20(), mobilenet_small()
KERNELS, BLOCKS = {"conv": "kernel", "micro": "kernel"}, {"conv": "block", "micro": "block"}


def choices(spec: NetworkSpec, **settings: Any) -> tuple[Choice, ...]:
    return branched.choose(compact(form(spec, Formation(**settings))))


@pytest.mark.parametrize(
    ("spec", "share", "granularity", "kind"),
    [
        (RESNET, 0.25, KERNELS, "native"),
        (RESNET, 0.25, BLOCKS, "native"),
        (RESNET, 0.75, KERNELS, "native"),
        (RESNET, 0.9, KERNELS, "dense"),
        (RESNET, 1, {}, "dense"),
        (MOBILENET, 0.25, KERNELS, "native"),
        (MOBILENET, 0.25, BLOCKS, "native"),
        (MOBILENET, 0.5, KERNELS, "dense"),
        (MOBILENET, 1, {}, "dense"),
    ],
)
def test_a_network_is_native_where_that_was_measured_to_be_faster(
    spec: NetworkSpec, share: float, granularity: dict[str, Any], kind: str
) -> None:
    found = choices(spec, t_c=share, t_p=share, **granularity)
    assert {choice.kind for choice in found} == {kind}
    sparse = [choice for choice in found if choice.share < 1]
    for choice in sparse if kind == "native" else ():
        assert choice.why == f"sparse: {choice.share:.0%} of its kernels exist"


def test_single_kernels_of_1_x_1_alone_do_not_pay_and_blocks_do() -> None:
    for granularity, kind in ((KERNELS, "dense"), (BLOCKS, "native")):
        assert {choice.kind for choice in choices(MOBILENET, t_c=1, t_p=0.25, **granularity)} == {kind}


def test_layers_that_cannot_be_said_are_left_out_and_say_why() -> None:
    layers = [
        replace(layer, groups=2, kernel=3) if layer.name == "layer2.0.conv2" else layer for layer in RESNET.layers
    ]
    found = {choice.layer.name: choice for choice in choices(replace(RESNET, layers=tuple(layers)), t_c=0.25, t_p=1)}
    left = found["layer2.0.conv2"]
    assert (left.kind, left.why) == ("dense", "native kernels do not compute 2 groups")
    # layer2.0.conv1 stays, for a node may end anywhere; the addition of two values from outside cannot begin one.
    assert found["layer1.2.conv2"].kind == found["layer2.0.conv1"].kind == found["layer2.1.conv1"].kind == "native"


def test_what_stands_together() -> None:
    everything = [True] * len(RESNET.layers)
    assert branched.stretches(RESNET.layers, everything) == [(0, len(RESNET.layers))]
    # The result of layer1.0.conv2 is added after layer1.1.conv1, so no node ends between them.
    names = [layer.name for layer in RESNET.layers]
    everything[names.index("layer1.1.conv2")] = False
    assert branched.stretches(RESNET.layers, everything) == [(0, 3), (3, 4), (5, len(names))]
    # A native layer needs neither a second input nor a second result.
    assert branched.stretches(BRANCHED.layers, [True] * 8) == [(0, 5)]
    two = (
        LayerSpec("a", "CL", 3, 4, 3, 8),
        LayerSpec("b", "CL", 3, 4, 3, 8, source="a"),
        LayerSpec("c", "CL", 4, 4, 3, 8, adds="a"),
    )
    assert branched.stretches(two, [False, False, True]) == []
    assert branched.stretches(two, [True, True, False]) == [(0, 1), (1, 2)]
