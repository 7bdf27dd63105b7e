"""The networks that really come with the package: whole, small, and as good as they say on real images."""

import platform
from collections.abc import Sequence

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from sis_agent.native.library import Library
from sis_edge import datasets, zoo
from sis_edge.bundles import wrong_images
from sis_edge.datasets import Dataset, ImageSet
from sis_edge.exporting.compact import CompactLayer, fold
from sis_edge.formation import preset_of
from sis_edge.models import SisNet
from sis_edge.native import blob, build, graph_blob
from sis_edge.spec import is_chain
from sis_edge.training.batches import normalise
from sis_edge.training.evaluate import logits
from sis_edge.zoo import samples
from sis_edge.zoo.entry import ZooEntry

ENTRIES = zoo.entries()
MEGABYTE = 1_000_000
BATCH, BY_TORCH, SOME = 250, 20, 2000
FEW_MACS = 30_000_000


def test_all_together_are_small() -> None:
    assert ENTRIES
    files = [path for folder in (zoo.FOLDER, samples.FOLDER) for path in folder.iterdir()]
    assert sum(path.stat().st_size for path in files) < 15 * MEGABYTE


def encoded(layers: Sequence[CompactLayer]) -> bytes:
    """A chain that ends in an average over the map, or layers with branches, which say of themselves what they do."""
    if is_chain([layer.spec for layer in layers]):
        return blob.encode(layers, global_average=True)
    return graph_blob.encode(layers)


def by_kernels(network: SisNet, dataset: Dataset, images: ImageSet) -> NDArray[np.float32]:
    """Logits [N, classes] by the native kernels, which need a fraction of PyTorch's time."""
    parts = []
    with Library(build.library(platform.machine())).chain(encoded(fold(network).layers)) as running:
        for at in range(0, len(images), BATCH):
            x = normalise(torch.from_numpy(images.images[at : at + BATCH]), dataset).contiguous().numpy()
            answer = np.empty((len(x), *running.output_shape), np.float32)
            running.run(x, answer, len(x), threads=2)
            parts.append(answer.reshape(len(x), -1))
    return np.concatenate(parts)


def wrong(network: SisNet, dataset: Dataset, images: ImageSet) -> set[int]:
    """The numbers of the images that the network gets wrong."""
    return set(np.flatnonzero(by_kernels(network, dataset, images).argmax(axis=1) != images.labels).tolist())


@pytest.mark.parametrize("entry", ENTRIES, ids=lambda entry: entry.name)
def test_a_network_is_what_its_entry_says(entry: ZooEntry) -> None:
    sample = samples.load(entry.dataset)
    assert sample is not None
    assert sample.sha256 == entry.dataset_sha256
    network = zoo.load(entry)  # hashes of weights and graph are checked here
    few = sample.test.first(BY_TORCH)
    by_torch = logits(network, sample, few).numpy()
    assert np.abs(by_kernels(network, sample, few) - by_torch).max() < 1e-3 * np.abs(by_torch).max()
    # Five standard deviations of a share of 500 images: what a network that is another one would not reach.
    allowed = 5 * (entry.accuracy * (1 - entry.accuracy) / samples.TEST_IMAGES) ** 0.5
    accuracy = 1 - len(wrong(network, sample, sample.test)) / len(sample.test)
    assert abs(accuracy - entry.accuracy) < allowed
    paper = preset_of(zoo.graph(entry))
    assert entry.preset == (None if paper is None else paper.name)


@pytest.mark.slow
@pytest.mark.parametrize("entry", ENTRIES, ids=lambda entry: entry.name)
def test_it_is_wrong_on_the_test_images_that_its_entry_names(entry: ZooEntry) -> None:
    """All of them for small networks; the first ones for others, whose whole sets are seconds to minutes of work."""
    dataset = datasets.load(entry.dataset)
    assert len(dataset.test) == entry.test_images
    assert entry.wrong_images is not None
    named = wrong_images.unpack(entry.wrong_images)
    assert len(named) == round((1 - entry.accuracy) * entry.test_images)
    images = dataset.test.first(entry.test_images if entry.macs < FEW_MACS else SOME)
    differ = wrong(zoo.load(entry), dataset, images) ^ {number for number in named if number < len(images)}
    assert len(differ) <= 0.0005 * len(images)
