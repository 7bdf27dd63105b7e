"""The networks that really come with the package: whole, small, and as good as they say on real images."""

import pytest
import torch

from sis_edge import datasets, zoo
from sis_edge.formation import preset_of
from sis_edge.training.evaluate import accuracy, logits
from sis_edge.zoo import samples
from sis_edge.zoo.entry import ZooEntry

ENTRIES = zoo.entries()
MEGABYTE = 1_000_000


def test_all_together_are_small() -> None:
    assert ENTRIES
    files = [path for folder in (zoo.FOLDER, samples.FOLDER) for path in folder.iterdir()]
    assert sum(path.stat().st_size for path in files) < 15 * MEGABYTE


@pytest.mark.parametrize("entry", ENTRIES, ids=lambda entry: entry.name)
def test_a_network_is_what_its_entry_says(entry: ZooEntry) -> None:
    sample = samples.load(entry.dataset)
    assert sample is not None
    assert sample.sha256 == entry.dataset_sha256
    network = zoo.load(entry)  # hashes of weights and graph are checked here
    found = logits(network, sample, sample.test).argmax(dim=1)
    right = int((found == torch.from_numpy(sample.test.labels)).sum())
    # Five standard deviations of a share of 500 images: what a network that is another one would not reach.
    allowed = 5 * (entry.accuracy * (1 - entry.accuracy) / samples.TEST_IMAGES) ** 0.5
    assert abs(right / samples.TEST_IMAGES - entry.accuracy) < allowed
    paper = preset_of(zoo.graph(entry))
    assert entry.preset == (None if paper is None else paper.name)


@pytest.mark.slow
@pytest.mark.parametrize("entry", ENTRIES, ids=lambda entry: entry.name)
def test_its_accuracy_is_measured_again_on_all_test_images(entry: ZooEntry) -> None:
    dataset = datasets.load(entry.dataset)
    measured = accuracy(zoo.load(entry), dataset, dataset.test)
    assert len(dataset.test) == entry.test_images
    assert measured == pytest.approx(entry.accuracy, abs=0.0005)
