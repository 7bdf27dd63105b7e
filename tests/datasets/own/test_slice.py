from dataclasses import replace
from pathlib import Path

import numpy as np
from small import RECIPE, SPEC, images

from sis_edge.datasets.own import OwnData
from sis_edge.formation import Formation, form
from sis_edge.formation.compaction import compact
from sis_edge.models import SisNet
from sis_edge.training.evaluate import accuracy
from sis_edge.training.train import train

from .pictures import load, save


def test_a_folder_of_pngs_trains(tmp_path: Path) -> None:
    """Four classes that can be told apart by their bright quarter are learnt from files."""
    made = images(200)
    for number, (image, label) in enumerate(zip(made.images, made.labels, strict=True)):
        save(tmp_path / "data" / "abcd"[label] / f"{number}.png", image.transpose(1, 2, 0))
    data = load(OwnData(tmp_path / "data"), tmp_path)
    assert isinstance(data.train.images, np.memmap)
    network = SisNet(compact(form(SPEC, Formation())), 0)
    train(network, data, data.train, replace(RECIPE, epochs=4), seed=0, folder=tmp_path / "training")
    assert accuracy(network, data, data.train) > 0.6
