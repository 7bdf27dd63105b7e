"""A folder of image files as a data set."""

import hashlib
import os
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import NamedTuple

import numpy as np

from sis_edge.datasets.base import Dataset, Images, Split
from sis_edge.datasets.download import Bar, bar
from sis_edge.datasets.own import OwnData, packed
from sis_edge.datasets.own.decode import DamagedImageError, decode, size_of
from sis_edge.datasets.own.listing import ImageFile, Listing, listing
from sis_edge.errors import MANY, DatasetError
from sis_edge.files.disk import check_room

AT_ONCE = 64
"""Images that are decoded together: what is held in memory besides the files."""


class _Damage(NamedTuple):
    file: ImageFile
    reason: str


def load(own: OwnData, root: Path, progress: bool) -> Dataset:
    """The folder's images, from the cache below `root` where they were decoded before; raises DatasetError, DiskError.

    The cache knows a file by its name, size and time of change.
    """
    found = listing(own.path, own.seed, own.share_for_test)
    if found.is_divided:
        own.check_divided()

    def make(folder: Path) -> tuple[tuple[str, ...], tuple[int, int], Split]:
        return _decode_all(own, found, folder, progress)

    inputs = {"classes": found.classes, "is_divided": found.is_divided, "files": _digest(found)}
    return packed.load(own, root, inputs, make)


def _digest(found: Listing) -> str:
    """SHA-256 over the name, class, part, size and time of change of every file."""
    sha = hashlib.sha256()
    for part in (found.train, found.test):
        for file in part:
            try:
                status = file.path.stat()
                changed: tuple[int, ...] = (status.st_size, status.st_mtime_ns)
            except FileNotFoundError:  # a link to nothing: damaged, and found so when it is read
                changed = ()
            sha.update(f"{file.name}\0{file.label}\0{changed}\n".encode())
        sha.update(b"\n")
    return sha.hexdigest()


def _decode_all(
    own: OwnData, found: Listing, folder: Path, progress: bool
) -> tuple[tuple[str, ...], tuple[int, int], Split]:
    files = found.train + found.test
    with ThreadPoolExecutor(max_workers=min(8, os.cpu_count() or 1)) as pool:
        damaged: list[_Damage] = []
        height, width = (own.resize.height, own.resize.width) if own.resize else _common_size(files, pool, damaged)
        if damaged and not own.skip_damaged:
            raise _refused(damaged)
        known = {damage.file for damage in damaged}
        check_room(folder, len(files) * 3 * height * width)
        with bar(f"decode {own.name}", progress, len(files) * 3 * height * width) as shown:
            for name, part in zip(packed.PARTS, (found.train, found.test), strict=True):
                readable = [file for file in part if file not in known]
                damaged += _write_part(own, folder, name, readable, (height, width), pool, shown)
    if damaged and not own.skip_damaged:
        raise _refused(damaged)
    skipped = {damage.file for damage in damaged}
    _check_classes(own, found, skipped)
    split = Split(
        own.file_name,
        "given" if found.is_divided else "seed",
        own.seed,
        None if found.is_divided else own.share_for_test,
        tuple(sorted(file.name for file in skipped)),
    )
    return found.classes, (height, width), split


def _write_part(
    own: OwnData,
    folder: Path,
    name: str,
    files: Sequence[ImageFile],
    size: tuple[int, int],
    pool: ThreadPoolExecutor,
    shown: Bar,
) -> list[_Damage]:
    """Decode the files into a part's file, in order; returns those that are damaged."""
    damaged, labels = [], []

    def decoded(file: ImageFile) -> Images | _Damage:
        try:
            return decode(file.path, own.resize)
        except DamagedImageError as error:
            return _Damage(file, str(error))

    with packed.images_file(folder, name).open("wb") as target:
        for block in _blocks(files):
            for file, image in zip(block, pool.map(decoded, block), strict=True):
                if isinstance(image, _Damage):
                    damaged.append(image)
                    continue
                if (
                    image.shape[1:] != size
                ):  # its orientation stands behind the pixels, where headers are not looked for
                    raise DatasetError(
                        f"{file.path} has {_words(image.shape[1:])}, and the other images {_words(size)} (height x "
                        "width): make all images of one size, such as with --resize 96"
                    )
                target.write(np.ascontiguousarray(image).data)
                labels.append(file.label)
                shown.update(image.nbytes)
    packed.save_labels(folder, name, np.array(labels, dtype=np.int64))
    return damaged


def _common_size(files: Sequence[ImageFile], pool: ThreadPoolExecutor, damaged: list[_Damage]) -> tuple[int, int]:
    """The height and width of all images, by their headers; the unreadable ones go to `damaged`.

    Raises DatasetError that names two files of different sizes.
    """

    def measured(file: ImageFile) -> tuple[int, int] | _Damage:
        try:
            return size_of(file.path)
        except DamagedImageError as error:
            return _Damage(file, str(error))

    first: tuple[ImageFile, tuple[int, int]] | None = None
    for block in _blocks(files):
        for file, found in zip(block, pool.map(measured, block), strict=True):
            if isinstance(found, _Damage):
                damaged.append(found)
            elif first is None:
                first = file, found
            elif found != first[1]:
                raise DatasetError(
                    f"{first[0].path} has {_words(first[1])} and {file.path} {_words(found)} (height x width): make "
                    "all images of one size, such as with --resize 96"
                )
    if first is None:
        raise _refused(damaged)
    return first[1]


def _blocks(files: Sequence[ImageFile]) -> Iterator[Sequence[ImageFile]]:
    for start in range(0, len(files), AT_ONCE):
        yield files[start : start + AT_ONCE]


def _check_classes(own: OwnData, found: Listing, skipped: set[ImageFile]) -> None:
    """Raise DatasetError for a class of which all images in a part are damaged."""
    for name, part in zip(packed.PARTS, (found.train, found.test), strict=True):
        left = {file.label for file in part if file not in skipped}
        for label in sorted({file.label for file in part} - left):
            raise DatasetError(
                f"all images of class '{found.classes[label]}' for {name} in {own.path} are damaged; replace them, or "
                "remove the class"
            )


def _refused(damaged: Sequence[_Damage]) -> DatasetError:
    damaged = sorted(damaged, key=lambda damage: damage.file.name)
    first, count = damaged[0], len(damaged)
    names = [str(damage.file.path) for damage in damaged]
    also = ""
    if count > 1:
        more = f" and {count - MANY} more" if count > MANY else ""
        also = f"; {count} images cannot be used: {', '.join(names[:MANY])}{more}"
    return DatasetError(
        f"{first.file.path} {first.reason}{also}; replace or remove the damaged, or leave them out with --skip-damaged"
    )


def _words(size: tuple[int, ...]) -> str:
    return f"{size[0]} x {size[1]}"
