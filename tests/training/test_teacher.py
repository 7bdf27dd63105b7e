"""Distillation: what the teacher says of which image, its part of the loss; held-out images are not given away."""

import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from small import RECIPE, SPEC, dataset

from sis_edge.datasets import Dataset, ImageSet
from sis_edge.errors import UsageError
from sis_edge.formation import Formation, form
from sis_edge.formation.compaction import compact
from sis_edge.models import SisNet
from sis_edge.spec import nin
from sis_edge.training import Recipe, stage
from sis_edge.training.batches import Batches
from sis_edge.training.evaluate import logits
from sis_edge.training.teacher import Teacher
from sis_edge.training.train import distilled
from sis_edge.zoo import teachers
from training.test_train import STEPS, fail, new_network, same

TAUGHT = replace(RECIPE, flip=True, teacher="one", teacher_sha256="ab")


@pytest.fixture(scope="module")
def data() -> Dataset:
    return dataset()


@pytest.fixture(scope="module")
def teacher() -> Teacher:
    return Teacher("one", new_network().eval(), "ab", 64)


def test_it_says_what_it_computes_of_each_image_and_its_mirror(data: Dataset, teacher: Teacher, tmp_path: Path) -> None:
    found = teacher.logits(tmp_path, data, data.train, flip=True)
    mirrored = ImageSet(np.ascontiguousarray(data.train.images[..., ::-1]), data.train.labels)
    assert torch.equal(found[0], logits(teacher.module, data, data.train))
    assert torch.equal(found[1], logits(teacher.module, data, mirrored))
    assert not torch.equal(found[0], found[1])
    assert torch.equal(teacher.logits(tmp_path, data, data.train, flip=False), found[:1])
    (file,) = (path for path in tmp_path.glob("teach-*/logits.npy") if np.load(path).shape[0] == 2)
    before = file.stat().st_mtime_ns
    assert torch.equal(teacher.logits(tmp_path, data, data.train, flip=True), found)
    assert file.stat().st_mtime_ns == before


def test_an_image_comes_with_what_is_said_of_it(data: Dataset) -> None:
    recipe = replace(TAUGHT, crop_pad=0)
    numbers = torch.arange(64.0)[:, None].expand(64, 4)
    taught = torch.stack([numbers, -1 - numbers])  # the mirrored ones below 0
    plain = list(Batches(data, data.train, replace(recipe, teacher=""), seed=0, epoch=0))
    sides = set()
    for (images, labels, said), (same_images, same_labels) in zip(
        Batches(data, data.train, recipe, seed=0, epoch=0, taught=taught), plain, strict=True
    ):
        assert torch.equal(images, same_images)
        assert torch.equal(labels, same_labels)
        for image, value in zip(images, said[:, 0].tolist(), strict=True):
            at = int(value if value >= 0 else -1 - value)
            pixels = torch.from_numpy(data.train.images[at]).float() / 255
            mean, std = (torch.tensor(part).view(3, 1, 1) for part in (data.mean, data.std))
            wanted = (pixels - mean) / std
            assert torch.allclose(image, wanted if value >= 0 else wanted.flip(2), atol=1e-5)
            sides.add(value >= 0)
    assert sides == {True, False}


def test_the_teacher_s_part_of_the_loss_by_hand() -> None:
    own, said = torch.tensor([[1.0, 0.0, -1.0]]), torch.tensor([[0.0, 2.0, 0.0]])
    recipe = Recipe(teacher="one", teacher_weight=0.25, temperature=4.0)
    p, q = torch.softmax(said / 4, 1), torch.softmax(own / 4, 1)
    wanted = 0.75 * 2.0 + 0.25 * 16 * float((p * (p / q).log()).sum())
    assert float(distilled(torch.tensor(2.0), own, said, recipe)) == pytest.approx(wanted, rel=1e-5)


def test_a_taught_training_goes_on_to_the_same_bits(data: Dataset, teacher: Teacher, tmp_path: Path) -> None:
    graph = form(SPEC, Formation(t_c=0.4, t_p=0.75))

    def weights(folder: str, recipe: Recipe, stop: int | None = None) -> dict[str, torch.Tensor]:
        outcome = stage.run(
            tmp_path / folder,
            graph,
            data,
            data.train,
            recipe,
            seed=5,
            measure=lambda network: {},
            progress=lambda done, total, loss: fail() if done == stop else None,
            teacher=teacher if recipe.teacher else None,
        )
        return stage.load(graph, outcome.folder).state_dict()

    whole = weights("whole", TAUGHT)
    with pytest.raises(RuntimeError, match="power cut"):
        weights("cut", TAUGHT, STEPS + 2)
    assert same(whole, weights("cut", TAUGHT))
    assert not same(whole, weights("alone", replace(TAUGHT, teacher="")))


@pytest.fixture(scope="module")
def finished(data: Dataset, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a training on the first 40 images."""
    graph = form(SPEC, Formation())
    folder = tmp_path_factory.mktemp("teacher")
    return stage.run(
        folder, graph, data, data.train.first(40), replace(RECIPE, epochs=1), seed=0, measure=lambda network: {}
    ).folder


def test_a_finished_training_is_a_teacher_by_its_folder(data: Dataset, finished: Path) -> None:
    recipe, found = teachers.settled(Recipe(teacher=str(finished)), data, held_out=24)
    assert found is not None
    assert found.train_images == 40
    synapses = form(SPEC, Formation()).synapse_count
    assert recipe.teacher == f"small with {synapses:,} synapses ({finished.name})"  # no path of this machine
    assert recipe.describe().endswith(f"teacher {recipe.teacher} (weight 0.5, temperature 2)")
    assert teachers.checked(str(finished), data, recipe.teacher_sha256).weights_sha256 == found.weights_sha256
    with pytest.raises(UsageError, match="are not those that it had"):
        teachers.checked(str(finished), data, "0" * 64)
    assert teachers.settled(Recipe(), data) == (Recipe(), None)


def test_a_teacher_that_saw_held_out_images_is_refused(data: Dataset, finished: Path) -> None:
    with pytest.raises(UsageError, match=r"trained on 40 images, and the last 25 of 64 are held out here; .* first 39"):
        teachers.settled(Recipe(teacher=str(finished)), data, held_out=25)


def test_teachers_that_there_are_not(data: Dataset, finished: Path, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="unknown network in the zoo 'nan'"):
        teachers.find("nan", data)
    with pytest.raises(
        UsageError, match=r"there is no folder build/\.stages/train-x; a teacher is a network of the zoo"
    ):
        teachers.find("build/.stages/train-x", data)
    with pytest.raises(UsageError, match="the teacher nin was not trained on the images of small"):
        teachers.find("nin", data)
    shutil.copytree(finished, tmp_path / "half")
    (tmp_path / "half" / "done.json").unlink()
    with pytest.raises(UsageError, match="is not a finished training"):
        teachers.find(str(tmp_path / "half"), data)
    small = SisNet(compact(form(nin(), Formation(t_c=0.05, t_p=0.1, conv="neuron"))))
    other = Teacher("other", small, "cd", 64)
    with pytest.raises(UsageError, match="has 10 outputs, small has 4 classes"):
        other.logits(tmp_path, data, data.train.first(4), flip=False)
