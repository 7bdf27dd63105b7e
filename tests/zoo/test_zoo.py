"""The zoo: a trained network goes in and comes out with the same weights; damage is told."""

import json
import shutil
from dataclasses import asdict, replace
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import save
from small import RECIPE, SPEC, dataset

from sis_edge import zoo
from sis_edge.datasets import Dataset
from sis_edge.errors import RecordError, UsageError
from sis_edge.files import stages
from sis_edge.formation import Formation, SynapticGraph, form, preset
from sis_edge.formation.compaction import compact
from sis_edge.models import SisNet
from sis_edge.training import stage
from sis_edge.training.evaluate import accuracy, logits
from sis_edge.training.train import train
from sis_edge.zoo import samples, weights
from sis_edge.zoo.add import add, repeat
from sis_edge.zoo.entry import named

FORMATIONS = [
    Formation(),
    Formation(t_c=0.4, t_p=0.6),
    Formation(t_c=0.4, conv="synapse", micro="synapse"),
    Formation(t_c=0.4, conv="neuron"),
]


@pytest.fixture(scope="module")
def data() -> Dataset:
    return dataset()


def trained(
    folder: Path, data: Dataset, formation: Formation = FORMATIONS[1], *, seed: int = 3, epochs: int = RECIPE.epochs
) -> tuple[SynapticGraph, SisNet]:
    """A training that `build` might have left in that folder."""
    graph = form(SPEC, formation)
    recipe = replace(RECIPE, sides=(16, 32), epochs=epochs)
    network = train(SisNet(compact(graph), seed), data, data.train, recipe, seed=seed, folder=folder / "work").eval()

    def made(place: Path) -> dict[str, object]:
        graph.save(place / "graph.npz")
        (place / "weights.safetensors").write_bytes(
            save({name: value.contiguous() for name, value in network.state_dict().items()})
        )
        return {"host_accuracy": accuracy(network, data, data.test), "host_test_images": len(data.test)}

    inputs = {"dataset": data.sha256, "train_images": len(data.train), "recipe": asdict(recipe), "seed": seed}
    (folder / "work/last.ckpt").unlink()
    outcome = stages.run(folder, "train", inputs, made)
    outcome.folder.rename(folder / "train-done")
    return graph, network


@pytest.fixture(scope="module")
def filled(tmp_path_factory: pytest.TempPathFactory, data: Dataset) -> Path:
    folder = tmp_path_factory.mktemp("zoo")
    trained(folder, data)
    add("small-sis", folder / "train-done", data, folder / "networks")
    return folder / "networks"


@pytest.mark.parametrize("formation", FORMATIONS)
def test_only_existing_synapses_are_kept_and_all_of_them(formation: Formation) -> None:
    graph = form(SPEC, formation)
    network = SisNet(compact(graph), seed=1).eval()
    packed = weights.pack(network)
    live = sum(int(plan.mask.sum()) if plan.mask is not None else plan.spec.synapse_count for plan in compact(graph))
    kept = sum(value.numel() for name, value in packed.items() if name.endswith("weight") and "norm" not in name)
    assert kept == live
    again = weights.unpack(packed, graph).state_dict()
    for name, value in network.state_dict().items():
        is_synapses = name.endswith("weight") and "norm" not in name
        assert torch.equal(value.half().float() if is_synapses else value, again[name]), name
    kept = weights.pack(weights.unpack(packed, graph))
    assert all(torch.equal(value, kept[name]) for name, value in packed.items())  # rounded once, and never again


def test_what_went_in_comes_out(tmp_path: Path, data: Dataset) -> None:
    graph, network = trained(tmp_path, data)
    entry = add("small-sis", tmp_path / "train-done", data, tmp_path / "networks")
    assert zoo.entries(tmp_path / "networks") == [entry]
    assert zoo.find(graph, "small", tmp_path / "networks") == entry
    assert zoo.find(graph, "digits", tmp_path / "networks") is None
    assert zoo.find(form(SPEC, Formation(t_c=0.4, t_p=0.6, seed=1)), "small", tmp_path / "networks") is None
    assert entry.synapses == graph.synapse_count
    assert (entry.seed, entry.graph_seed, entry.preset) == (3, 0, None)
    assert "sides 16, 32" in entry.recipe_words
    loaded = zoo.load(entry, tmp_path / "networks")
    gap = logits(loaded, data, data.test) - logits(network, data, data.test)
    assert 0 < float(gap.abs().max()) < 0.01  # half precision has 11 bits
    assert accuracy(loaded, data, data.test) == entry.accuracy
    assert entry.test_images == len(data.test)


