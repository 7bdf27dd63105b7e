"""What `datasets` says of data sets."""

from collections.abc import Iterable
from typing import TYPE_CHECKING, Literal

from sis_edge.cli.documents.base import Document, Part

if TYPE_CHECKING:
    from sis_edge.datasets import Dataset


class DatasetsDocument(Document):
    """`sis-edge datasets list`: the names of the data sets."""

    document: Literal["datasets-list"] = "datasets-list"
    datasets: tuple[str, ...]


class DatasetDocument(Document):
    """`sis-edge datasets fetch`: a data set that is here; the hash is over images and labels."""

    document: Literal["datasets-fetch"] = "datasets-fetch"
    name: str
    train_images: int
    test_images: int
    classes: tuple[str, ...]
    source: str
    sha256: str


class ShownClass(Part):
    """A class and how many images it has."""

    name: str
    train_images: int
    test_images: int


class ShownDataset(Document):
    """`sis-edge datasets show`: what a data set or a user's own images have.

    Mean and standard deviation are per channel of the training images, scaled to 0..1. `skipped` names damaged images
    that were left out.
    """

    document: Literal["datasets-show"] = "datasets-show"
    name: str
    train_images: int
    test_images: int
    height: int
    width: int
    classes: tuple[ShownClass, ...]
    mean: tuple[float, ...]
    std: tuple[float, ...]
    source: str
    sha256: str
    skipped: tuple[str, ...] = ()


def listed(names: Iterable[str]) -> DatasetsDocument:
    """The document of their names."""
    return DatasetsDocument(datasets=tuple(names))


def fetched(dataset: "Dataset") -> DatasetDocument:
    """The document of one."""
    return DatasetDocument(
        name=dataset.name,
        train_images=len(dataset.train),
        test_images=len(dataset.test),
        classes=tuple(dataset.classes),
        source=dataset.source,
        sha256=dataset.sha256,
    )


def shown(dataset: "Dataset") -> ShownDataset:
    """The document of one in detail."""
    import numpy as np

    counts = [np.bincount(part.labels, minlength=len(dataset.classes)) for part in (dataset.train, dataset.test)]
    height, width = dataset.size
    return ShownDataset(
        name=dataset.name,
        train_images=len(dataset.train),
        test_images=len(dataset.test),
        height=height,
        width=width,
        classes=tuple(
            ShownClass(name=name, train_images=int(train), test_images=int(test))
            for name, train, test in zip(dataset.classes, *counts, strict=True)
        ),
        mean=dataset.mean,
        std=dataset.std,
        source=dataset.source,
        sha256=dataset.sha256,
        skipped=() if dataset.split is None else dataset.split.skipped,
    )
