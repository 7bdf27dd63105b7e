"""An .npz file of images and labels as a data set.

Either x_train, y_train, x_test and y_test, or images and labels, which are divided by seed. Images are uint8: NHWC or
NCHW with 1 or 3 channels, or NHW. Labels are whole numbers or text. `classes` may name the classes.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from sis_agent.schema import Resize
from sis_edge.datasets.base import Dataset, Images, Labels, Split
from sis_edge.datasets.download import Bar, bar
from sis_edge.datasets.mapped import give_back
from sis_edge.datasets.own import OwnData, packed
from sis_edge.datasets.own.decode import fitted
from sis_edge.datasets.own.listing import divide, in_order
from sis_edge.datasets.own.npz import Member, members
from sis_edge.errors import DatasetError
from sis_edge.files.disk import check_room
from sis_edge.files.hashing import file_sha256

DIVIDED = ("x_train", "y_train", "x_test", "y_test")
WHOLE = ("images", "labels")
CLASSES = "classes"

Order = Literal["NHWC", "NCHW", "NHW"]


@dataclass(frozen=True)
class _Source:
    """One array of images, how its axes are ordered, and where each image goes: its part and its row there."""

    images: Member
    order: Order
    part: NDArray[np.int64]
    row: NDArray[np.int64]


def load(own: OwnData, root: Path, progress: bool) -> Dataset:
    """The file's images, from the cache below `root` where they were read before; raises DatasetError, DiskError."""

    def make(folder: Path) -> tuple[tuple[str, ...], tuple[int, int], Split]:
        return _read_all(own, folder, progress)

    if DIVIDED[0] in members(own.path):
        own.check_divided()
    return packed.load(own, root, {"npz": file_sha256(own.path)}, make)


def _read_all(own: OwnData, folder: Path, progress: bool) -> tuple[tuple[str, ...], tuple[int, int], Split]:
    found = members(own.path)
    names = DIVIDED if DIVIDED[0] in found else WHOLE
    if missing := [name for name in names if name not in found]:
        raise DatasetError(
            f"{own.path} has {', '.join(sorted(found)) or 'no arrays'} and lacks {', '.join(missing)}; it must have "
            f"{', '.join(DIVIDED)}, or {' and '.join(WHOLE)}"
        )
    pairs = [(found[x], found[y]) for x, y in zip(names[::2], names[1::2], strict=True)]
    orders = [axes(images) for images, _ in pairs]
    sizes = {_size(images, order) for (images, _), order in zip(pairs, orders, strict=True)}
    if own.resize is None and len(sizes) > 1:
        raise DatasetError(f"x_train and x_test of {own.path} have different sizes {sorted(sizes)}; use --resize 96")
    size = (own.resize.height, own.resize.width) if own.resize else sizes.pop()
    classes, labels = _labels(own.path, pairs, found.get(CLASSES))
    places = _given(labels, own.seed) if len(pairs) == 2 else [_drawn(own, classes, labels[0])]
    sources = [_Source(pair[0], order, *place) for pair, order, place in zip(pairs, orders, places, strict=True)]
    for number, name in enumerate(packed.PARTS):
        counts = sum(int((place[0] == number).sum()) for place in places)
        sorted_labels = np.empty(counts, dtype=np.int64)
        for values, (part, row) in zip(labels, places, strict=True):
            sorted_labels[row[part == number]] = values[part == number]
        packed.save_labels(folder, name, sorted_labels)
    _write(own, folder, sources, size, progress)
    is_given = len(pairs) == 2
    return (
        classes,
        size,
        Split(own.file_name, "given" if is_given else "seed", own.seed, None if is_given else own.share_for_test),
    )


def axes(images: Member) -> Order:
    """The order of an array's axes, by its shape; raises DatasetError where it has no images or several can be."""
    where, shape = f"{images.path}: {images.name}", images.shape
    if images.dtype != np.uint8:
        raise DatasetError(
            f"{where} is {images.dtype}, and images must be uint8 from 0 to 255; values from 0 to 1 become so by "
            "(255 * x).round().astype('uint8')"
        )
    if images.is_fortran:
        raise DatasetError(f"{where} is in Fortran order; save numpy.ascontiguousarray of it")
    if len(shape) not in (3, 4) or 0 in shape:
        raise DatasetError(f"{where} has the shape {list(shape)}, and images are NHWC, NCHW or NHW")
    if len(shape) == 3:
        return "NHW"
    is_last, is_first = shape[3] in (1, 3), shape[1] in (1, 3)
    if is_last and is_first:
        raise DatasetError(
            f"{where} has the shape {list(shape)}, which can be NHWC and NCHW; give images of other sides than 1 and 3"
        )
    if not is_last and not is_first:
        raise DatasetError(f"{where} has the shape {list(shape)}, and neither axis 1 nor the last has 1 or 3 channels")
    return "NHWC" if is_last else "NCHW"


