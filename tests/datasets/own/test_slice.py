from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from small import RECIPE, SPEC, images

from sis_edge.datasets import Dataset, ImageSet
from sis_edge.datasets.own import OwnData
from sis_edge.formation import Formation, form
from sis_edge.formation.compaction import compact
from sis_edge.models import SisNet
from sis_edge.training.evaluate import logits
from sis_edge.training.train import train

from .pictures import load, save


def trained(data: Dataset, folder: Path) -> torch.Tensor:
    """The logits of the test images after an epoch."""
    network = SisNet(compact(form(SPEC, Formation())), 0)
    train(network, data, data.train, replace(RECIPE, epochs=1), seed=0, folder=folder)
    return logits(network, data, data.test)


def test_a_folder_of_pngs_trains_like_the_same_images_in_memory(tmp_path: Path) -> None:
    made = images(80)
    for number, (image, label) in enumerate(zip(made.images, made.labels, strict=True)):
        save(tmp_path / "data" / "abcd"[label] / f"{number}.png", image.transpose(1, 2, 0))
    data = load(OwnData(tmp_path / "data"), tmp_path)
    assert isinstance(data.train.images, np.memmap)
    memory = [ImageSet(np.array(part.images), part.labels) for part in (data.train, data.test)]
    same = Dataset.of("memory", *memory, classes=data.classes, flip=False, source="numpy")
    assert (same.sha256, same.mean, same.std) == (data.sha256, data.mean, data.std)
    known = {image.tobytes(): label for image, label in zip(made.images, made.labels, strict=True)}
    for part in memory:
        assert [known[image.tobytes()] for image in part.images] == part.labels.tolist()
    assert torch.equal(trained(data, tmp_path / "mapped"), trained(same, tmp_path / "memory"))
