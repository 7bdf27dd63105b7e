"""Trained networks that are loaded again, and sentences for what is none of what a function takes."""

import json
from pathlib import Path

import pytest
import torch

import sis_edge
from sis_edge import datasets
from sis_edge.errors import RecordError, UsageError
from sis_edge.zoo.entry import named


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> tuple[sis_edge.TrainedNetwork, Path]:
    folder = tmp_path_factory.mktemp("trained")
    graph = sis_edge.form(t_c=0.05, t_p=0.1, conv="neuron")
    return sis_edge.train(graph, "digits", epochs=1, limit=64, seed=3, folder=folder / "stages"), folder


def same(one: sis_edge.TrainedNetwork, other: sis_edge.TrainedNetwork) -> None:
    assert repr(one) == repr(other)
    assert one.weights_sha256 == other.weights_sha256
    assert one.graph.digest() == other.graph.digest()
    for name in ("accuracy", "test_images", "recipe", "epochs", "seed", "precision", "train_images"):
        assert getattr(one, name) == getattr(other, name)


def test_a_saved_network_is_the_same_again(trained: tuple[sis_edge.TrainedNetwork, Path], tmp_path: Path) -> None:
    network, _ = trained
    network.save(tmp_path / "mine")
    again = sis_edge.load_network(tmp_path / "mine")
    same(network, again)
    images = torch.zeros(2, 3, 32, 32)
    assert torch.equal(network.module(images), again.module(images))
    with pytest.raises(UsageError, match="was trained on other images than this cifar10"):
        sis_edge.load_network(tmp_path / "mine", dataset=sis_edge.load_network("svhn-sis3").dataset)

    document = tmp_path / "mine" / "network.json"
    about = json.loads(document.read_text())
    document.write_text(json.dumps({**about, "network_version": 2}))
    with pytest.raises(RecordError, match=r"has version 2, this sis-edge reads 1"):
        sis_edge.load_network(tmp_path / "mine")
    document.write_text(json.dumps(about))
    (tmp_path / "mine" / "weights.safetensors").write_bytes(b"other")
    with pytest.raises(RecordError, match="is not what was saved"):
        sis_edge.load_network(tmp_path / "mine")


def test_a_finished_training_s_folder_does_too_with_its_data_set(
    trained: tuple[sis_edge.TrainedNetwork, Path],
) -> None:
    network, folder = trained
    (stage,) = (folder / "stages").glob("train-*")
    with pytest.raises(UsageError, match="does not name its data set; give it"):
        sis_edge.load_network(stage)
    same(network, sis_edge.load_network(stage, dataset="digits"))
    with pytest.raises(UsageError, match="has no trained network"):
        sis_edge.load_network(folder)


@pytest.mark.slow
def test_the_zoo_s_networks_are_compared_with_one_s_own(tmp_path: Path) -> None:
    dense, sparse = (sis_edge.load_network(name) for name in ("nin", "cifar10-sis3"))
    known = named("nin")
    assert (dense.accuracy, dense.epochs, dense.test_images) == (known.accuracy, known.recipe["epochs"], 10_000)
    assert len(sparse.dataset.test) == 500, "the images that come with sis-edge"
    mine = sis_edge.TrainedNetwork.of(sparse.graph, sparse.module, sparse.dataset)
    made = sis_edge.bundle({"nin": dense, "mine": mine}, reference="nin", folder=tmp_path, test_images=32)
    assert [entry.name for entry in made.manifest.networks] == ["nin", "mine"]
    with pytest.raises(UsageError, match="unknown network in the zoo 'sis9'"):
        sis_edge.load_network("sis9")


def test_what_a_function_does_not_take_is_said_in_a_sentence(
    trained: tuple[sis_edge.TrainedNetwork, Path], tmp_path: Path
) -> None:
    network, _ = trained
    with pytest.raises(UsageError, match="train takes a graph, not a str; form makes one"):
        sis_edge.train("nin", "digits")  # type: ignore[arg-type]
    with pytest.raises(UsageError, match="export takes a trained network, not a SynapticGraph"):
        sis_edge.export(network.graph, tmp_path / "x.onnx")  # type: ignore[arg-type]
    for wrong in (network, [network]):
        with pytest.raises(UsageError, match="bundle takes trained networks by the names that they get"):
            sis_edge.bundle(wrong)  # type: ignore[arg-type]
    with pytest.raises(UsageError, match="bundle takes trained networks by name, not a SynapticGraph"):
        sis_edge.bundle({"mine": network.graph})  # type: ignore[dict-item]
    with pytest.raises(UsageError, match="compare takes runs, not a str; load_runs reads stored ones"):
        sis_edge.compare("runs")  # type: ignore[arg-type]
    with pytest.raises(UsageError, match=r"graph\.npz is a file of arrays, not a network; SynapticGraph\.load reads"):
        sis_edge.form("graph.npz")
    assert "in the same class as PyTorch" in repr(sis_edge.export(network, tmp_path / "x.onnx"))


def test_images_that_are_own_data_with_settings(tmp_path: Path) -> None:
    with pytest.raises(sis_edge.errors.DatasetError, match="photos does not exist"):
        sis_edge.train(sis_edge.form("nin"), datasets.OwnData(tmp_path / "photos", flip=True))
