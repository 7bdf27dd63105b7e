"""Bundles by the front door, above all of networks that their user trained."""

from pathlib import Path

import numpy as np
import pytest
import torch

import sis_edge
from sis_edge.bundles.verify import verify
from sis_edge.datasets import load
from sis_edge.errors import UsageError
from sis_edge.exporting.parity import TOLERANCE, run_onnx
from sis_edge.formation.compaction import compact
from sis_edge.models import SisNet
from sis_edge.training.batches import normalise
from sis_edge.training.trained import OWN_RECIPE


@pytest.fixture(scope="module")
def graph() -> sis_edge.SynapticGraph:
    return sis_edge.form(t_c=0.05, t_p=0.1, conv="neuron")


@pytest.fixture(scope="module")
def own(graph: sis_edge.SynapticGraph) -> sis_edge.TrainedNetwork:
    """A few steps of a loop that is not ours."""
    torch.manual_seed(0)
    data, module = load("digits", progress=False), SisNet(compact(graph))
    inputs = normalise(torch.from_numpy(data.train.images[:64]), data)
    labels = torch.from_numpy(data.train.labels[:64])
    optimiser = torch.optim.Adam(module.parameters(), lr=0.01)
    module.train()
    for _ in range(3):
        optimiser.zero_grad()
        torch.nn.functional.cross_entropy(module(inputs), labels).backward()
        optimiser.step()
    return sis_edge.TrainedNetwork.of(graph, module, data)


def test_a_network_that_its_user_trained(own: sis_edge.TrainedNetwork, tmp_path: Path) -> None:
    made = sis_edge.bundle({"mine": own}, reference="mine", name="own", folder=tmp_path, test_images=40)
    assert verify(tmp_path / "own").id == made.id
    (entry,) = made.manifest.networks
    assert (made.manifest.reference, made.manifest.dataset, entry.name) == ("mine", "digits", "mine")
    training = entry.training
    assert (training.recipe, training.epochs, training.seed, training.train_images) == (OWN_RECIPE, None, None, None)
    assert training.host_accuracy == own.accuracy
    assert entry.synapses == own.graph.synapse_count
    steps = []
    again = sis_edge.bundle(
        {"mine": own}, reference="mine", name="own", folder=tmp_path, test_images=40, on_step=steps.append
    )
    assert (again.id, [step for step in steps if step.stage == "export"]) == (made.id, [])
    text = repr(made)
    assert text.splitlines()[0] == f"bundle {made.path} ({made.id}): digits for local"
    assert "reference" in text
    assert "<td>mine</td>" in made._repr_html_()


def test_other_weights_make_another_bundle(own: sis_edge.TrainedNetwork, tmp_path: Path) -> None:
    other = sis_edge.train(own.graph, "digits", epochs=1, limit=64, precision="fp32")
    words = {"name": "own", "folder": tmp_path, "test_images": 40}
    first = sis_edge.bundle({"mine": own}, **words)
    second = sis_edge.bundle({"mine": other}, **words)
    assert first.id != second.id
    assert second.manifest.networks[0].training.epochs == 1


def test_golden_logits_are_of_the_bundle_s_own_images(own: sis_edge.TrainedNetwork, tmp_path: Path) -> None:
    """The same weights for images in another normalisation, in the same build folder."""
    normalised = own.dataset.normalised_by((0.5, 0.5, 0.5), (0.25, 0.25, 0.25))
    for name, data in (("first", own.dataset), ("second", normalised)):
        network = sis_edge.TrainedNetwork.of(own.graph, own.module, data)
        made = sis_edge.bundle({"mine": network}, name=name, folder=tmp_path, test_images=40)
        (entry,) = made.manifest.networks
        logits = run_onnx(made.path / entry.model, np.load(made.path / str(made.manifest.golden_inputs)))
        assert np.abs(logits - np.load(made.path / entry.golden_logits)).max() < TOLERANCE


def test_what_makes_no_bundle(own: sis_edge.TrainedNetwork, graph: sis_edge.SynapticGraph, tmp_path: Path) -> None:
    data = load("digits", progress=False)
    from small import images

    other_data = type(data).of(
        "other", images(64), images(32, 1), classes=data.classes, flip=False, source="drawn here"
    )
    other = sis_edge.TrainedNetwork.of(graph, own.module, other_data)
    for networks, words, sentence in (
        ({}, {}, "no network to bundle"),
        ({"mine": own, "theirs": other}, {}, "theirs was trained on other, another on digits"),
        ({"mine": own}, {"dataset": "cifar10"}, "the networks were trained on digits, and dataset is cifar10"),
        ({"../mine": own}, {}, "'../mine' cannot be the name of a network"),
        ({"mine": own}, {"reference": "nin"}, "reference"),
        ({"mine": own}, {"profile": "jetson-nan"}, "did you mean jetson-nano?"),
        (["nin"], {}, "networks by name need the data set that they are for"),
        (["nix"], {"dataset": "digits"}, "unknown network 'nix'; did you mean nin?"),
    ):
        with pytest.raises(UsageError) as raised:
            sis_edge.bundle(networks, folder=tmp_path, **words)
        assert sentence in str(raised.value)
    assert list(tmp_path.glob("[!.]*")) == []


def test_a_module_of_another_graph(own: sis_edge.TrainedNetwork) -> None:
    wider = sis_edge.form(t_c=0.1, t_p=0.1, conv="neuron")
    with pytest.raises(UsageError, match="the module is not of this graph"):
        sis_edge.TrainedNetwork.of(wider, own.module, own.dataset)
