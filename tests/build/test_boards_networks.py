"""What a build makes for a board: granularities by the profile, precisions by its runtimes."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import onnx
import pytest
from tiny_build import plan_in

from sis_edge.build.networks import formation_for
from sis_edge.build.pipeline import build
from sis_edge.bundles.verify import verify
from sis_edge.exporting import parity
from sis_edge.exporting.sparsity import weights
from sis_edge.formation import PRESETS, form
from sis_edge.profiles import load, names
from sis_edge.spec import nin


@pytest.mark.parametrize("name", ["cifar10-sis1", "cifar10-sis2", "cifar10-sis3", "svhn-sis3"])
def test_sparse_tensor_cores_get_their_pattern(name: str) -> None:
    graph = form(nin(), formation_for(name, load("jetson-orin-nano").networks))
    row = PRESETS[name]
    for layer in graph.layers:
        inputs = np.flatnonzero(layer.synapses.any(axis=(0, 2, 3)))
        mask = layer.synapses[np.ix_(np.flatnonzero(layer.neurons), inputs)]
        if layer.spec.name in ("C2", "C3"):
            groups = mask.reshape(mask.shape[0], -1, 4, *mask.shape[2:]).sum(axis=2)
            assert (groups == round(4 * row.t_c)).all(), "the pattern holds in the compact network"
        else:
            assert mask.all(), "C1 sees three colours, and micro networks are made of whole neurons"
    assert graph.micro_synapses == row.micro_synapses
    exact = sum(layer.synapse_count for layer in graph.layers if layer.spec.name in ("C2", "C3"))
    assert graph.conv_synapses == exact + 14_400  # a dense C1


@pytest.mark.parametrize("name", ["cifar10-sis1", "cifar10-sis2", "svhn-sis1", "svhn-sis2", "svhn-sis3"])
def test_boards_without_them_leave_out_whole_filters_as_near_to_the_paper_s_count_as_they_can(name: str) -> None:
    row = PRESETS[name]
    formation = formation_for(name, load("jetson-nano").networks)
    graph = form(nin(), formation)
    for layer in graph.layers:
        inputs = np.flatnonzero(layer.synapses.any(axis=(0, 2, 3)))
        assert layer.synapses[np.ix_(np.flatnonzero(layer.neurons), inputs)].all(), "of whole filters"
    assert graph.micro_synapses <= row.micro_synapses, "they read fewer filters"
    others = [form(nin(), replace(formation, t_c=width / 192)).synapse_count for width in range(40, 193)]
    assert abs(graph.synapse_count - row.synapses) == min(abs(count - row.synapses) for count in others)
    by_shares = form(nin(), formation_for(name, load("jetson-nano").networks, by_shares=True)).synapse_count
    assert by_shares < graph.synapse_count


@pytest.mark.parametrize("name", names())
def test_every_board_s_presets_can_be_formed(name: str) -> None:
    settings = load(name).networks
    for preset in PRESETS:
        graph = form(nin(), formation_for(preset, settings))
        assert graph.synapse_count <= nin().synapse_count


def test_a_bundle_for_a_board_has_its_precisions(tmp_path: Path) -> None:
    plan = plan_in(tmp_path / "build", profile=load("jetson-orin-nano"))
    result = build(plan)
    assert build(plan).was_done
    bundle = verify(result.bundle.path)
    (entry,) = bundle.manifest.networks
    assert entry.opset == 13
    assert {variant.name: variant.runtime for variant in entry.variants} == {
        "fp16": "tensorrt",
        "int8-tensorrt": "tensorrt",
        "int8-onnxruntime": "onnxruntime",
    }
    inputs = np.load(bundle.path / bundle.manifest.golden_inputs)
    for variant in entry.variants:
        path = bundle.path / variant.model
        assert onnx.load(path).opset_import[0].version == 13
        golden = np.load(bundle.path / variant.golden_logits)
        assert np.abs(parity.run_onnx(path, inputs) - golden).max() < variant.golden_tolerance
        assert variant.host_test_images == 40
        kinds = {row.dtype for row in weights(path) if row.layer not in variant.float_layers}
        assert kinds == {{"fp16": "float16", "int8": "int8"}[variant.precision]}


def test_another_board_s_bundle_is_another(tmp_path: Path) -> None:
    first = build(plan_in(tmp_path / "build"))
    second = build(plan_in(tmp_path / "build", profile=load("raspberry-pi-5")))
    assert not second.was_done
    made = [result.bundle.manifest.networks[0].variants for result in (first, second)]
    assert [[(each.precision, each.form) for each in variants] for variants in made] == [
        [],
        [("int8", "plain"), ("int8", "native")],
    ]
