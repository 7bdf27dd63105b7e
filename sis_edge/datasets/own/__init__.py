"""A user's own images as a data set: a folder of JPEG and PNG files, or an .npz file.

They are decoded once into files in the cache, which training maps: the memory it takes does not grow with their number.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from sis_agent.schema import Resize
from sis_edge.errors import DatasetError, UsageError
from sis_edge.files.cache import cache_root
from sis_edge.registries import DATASETS

if TYPE_CHECKING:
    from sis_edge.datasets.base import Dataset

TEST_SHARE = 0.2
"""Of each class, where the user did not divide the images himself."""


@dataclass(frozen=True)
class OwnData:
    """Where a user's own images are, and how they become a data set.

    `path` is a folder, with `train/CLASS/*.png` and `test/CLASS/*.png` or with `CLASS/*.png`, or an .npz file. Images
    that are not divided into training and test are divided by `seed`: `test_share` of each class for test (None: a
    fifth). `resize` is for images of other sizes; damaged images are an error that names them, or left out with
    `skip_damaged`; `flip` says that a mirrored image is of the same class, so that training may mirror.
    """

    path: Path
    resize: Resize | None = None
    seed: int = 0
    test_share: float | None = None
    skip_damaged: bool = False
    flip: bool = False

    def __post_init__(self) -> None:
        if not 0 < self.share_for_test < 1:
            raise UsageError(f"the test share is {self.test_share}, and must be between 0 and 1, such as {TEST_SHARE}")
        if self.seed < 0:
            raise UsageError(f"the seed of the split is {self.seed}, and must be 0 or more")

    @property
    def share_for_test(self) -> float:
        """The share of each class for test, where the user did not divide the images himself."""
        return TEST_SHARE if self.test_share is None else self.test_share

    def check_divided(self) -> None:
        """Raise UsageError where a share for test is asked for, and the user divided the images himself."""
        if self.test_share is not None:
            raise UsageError(
                f"--test-share is for images that are not divided, and {self.path} has those for test apart; leave it "
                "out"
            )

    @property
    def file_name(self) -> str:
        """The folder's or file's own name."""
        return self.path.resolve().name

    @property
    def name(self) -> str:
        """The data set's name: that of the folder or file, in characters that bundles and folders can have.

        >>> OwnData(Path("my flowers.npz")).name, OwnData(Path("data/cifar10")).name
        ('my-flowers', 'own-cifar10')
        """
        path = self.path.resolve()
        stem = path.stem if path.suffix == ".npz" else path.name
        slug = "".join(letter if letter.isalnum() or letter in "._+" else "-" for letter in stem).strip("-._+")
        while len(slug.encode()) > 40:
            slug = slug[:-1]
        return f"own-{slug}".rstrip("-") if not slug or slug in DATASETS else slug

    def load(self, *, cache_dir: Path | None = None, progress: bool = True) -> "Dataset":
        """The data set, decoded into the cache first where it is not there yet.

        Raises DatasetError, a sentence, for whatever is wrong with the files, UsageError for what they have no use for,
        and DiskError where the cache cannot be written.
        """
        from sis_edge.datasets.own import arrays, folders

        root = cache_root(cache_dir) / "datasets" / "own"
        if self.path.is_dir():
            return folders.load(self, root, progress)
        if not self.path.exists():
            raise DatasetError(f"{self.path} does not exist; --data takes a folder of images, or an .npz file")
        if self.path.suffix.lower() != ".npz":
            raise DatasetError(f"{self.path} is neither a folder nor an .npz file, which is what --data takes")
        if self.skip_damaged:
            raise UsageError(f"--skip-damaged is for a folder of images, and {self.path} is an .npz file; leave it out")
        return arrays.load(self, root, progress)


def parse_resize(text: str) -> Resize:
    """The size that `96` or `96x64` (height x width) stands for; raises UsageError for any other text.

    >>> parse_resize("96"), parse_resize("96x64")[:2]
    (Resize(height=96, width=96, method='fit-bilinear'), (96, 64))
    """
    sides = text.lower().split("x")
    if not 1 <= len(sides) <= 2 or not all(side.isdecimal() and 1 <= int(side) <= 4096 for side in sides):
        raise UsageError(f"--resize is '{text}', and must be a side in pixels, such as 96, or height x width: 96x64")
    return Resize(int(sides[0]), int(sides[-1]))


__all__ = ["OwnData", "parse_resize"]