def test_a_repeat_keeps_what_another_seed_reached(filled: Path, tmp_path: Path, data: Dataset) -> None:
    zoo_folder = tmp_path / "networks"
    shutil.copytree(filled, zoo_folder)
    before = named("small-sis", zoo_folder)
    reached = {}
    for seed in (9, 4):
        _, network = trained(tmp_path / str(seed), data, seed=seed)
        packed = weights.pack(network)
        reached[seed] = accuracy(weights.unpack(packed, form(SPEC, FORMATIONS[1])), data, data.test)
        repeat("small-sis", tmp_path / str(seed) / "train-done", data, zoo_folder)
    entry = named("small-sis", zoo_folder)
    assert entry.accuracies == (before.accuracy, reached[4], reached[9])
    assert [known.seed for known in entry.repeats] == [4, 9]
    assert entry.model_copy(update={"repeats": ()}) == before
    assert zoo.load(entry, zoo_folder).state_dict().keys()
    with pytest.raises(UsageError, match=r"seed 9 already \(seeds 3, 4, 9\)"):
        repeat("small-sis", tmp_path / "9/train-done", data, zoo_folder)


def test_repeats_of_a_rewired_network_have_its_counts_and_other_synapses(tmp_path: Path, data: Dataset) -> None:
    zoo_folder = tmp_path / "networks"
    recipe = replace(RECIPE, optimizer="muon", peak_lr=0.05, other_lr=0.1, rewire=0.5, rewire_every=2)

    def moved(seed: int, formation: Formation) -> Path:
        def measure(network: SisNet) -> dict[str, object]:
            return {}

        graph = form(SPEC, formation)
        return stage.run(tmp_path, graph, data, data.train, recipe, seed=seed, measure=measure).folder

    first, second = (moved(seed, FORMATIONS[1]) for seed in (1, 2))
    assert stage.graph_of(first).digest() != stage.graph_of(second).digest()
    entry = add("moved", first, data, zoo_folder)
    assert (entry.distribution, entry.preset) == ("rewired", None)
    assert "rewired (0.5 every 2 steps" in entry.recipe_words
    assert accuracy(zoo.load(entry, zoo_folder), data, data.test) == entry.accuracy
    assert len(repeat("moved", second, data, zoo_folder).repeats) == 1
    with pytest.raises(UsageError, match=r"is not a repeat of moved: it has another graph$"):
        repeat("moved", moved(3, replace(FORMATIONS[1], seed=8)), data, zoo_folder)


def test_another_training_is_no_repeat(filled: Path, tmp_path: Path, data: Dataset) -> None:
    trained(tmp_path / "graph", data, Formation(t_c=0.4, t_p=0.6, seed=1), seed=4)
    trained(tmp_path / "recipe", data, seed=4, epochs=RECIPE.epochs + 1)
    trained(tmp_path / "number of training images", replace(data, train=data.train.first(48)), seed=4)
    for what in ("graph", "recipe", "number of training images"):
        with pytest.raises(UsageError, match=f"is not a repeat of small-sis: it has another {what}$"):
            repeat("small-sis", tmp_path / what / "train-done", data, filled)
    assert named("small-sis", filled).repeats == ()


def test_the_paper_s_figure_is_that_of_the_same_synapses(filled: Path) -> None:
    entry = named("small-sis", filled).model_copy(update={"preset": "cifar10-sis3", "dataset": "cifar10"})
    assert entry.paper_accuracy == preset("cifar10-sis3").paper_accuracy["cifar10"]
    assert entry.model_copy(update={"dataset": "svhn"}).paper_accuracy is None
    assert entry.model_copy(update={"preset": None}).paper_accuracy is None