def channels_first(images: NDArray[Any], order: Order) -> Images:
    """Images uint8 of any order as [N, 3, height, width]; grey ones get three equal channels."""
    if order == "NHW":
        images = images[:, None]
    elif order == "NHWC":
        images = images.transpose(0, 3, 1, 2)
    return np.broadcast_to(images, (len(images), 3, *images.shape[2:]))


def _size(images: Member, order: Order) -> tuple[int, int]:
    shape = images.shape
    return (shape[2], shape[3]) if order == "NCHW" else (shape[1], shape[2])


def _labels(
    path: Path, pairs: list[tuple[Member, Member]], named: Member | None
) -> tuple[tuple[str, ...], list[Labels]]:
    """The classes' names, and the labels of each array as numbers of classes; raises DatasetError."""
    values = []
    for images, labels in pairs:
        found = labels.whole()
        if found.shape == (images.shape[0], 1):
            found = found[:, 0]
        if found.shape != (images.shape[0],) or found.dtype.kind not in "iuU":
            raise DatasetError(
                f"{path}: {labels.name} is {found.dtype} {list(found.shape)}, and must be {images.shape[0]} whole "
                f"numbers or texts, one for each image of {images.name}"
            )
        values.append(found)
    if len({found.dtype.kind == "U" for found in values}) > 1:
        raise DatasetError(f"{path}: y_train and y_test must both be numbers, or both text")
    known = values[0]
    is_text = known.dtype.kind == "U"
    distinct = np.unique(known)
    if named is None:
        classes, keys = tuple(str(each) for each in distinct), distinct
    else:
        classes = tuple(str(each) for each in named.whole().reshape(-1))
        keys = np.array(classes) if is_text else np.arange(len(classes))
        if len(set(classes)) < len(classes):
            raise DatasetError(f"{path}: classes has a name twice; give each class one name")
    if len(classes) < 2:
        raise DatasetError(f"{path} has one class ('{''.join(classes)}'), and a classifier needs two or more")
    numbers = {each: number for number, each in enumerate(keys.tolist())}
    for (_, labels), found in zip(pairs, values, strict=True):
        for each in np.unique(found).tolist():
            if each not in numbers or each not in distinct:
                where = CLASSES if named and each not in numbers else pairs[0][1].name
                raise DatasetError(f"{path}: {labels.name} has the label {each!r}, which {where} does not have")
    return classes, [np.array([numbers[each] for each in found.tolist()], dtype=np.int64) for found in values]


def _given(labels: list[Labels], seed: int) -> list[tuple[NDArray[np.int64], NDArray[np.int64]]]:
    """Part and row of each image where the parts are given: every part shuffled."""
    places = []
    for number, values in enumerate(labels):
        order = in_order(range(len(values)), lambda row: f"{row:09d}", seed)
        row = np.empty(len(values), dtype=np.int64)
        row[order] = np.arange(len(values))
        places.append((np.full(len(values), number, dtype=np.int64), row))
    return places


def _drawn(own: OwnData, classes: tuple[str, ...], labels: Labels) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Part and row of each image where the parts are drawn."""
    rows = range(len(labels))
    used = np.unique(labels)
    names = [classes[each] for each in used]
    among = np.searchsorted(used, labels).tolist()
    parts = divide(rows, names, among, lambda row: f"{row:09d}", own.seed, own.share_for_test)
    part, row = np.empty((2, len(labels)), dtype=np.int64)
    for number, members_of in enumerate(parts):
        part[members_of], row[members_of] = number, np.arange(len(members_of))
    return part, row


def _write(own: OwnData, folder: Path, sources: list[_Source], size: tuple[int, int], progress: bool) -> None:
    """Every image to its row in its part's file."""
    counts = [sum(int((source.part == number).sum()) for source in sources) for number in range(len(packed.PARTS))]
    total_bytes = sum(counts) * 3 * size[0] * size[1]
    check_room(folder, total_bytes)
    targets = [
        np.memmap(packed.images_file(folder, name), dtype=np.uint8, mode="w+", shape=(count, 3, *size))
        for name, count in zip(packed.PARTS, counts, strict=True)
    ]
    with bar(f"read {own.name}", progress, total_bytes) as shown:
        for source in sources:
            _write_source(source, targets, own.resize, shown)
    for target in targets:
        target.flush()


def _write_source(source: _Source, targets: list[Any], resize: Resize | None, shown: Bar) -> None:
    start = 0
    for read in source.images.parts():
        images = _resized(channels_first(read, source.order), resize)
        part, row = (array[start : start + len(read)] for array in (source.part, source.row))
        for number, target in enumerate(targets):
            target[row[part == number]] = images[part == number]
            give_back(target)
        start += len(read)
        shown.update(images.nbytes)


def _resized(images: Images, resize: Resize | None) -> Images:
    from PIL import Image

    if resize is None:
        return images
    pixels = np.ascontiguousarray(images.transpose(0, 2, 3, 1))
    return np.stack([np.asarray(fitted(Image.fromarray(each), resize)).transpose(2, 0, 1) for each in pixels])
