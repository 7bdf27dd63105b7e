"""CIFAR-100: 60,000 photographs of a hundred kinds of things, 32 x 32 RGB (A. Krizhevsky, 2009).

The official binary version: a record is a byte for the coarse class (of 20), a byte for the fine one (of 100, the one
that is used) and 3,072 pixel bytes, channel by channel, row by row. The hash is the archive's, so the cache keeps the
archive; the Python version is never read, for loading its pickles runs the code in them.
"""

import shutil
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from sis_edge.datasets.base import SIDE, Dataset, ImageSet, Places
from sis_edge.datasets.cache import Route, obtain, own_folder
from sis_edge.datasets.cifar10 import member, opened
from sis_edge.datasets.download import download
from sis_edge.errors import DatasetError

ARCHIVE = "cifar-100-binary.tar.gz"
CHECKSUMS = {ARCHIVE: "58a81ae192c23a4be8b1804d68e518ed807d710a4eb253b1f2a199162a40d8ec"}
FOLDER = "cifar-100-binary"
TRAIN_FILE, TEST_FILE, NAMES_FILE = "train.bin", "test.bin", "fine_label_names.txt"
URL = f"https://www.cs.toronto.edu/~kriz/{ARCHIVE}"
RECORD_BYTES = 2 + 3 * SIDE * SIDE
CLASSES = (
    "apple",
    "aquarium_fish",
    "baby",
    "bear",
    "beaver",
    "bed",
    "bee",
    "beetle",
    "bicycle",
    "bottle",
    "bowl",
    "boy",
    "bridge",
    "bus",
    "butterfly",
    "camel",
    "can",
    "castle",
    "caterpillar",
    "cattle",
    "chair",
    "chimpanzee",
    "clock",
    "cloud",
    "cockroach",
    "couch",
    "crab",
    "crocodile",
    "cup",
    "dinosaur",
    "dolphin",
    "elephant",
    "flatfish",
    "forest",
    "fox",
    "girl",
    "hamster",
    "house",
    "kangaroo",
    "keyboard",
    "lamp",
    "lawn_mower",
    "leopard",
    "lion",
    "lizard",
    "lobster",
    "man",
    "maple_tree",
    "motorcycle",
    "mountain",
    "mouse",
    "mushroom",
    "oak_tree",
    "orange",
    "orchid",
    "otter",
    "palm_tree",
    "pear",
    "pickup_truck",
    "pine_tree",
    "plain",
    "plate",
    "poppy",
    "porcupine",
    "possum",
    "rabbit",
    "raccoon",
    "ray",
    "road",
    "rocket",
    "rose",
    "sea",
    "seal",
    "shark",
    "shrew",
    "skunk",
    "skyscraper",
    "snail",
    "snake",
    "spider",
    "squirrel",
    "streetcar",
    "sunflower",
    "sweet_pepper",
    "table",
    "tank",
    "telephone",
    "television",
    "tiger",
    "tractor",
    "train",
    "trout",
    "tulip",
    "turtle",
    "wardrobe",
    "whale",
    "willow_tree",
    "wolf",
    "woman",
    "worm",
)
ADVICE = f"Download {ARCHIVE} from {URL} on another machine, and give its folder with --data-dir."


def load(places: Places, *, checksums: Mapping[str, str] = CHECKSUMS, routes: Sequence[Route] | None = None) -> Dataset:
    """CIFAR-100, fine classes, from the cache, filled first from the official host; raises DatasetError, DiskError."""
    used = default_routes(places) if routes is None else routes
    source = obtain("cifar100", places.folder, checksums, used, ADVICE)
    train, test = read(places.folder / ARCHIVE)
    return Dataset.of(
        "cifar100",
        train,
        test,
        classes=CLASSES,
        flip=True,
        source=f"CIFAR-100, fine classes (A. Krizhevsky, 2009), official binary version by SHA-256, from {source}.",
    )


def default_routes(places: Places, *, url: str = URL, checksum: str = CHECKSUMS[ARCHIVE]) -> list[Route]:
    """The user's copy of the archive if there is one, else the official host."""
    if places.data_dir is not None:
        return [own_folder(partial(from_folder, places.data_dir))]
    return [Route("the official host", partial(from_host, url, checksum, places.progress))]


def from_folder(data_dir: Path, target: Path) -> None:
    """Copy the archive out of a folder."""
    if (data_dir / ARCHIVE).is_file():
        shutil.copyfile(data_dir / ARCHIVE, target / ARCHIVE)
        return
    for python_version in ("cifar-100-python.tar.gz", "cifar-100-python"):
        if (data_dir / python_version).exists():
            raise DatasetError(
                f"{data_dir} has {python_version}, whose files are pickles and are never loaded; use {ARCHIVE}"
            )
    raise DatasetError(f"{data_dir} has no {ARCHIVE}")


def from_host(url: str, checksum: str, progress: bool, target: Path) -> None:
    """Download the archive."""
    download(url, target / ARCHIVE, checksum, progress)


def read(archive: Path) -> tuple[ImageSet, ImageSet]:
    """Training and test images of the archive; raises DatasetError for other contents."""
    with opened(archive) as tar:
        contents = []
        for name in (TRAIN_FILE, TEST_FILE, NAMES_FILE):
            with member(tar, f"{FOLDER}/{name}") as file:
                contents.append(file.read())
    if tuple(contents[2].decode("ascii", "replace").split()) != CLASSES:
        raise DatasetError(f"{archive} has unexpected classes in {NAMES_FILE}; delete it and load again")
    train, test = (_images(archive, content) for content in contents[:2])
    return train, test


def _images(archive: Path, content: bytes) -> ImageSet:
    records: NDArray[np.uint8] = np.frombuffer(content, dtype=np.uint8)
    if not content or len(content) % RECORD_BYTES:
        raise DatasetError(f"{archive} does not have the layout of CIFAR-100; delete it and load again")
    records = records.reshape(-1, RECORD_BYTES)
    labels = records[:, 1].astype(np.int64)
    if labels.max() >= len(CLASSES):
        raise DatasetError(f"{archive} has a fine class {labels.max()}, of {len(CLASSES)}; delete it and load again")
    return ImageSet(np.ascontiguousarray(records[:, 2:]).reshape(-1, 3, SIDE, SIDE), labels)
