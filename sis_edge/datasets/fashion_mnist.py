"""Fashion-MNIST: 70,000 photographs of ten kinds of clothes, 28 x 28 grey (Zalando Research, 2017).

The cache keeps the four IDX files unpacked, and the hashes are theirs: Debian's archives are the official ones
without the name and time in the gzip header (put back, they have the official MD5). Images are padded to 32 x 32.
"""

import gzip
import shutil
import zlib
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from sis_edge.datasets.base import Dataset, ImageSet, Places
from sis_edge.datasets.cache import Route, obtain, own_folder
from sis_edge.datasets.download import download
from sis_edge.datasets.images import grey_to_rgb
from sis_edge.datasets.packages import apt_files
from sis_edge.errors import DatasetError

CHECKSUMS = {
    "train-images-idx3-ubyte": "c59f468a2f672dc815687fe0f83887768d799fd8a3f3276145d20f83aa44d888",
    "train-labels-idx1-ubyte": "bad3541b69d912435c50bb6ba87bec294ff4f6a2e1246121d8633921760443d9",
    "t10k-images-idx3-ubyte": "5b4141f0afbad91edebe8549f8fcffe087ea10ca49f1dbef5c9a5cd8815ce37b",
    "t10k-labels-idx1-ubyte": "0402a96d92fd2663957122ceb108a494c5af83dab82d92729df917d7dec38c34",
}
CLASSES = (
    "T-shirt/top",
    "trouser",
    "pullover",
    "dress",
    "coat",
    "sandal",
    "shirt",
    "sneaker",
    "bag",
    "ankle boot",
)

URL = "http://fashion-mnist.s3-website.eu-central-1.amazonaws.com"
ARCHIVE_MD5 = {
    "train-images-idx3-ubyte": "8d4fb7e6c68d591d4c3dfef9ec88bf0d",
    "train-labels-idx1-ubyte": "25c81989df183df01b3e8a0aad5dffbe",
    "t10k-images-idx3-ubyte": "bef4ecab320f06d8554ea6380940ec79",
    "t10k-labels-idx1-ubyte": "bb300cfdad3c16e7a12a480ee83cd310",
}
DEBIAN_PACKAGE = "dataset-fashion-mnist"
DEBIAN_SIZE_BYTES = 30_900_000
DEBIAN_FOLDER = Path("usr/share/datasets/fashion-mnist")
ADVICE = f"Download the four .gz files from {URL} on another machine, and give their folder with --data-dir."


def load(places: Places, *, checksums: Mapping[str, str] = CHECKSUMS, routes: Sequence[Route] | None = None) -> Dataset:
    """Fashion-MNIST from the cache, filled first by the first route that works; raises DatasetError, DiskError."""
    used = default_routes(places) if routes is None else routes
    source = obtain("fashion_mnist", places.folder, checksums, used, ADVICE)
    return Dataset.of(
        "fashion_mnist",
        read(places.folder, "train"),
        read(places.folder, "t10k"),
        classes=CLASSES,
        flip=True,
        source=f"Fashion-MNIST (Zalando Research, 2017), IDX files checked by SHA-256, from {source}.",
    )


def default_routes(
    places: Places, *, root: Path = Path("/"), url: str = URL, archive_md5: Mapping[str, str] = ARCHIVE_MD5
) -> list[Route]:
    """The user's copy; else an installed Debian package (below `root`), the official archives, the package fetched."""
    if places.data_dir is not None:
        return [own_folder(partial(from_folder, places.data_dir))]
    routes = [
        Route("the official archives", partial(from_archives, url, archive_md5, places.progress)),
        Route(f"Debian's package {DEBIAN_PACKAGE}", partial(from_debian, places.progress)),
    ]
    if (root / DEBIAN_FOLDER).is_dir():
        routes.insert(0, Route(f"the installed package {DEBIAN_PACKAGE}", partial(from_folder, root / DEBIAN_FOLDER)))
    return routes


def read(folder: Path, part: str) -> ImageSet:
    """One part, "train" or "t10k", of the IDX files in a folder."""
    images = read_idx(folder / f"{part}-images-idx3-ubyte", dimensions=3)
    labels = read_idx(folder / f"{part}-labels-idx1-ubyte", dimensions=1)
    return ImageSet(grey_to_rgb(images), labels.astype(np.int64))


def read_idx(path: Path, dimensions: int) -> NDArray[np.uint8]:
    """An IDX file of bytes: the magic number 0x08 and the dimensions, big-endian sizes, then the values.

    Raises DatasetError for anything else.
    """
    content = path.read_bytes()
    start = 4 + 4 * dimensions
    sizes = np.frombuffer(content[4:start], dtype=">u4").astype(np.int64)
    if content[:4] != bytes((0, 0, 8, dimensions)) or len(content) - start != sizes.prod():
        raise DatasetError(f"{path} is not an IDX file of bytes in {dimensions} dimensions; delete it and load again")
    return np.frombuffer(content, dtype=np.uint8, offset=start).reshape(sizes)


def from_folder(data_dir: Path, target: Path) -> None:
    """Copy the IDX files, plain or packed, out of a folder or its subfolder of torchvision's layout."""
    for name in CHECKSUMS:
        for folder in (data_dir, data_dir / "FashionMNIST" / "raw"):
            if (folder / name).is_file():
                shutil.copyfile(folder / name, target / name)
                break
            if (folder / f"{name}.gz").is_file():
                unpack(folder / f"{name}.gz", target / name)
                break
        else:
            raise DatasetError(f"{data_dir} has neither {name} nor {name}.gz")


def from_archives(url: str, archive_md5: Mapping[str, str], progress: bool, target: Path) -> None:
    """Download the four official archives and unpack them."""
    for name in CHECKSUMS:
        archive = target / f"{name}.gz"
        download(f"{url}/{archive.name}", archive, archive_md5[name], progress)
        unpack(archive, target / name)


def from_debian(progress: bool, target: Path) -> None:
    """Fetch Debian's package, without installing it, and unpack its files."""
    from_folder(apt_files(DEBIAN_PACKAGE, target, DEBIAN_SIZE_BYTES, progress) / DEBIAN_FOLDER, target)


def unpack(archive: Path, target: Path) -> None:
    """Unpack a .gz file; raises DatasetError when it is damaged."""
    try:
        with gzip.open(archive) as source, target.open("wb") as file:
            shutil.copyfileobj(source, file)
    except (gzip.BadGzipFile, EOFError, zlib.error) as error:
        raise DatasetError(f"{archive.name} is damaged ({error})") from error
