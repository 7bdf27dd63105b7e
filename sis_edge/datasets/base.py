"""A loaded data set: images and labels in memory, and the numbers that describe them."""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from math import sqrt
from pathlib import Path
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

Images: TypeAlias = NDArray[np.uint8]
Labels: TypeAlias = NDArray[np.int64]
Channels: TypeAlias = tuple[float, float, float]

SIDE = 32
"""Side of every image in pixels: the input of the paper's networks."""


@dataclass(frozen=True, eq=False)
class ImageSet:
    """Images uint8 [N, 3, 32, 32] and their labels int64 [N]; raises ValueError for other shapes or types."""

    images: Images
    labels: Labels

    def __post_init__(self) -> None:
        if self.images.dtype != np.uint8 or self.images.shape[1:] != (3, SIDE, SIDE):
            raise ValueError(f"images must be uint8 [N, 3, {SIDE}, {SIDE}], not {_describe(self.images)}")
        if self.labels.dtype != np.int64 or self.labels.shape != (len(self.images),):
            raise ValueError(f"labels must be int64 [{len(self.images)}], not {_describe(self.labels)}")

    def __len__(self) -> int:
        return len(self.images)

    def first(self, count: int | None) -> "ImageSet":
        """The first of the images; all of them where no count is given."""
        return self if count is None else ImageSet(self.images[:count], self.labels[:count])


@dataclass(frozen=True, eq=False)
class Dataset:
    """A data set in memory.

    `mean` and `std` are per channel, of the training images' pixels scaled to 0..1; `flip` says whether an image
    can be mirrored without changing its class; `sha256` is `digest(train, test)`; `source` is a sentence about the
    origin of the files.
    """

    name: str
    train: ImageSet
    test: ImageSet
    classes: tuple[str, ...]
    mean: Channels
    std: Channels
    flip: bool
    sha256: str
    source: str

    @classmethod
    def of(
        cls, name: str, train: ImageSet, test: ImageSet, *, classes: tuple[str, ...], flip: bool, source: str
    ) -> "Dataset":
        """The data set of these images; statistics and hash are computed from them."""
        mean, std = pixel_statistics(train.images)
        return cls(name, train, test, classes, mean, std, flip, digest(train, test), source)


@dataclass(frozen=True)
class Places:
    """Where a loader may look: the user's own copy (`data_dir`) and its folder in the cache.

    `progress` asks for progress bars on standard error.
    """

    data_dir: Path | None
    folder: Path
    progress: bool


Loader: TypeAlias = Callable[[Places], Dataset]
"""What a data set's file offers: its images from the places given."""


def pixel_statistics(images: Images) -> tuple[Channels, Channels]:
    """Mean and standard deviation per channel of uint8 [N, 3, ...], pixels scaled to 0..1.

    The sums are exact integers, so that every machine gets the same bits; a thousand images at a time keeps the
    memory for the squares small.
    """
    total, squares, count = [0, 0, 0], [0, 0, 0], 0
    for start in range(0, len(images), 1000):
        chunk = images[start : start + 1000].astype(np.uint32)
        for channel in range(3):
            total[channel] += int(chunk[:, channel].sum(dtype=np.uint64))
            squares[channel] += int((chunk[:, channel] ** 2).sum(dtype=np.uint64))
        count += chunk[:, 0].size
    mean = [total[channel] / count for channel in range(3)]
    variance = [(count * squares[channel] - total[channel] ** 2) / count**2 for channel in range(3)]
    return (
        (mean[0] / 255, mean[1] / 255, mean[2] / 255),
        (sqrt(variance[0]) / 255, sqrt(variance[1]) / 255, sqrt(variance[2]) / 255),
    )


def digest(train: ImageSet, test: ImageSet) -> str:
    """SHA-256 over train and then test: the images [N, 3, 32, 32] and the labels of each, as bytes in C order."""
    sha = hashlib.sha256()
    for part in (train, test):
        sha.update(np.ascontiguousarray(part.images).data)
        sha.update(part.labels.astype(np.uint8).tobytes())
    return sha.hexdigest()


def _describe(array: NDArray[np.generic]) -> str:
    return f"{array.dtype} {list(array.shape)}"