def test_an_unfinished_training_is_refused(tmp_path: Path, data: Dataset) -> None:
    with pytest.raises(UsageError, match="is not a finished training"):
        add("x", tmp_path, data, tmp_path / "networks")
    assert not (tmp_path / "networks").exists()


def test_a_training_on_other_images_is_refused(filled: Path, tmp_path: Path, data: Dataset) -> None:
    trained(tmp_path, data)
    with pytest.raises(UsageError, match="was not trained on small but on images of SHA-256"):
        add("x", tmp_path / "train-done", replace(data, sha256="0" * 64), filled)


def test_an_unknown_name_lists_the_known(filled: Path) -> None:
    with pytest.raises(UsageError, match="small-sis"):
        named("small-siss", filled)


def test_damage_is_told(filled: Path, tmp_path: Path) -> None:
    for suffix, change, said in (
        (".safetensors", lambda data: data[:-1] + bytes([data[-1] ^ 1]), "SHA-256"),
        (".safetensors", lambda data: b"", "SHA-256"),
        (".npz", lambda data: data[: len(data) // 2], "not a readable graph"),
        (".json", lambda data: data.replace(b'"synapses"', b'"synopses"'), "damaged"),
        (".json", lambda data: data.replace(b'"zoo_version": 1', b'"zoo_version": 9'), "zoo version 9"),
    ):
        folder = tmp_path / f"{suffix}{len(said)}"
        shutil.copytree(filled, folder, dirs_exist_ok=True)
        path = folder / f"small-sis{suffix}"
        path.write_bytes(change(path.read_bytes()))
        with pytest.raises((RecordError, UsageError), match=said):
            zoo.load(named("small-sis", folder), folder)


def test_another_graph_in_its_place_is_noticed(filled: Path, tmp_path: Path) -> None:
    shutil.copytree(filled, tmp_path, dirs_exist_ok=True)
    form(SPEC, Formation(t_c=0.4, t_p=0.6, seed=1)).save(tmp_path / "small-sis.npz")
    with pytest.raises(RecordError, match="not the graph"):
        zoo.load(named("small-sis", tmp_path), tmp_path)


def test_every_network_that_ships_is_whole() -> None:
    """Shape, hash and graph of each; what it reaches is `sis-edge zoo evaluate`'s to say."""
    for entry in zoo.entries():
        network = zoo.load(entry)
        assert sum(parameter.numel() for parameter in network.parameters()) > 0
        assert json.loads(entry.file(".json").read_text())["accuracy"] == entry.accuracy
        assert 0.1 < entry.accuracy < 1
        assert entry.test_images == 10_000
    assert sum(path.stat().st_size for path in zoo.FOLDER.glob("*")) < 15_000_000


def test_a_sample_is_the_data_set_cut_down(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(samples, "TEST_IMAGES", 20)
    monkeypatch.setattr(samples, "FIRST_IMAGES", 12)
    monkeypatch.setattr(samples, "LAST_IMAGES", 8)
    data = dataset(64, 32)
    samples.save(data, tmp_path)
    small = samples.load("small", tmp_path)
    assert small is not None
    for field in ("name", "classes", "mean", "std", "flip", "sha256", "source"):
        assert getattr(small, field) == getattr(data, field), field
    assert np.array_equal(small.test.images, data.test.images[:20])
    assert np.array_equal(small.train.images[:12], data.train.images[:12])
    assert np.array_equal(small.train.images[-8:], data.train.images[-8:])
    assert np.array_equal(small.train.labels, np.r_[data.train.labels[:12], data.train.labels[-8:]])
    assert samples.load("large", tmp_path) is None


@pytest.mark.slow
def test_a_sample_that_pillow_cannot_read_says_so(tmp_path: Path, data: Dataset) -> None:
    path = samples.save(data, tmp_path)
    with np.load(path, allow_pickle=False) as file:
        parts = {name: file[name] for name in file.files}
    np.savez_compressed(path, **{**parts, "sheet": parts["sheet"][8:]})
    with pytest.raises(RecordError, match=r"cannot be read \(.*\); install pillow from PyPI"):
        samples.load(data.name, tmp_path)
