"""SVHN, cropped digits: house numbers photographed in the street, 32 x 32 RGB (Netzer et al., 2011).

The training part is `train` and `extra` together, 604,388 images, as in the paper. The files are MATLAB 5:
`X` uint8 [32, 32, 3, N] and `y` [N, 1], where the label 10 means the digit 0. They are stored unchanged, and each is
fetched by itself: `extra` alone is 1.3 GB, and a file that has arrived stays when the next one fails.
"""

import shutil
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path

import numpy as np

from sis_edge.datasets.base import SIDE, Dataset, Images, ImageSet, Labels, Places
from sis_edge.datasets.cache import Route, obtain, own_folder
from sis_edge.datasets.download import download
from sis_edge.errors import DatasetError

TRAIN_FILES = ("train_32x32.mat", "extra_32x32.mat")
TEST_FILE = "test_32x32.mat"
CLASSES = tuple("0123456789")
CHECKSUMS = {  # MD5, as torchvision lists them; no SHA-256 of these files is known
    "train_32x32.mat": "e26dedcc434d2e4c54c9b2d4a06d8373",
    "extra_32x32.mat": "a93ce644f1a588dc4d68dda5feec44a7",
    "test_32x32.mat": "eb5a983be6a315427106f1b164d9cef3",
}
URL = "http://ufldl.stanford.edu/housenumbers"
ADVICE = f"Download {', '.join(CHECKSUMS)} from {URL}/ on another machine, and give their folder with --data-dir."


def load(places: Places, *, checksums: Mapping[str, str] = CHECKSUMS, url: str = URL) -> Dataset:
    """SVHN from the cache, filled first by the first route that works; raises DatasetError, DiskError."""
    sources = []
    for name, checksum in checksums.items():
        routes = default_routes(places, name, checksum, url)
        sources.append(obtain(f"svhn's {name}", places.folder, {name: checksum}, routes, ADVICE))
    return Dataset.of(
        "svhn",
        read([places.folder / name for name in TRAIN_FILES]),
        read([places.folder / TEST_FILE]),
        classes=CLASSES,
        flip=False,
        source="SVHN, cropped digits (Netzer et al., 2011), train and extra together, official files by MD5, "
        f"from {' and '.join(dict.fromkeys(sources))}.",
    )


def default_routes(places: Places, name: str, checksum: str, url: str) -> list[Route]:
    """The user's copy of one file if there is one, else the official host."""
    if places.data_dir is not None:
        return [own_folder(partial(from_folder, places.data_dir, name))]
    routes = [Route("the official host", partial(from_host, f"{url}/{name}", checksum, places.progress))]
    return routes


def from_folder(data_dir: Path, name: str, target: Path) -> None:
    """Copy one file out of a folder."""
    if not (data_dir / name).is_file():
        raise DatasetError(f"{data_dir} has no {name}")
    shutil.copyfile(data_dir / name, target / name)


def from_host(url: str, checksum: str, progress: bool, target: Path) -> None:
    """Download one file."""
    download(url, target / url.rpartition("/")[2], checksum, progress)


def read(paths: Sequence[Path]) -> ImageSet:
    """The images of .mat files, in order; raises DatasetError for a file of another layout.

    The result is allocated once and filled file by file: train and extra together take 1.9 GB, and reading them
    3.5 GB at the peak.
    """
    from scipy.io import whosmat

    counts = []
    for path in paths:
        shapes: dict[str, tuple[int, ...]] = {name: tuple(shape) for name, shape, _ in whosmat(path)}
        count = shapes.get("X", (0,))[-1]
        if shapes.get("X") != (SIDE, SIDE, 3, count) or shapes.get("y") != (count, 1):
            raise DatasetError(f"{path} does not have the layout of SVHN's cropped digits; delete it and load again")
        counts.append(count)
    images = np.empty((sum(counts), 3, SIDE, SIDE), dtype=np.uint8)
    labels = np.empty(sum(counts), dtype=np.int64)
    start = 0
    for path, count in zip(paths, counts, strict=True):
        _fill(path, images[start : start + count], labels[start : start + count])
        start += count
    return ImageSet(images, labels)


def _fill(path: Path, images: Images, labels: Labels) -> None:
    from scipy.io import loadmat

    content = loadmat(path)
    images[:] = content["X"].transpose(3, 2, 0, 1)
    labels[:] = content["y"][:, 0] % 10
