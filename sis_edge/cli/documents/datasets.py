"""What `datasets` says of data sets."""

from collections.abc import Iterable
from typing import TYPE_CHECKING, Literal

from sis_edge.cli.documents.base import Document

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
