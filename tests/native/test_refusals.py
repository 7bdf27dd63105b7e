"""What a native chain cannot say exactly is refused, left to ONNX Runtime and never predicted from a chain's costs."""

import platform
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from native.test_costs import calibration
from sis_edge.errors import ExportError, UsageError
from sis_edge.exporting import sparse
from sis_edge.exporting.sparse import BY_STRUCTURE, Engine
from sis_edge.formation import Formation, form
from sis_edge.formation.compaction import compact
from sis_edge.native import blob, choice, costs
from sis_edge.native.predict import predict
from sis_edge.networks.architectures import mobilenet_small, resnet20
from sis_edge.spec import LayerSpec, NetworkSpec, is_chain, nin

NETWORKS = {"resnet20": resnet20(side=16), "mobilenet-small": mobilenet_small(side=32)}
PLAIN = LayerSpec("odd", "CL", 4, 6, 3, 8)
HALF = Formation(t_c=0.5, t_p=0.5)


class RandomLayer:
    def __init__(self, spec: LayerSpec) -> None:
        self.spec = spec
        self.weight = np.ones(spec.weight_shape, np.float32)
        self.bias = np.zeros(spec.filters, np.float32)


@pytest.mark.parametrize(
    ("changed", "reason"),
    [
        ({"activation": "relu6"}, "activation relu6"),
        ({"activation": "none"}, "activation none"),
        ({"padding": 0}, "padding 0"),
        ({"kernel": 2}, "padding 1"),
        ({"groups": 2}, "2 groups"),
        ({"pool": 2, "pooling": "average"}, "average pooling"),
        ({"adds": "stem"}, "the addition of stem"),
        ({"stride": 2}, "stride 2"),
        ({"global_pool": True, "map_side": 1}, "global pooling before it"),
    ],
)
def test_a_chain_cannot_say_it(changed: dict[str, object], reason: str) -> None:
    layer = replace(PLAIN, **changed)  # type: ignore[arg-type]
    with pytest.raises(ExportError, match=f"layer odd cannot be a layer of a native chain: it has {reason}"):
        blob.encode([RandomLayer(layer)])


@pytest.mark.parametrize(
    ("changed", "reason"),
    [
        ({"source": "stem"}, "it reads stem, not before"),
        ({"inputs": 5}, "it does not read what before gives"),
        ({"map_side": 4}, "it does not read what before gives"),
    ],
)
def test_a_chain_has_no_branches(changed: dict[str, object], reason: str) -> None:
    layers = [replace(PLAIN, name="before"), replace(PLAIN, **{"inputs": 6, **changed})]  # type: ignore[arg-type]
    with pytest.raises(ExportError, match=f"layer odd cannot be a layer of a native chain: {reason}"):
        blob.encode([RandomLayer(layer) for layer in layers])
    blob.encode([RandomLayer(layer) for layer in (layers[0], replace(PLAIN, inputs=6, source="before"))])


@pytest.mark.parametrize("spec", NETWORKS.values(), ids=NETWORKS)
def test_costs_of_other_networks_are_not_made_up(spec: NetworkSpec) -> None:
    model, graph = costs.fit(calibration()), form(spec, HALF)
    special = next(layer for layer in spec.layers if layer.special)
    for answer in (lambda: predict(model, graph), lambda: choice.choose(model, compact(graph))):
        with pytest.raises(UsageError, match=f"layer {special.name} has .*; build the network and measure it"):
            answer()


@pytest.mark.parametrize("spec", [*NETWORKS.values(), nin()], ids=[*NETWORKS, "nin"])
def test_a_form_says_what_it_was_chosen_by(spec: NetworkSpec) -> None:
    measured = calibration()
    engine = Engine(platform.machine(), Path("library.so"), measured, None)
    found = sparse.form_of("x", engine, sparse.plan(engine, form(spec, HALF)), None)
    if is_chain(spec.layers):
        assert (found.basis, found.calibration) == (measured.basis, measured.digest)
        assert found.layers[0].dense_s is not None
    else:
        assert (found.basis, found.calibration, found.doubt) == (BY_STRUCTURE, None, None)
        assert (found.dense_s, found.chosen_s, found.layers[0].dense_s) == (None, None, None)
