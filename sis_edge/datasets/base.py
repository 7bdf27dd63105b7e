"""A loaded data set: images and labels, in memory or mapped from a file, and the numbers that describe them."""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass, replace
from math import isfinite, sqrt
from pathlib import Path
from typing import Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

from sis_agent.schema import Resize
from sis_edge.datasets.mapped import chunks
from sis_edge.errors import UsageError

Images: TypeAlias = NDArray[np.uint8]
Labels: TypeAlias = NDArray[np.int64]
Channels: TypeAlias = tuple[float, float, float]

SIDE = 32
"""Side of the images of the paper's data sets in pixels: the input of its networks."""


@dataclass(frozen=True, eq=False)
class ImageSet:
    """Images uint8 [N, 3, height, width] and their labels int64 [N]; raises ValueError for other shapes or types.

    Grey images have three equal channels.
    """

    images: Images
    labels: Labels

    def __post_init__(self) -> None:
        shape = self.images.shape
        if self.images.dtype != np.uint8 or len(shape) != 4 or shape[1] != 3 or 0 in shape[2:]:
            raise ValueError(f"images must be uint8 [N, 3, height, width], not {_describe(self.images)}")
        if self.labels.dtype != np.int64 or self.labels.shape != (len(self.images),):
            raise ValueError(f"labels must be int64 [{len(self.images)}], not {_describe(self.labels)}")

    def __len__(self) -> int:
        return len(self.images)

    def __deepcopy__(self, memo: object) -> "ImageSet":
        """Itself: nothing in it changes, and its images are large."""
        return self

    @property
    def size(self) -> tuple[int, int]:
        """Height and width of every image in pixels."""
        return self.images.shape[2], self.images.shape[3]

    def first(self, count: int | None) -> "ImageSet":
        """The first of the images; all of them where no count is given."""
        return self if count is None else ImageSet(self.images[:count], self.labels[:count])


@dataclass(frozen=True)
class Split:
    """How a user's own images were divided, as bundles record it. `name` is that of their folder or file.

    `by` is "given" (the user has training and test images apart) or "seed": then `test_share` of each class was drawn
    by `seed`, which orders the images in both cases. `skipped` names the damaged images that were left out.
    """

    name: str
    by: Literal["given", "seed"]
    seed: int
    test_share: float | None = None
    skipped: tuple[str, ...] = ()


@dataclass(frozen=True, eq=False)
class Dataset:
    """A data set, in memory or mapped from a file.

    `mean` and `std` are per channel, of the training images' pixels scaled to 0..1; `flip` says whether an image
    can be mirrored without changing its class; `sha256` is `digest(train, test)`; `source` is a sentence about the
    origin of the files. `resize` is how an image of another size becomes one of these, None where nothing was resized;
    `split` is how a user's own images were divided, None for a data set of the registry.
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
    resize: Resize | None = None
    split: Split | None = None

    def __deepcopy__(self, memo: object) -> "Dataset":
        """Itself: nothing in it changes, and its images are large."""
        return self

    @property
    def size(self) -> tuple[int, int]:
        """Height and width of every image in pixels; raises ValueError where the two parts differ."""
        if self.train.size != self.test.size:
            raise ValueError(f"training images are {self.train.size}, test images {self.test.size}")
        return self.train.size

    @classmethod
    def of(
        cls,
        name: str,
        train: ImageSet,
        test: ImageSet,
        *,
        classes: tuple[str, ...],
        flip: bool,
        source: str,
        resize: Resize | None = None,
    ) -> "Dataset":
        """The data set of these images; statistics and hash are computed from them."""
        mean, std = pixel_statistics(train.images)
        return cls(name, train, test, classes, mean, std, flip, digest(train, test), source, resize)

    def normalised_by(self, mean: Channels, std: Channels) -> "Dataset":
        """The same images for networks that were trained with another normalisation; the hash is of both.

        Mean and standard deviation are per channel, of pixels scaled to 0..1. Raises UsageError for others than three
        finite numbers each, and for a standard deviation that is not above 0.
        """
        numbers = [*mean, *std]
        if len(mean) != 3 or len(std) != 3 or not all(map(isfinite, numbers)) or min(std) <= 0:
            raise UsageError(f"mean {mean} and std {std} are not three numbers each, with a std above 0")
        sha = hashlib.sha256(f"{self.sha256} {numbers}".encode()).hexdigest()
        return replace(self, mean=mean, std=std, sha256=sha)


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

    The sums are exact integers, so that every machine gets the same bits, whatever the size of the chunks.
    """
    total, squares, count = [0, 0, 0], [0, 0, 0], 0
    for part in chunks(images):
        chunk = part.astype(np.uint32)
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
    """SHA-256 over train and then test: the images [N, 3, height, width] and the labels of each, as bytes in C order.

    A label is a byte, or eight (little-endian) where there are more than 256 classes. Images of another size than
    32 x 32 have it in front, for the same bytes can be images of several shapes.
    """
    sha = hashlib.sha256()
    if (train.size, test.size) != ((SIDE, SIDE), (SIDE, SIDE)):
        sha.update(repr((train.size, test.size)).encode())
    many = any(part.labels.max(initial=0) > 255 for part in (train, test))
    for part in (train, test):
        for chunk in chunks(part.images):
            sha.update(np.ascontiguousarray(chunk).data)
        labels = part.labels.astype("<i8" if many else np.uint8)
        sha.update(labels.tobytes())
    return sha.hexdigest()


def _describe(array: NDArray[np.generic]) -> str:
    return f"{array.dtype} {list(array.shape)}"
