"""Which image files a folder has, of which class and part; decided by their names alone."""

import hashlib
import logging
import os
import unicodedata
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from sis_edge.datasets.own.decode import SUFFIXES
from sis_edge.errors import DatasetError

log = logging.getLogger(__name__)

TRAIN, TEST = "train", "test"

_Item = TypeVar("_Item")


@dataclass(frozen=True)
class ImageFile:
    """An image file below the folder; `name` is its path there, with / and in Unicode's composed form (NFC)."""

    path: Path
    name: str
    label: int


@dataclass(frozen=True)
class Listing:
    """The files of a folder of images, in the order in which they are trained on; `is_divided` by the user himself."""

    classes: tuple[str, ...]
    train: tuple[ImageFile, ...]
    test: tuple[ImageFile, ...]
    is_divided: bool


def listing(root: Path, seed: int, test_share: float) -> Listing:
    """The images of a folder, in an order that depends on their names and the seed only; raises DatasetError.

    Hidden files and folders, and files that are not JPEG or PNG by their suffix, are left out.
    """
    try:
        folders = _folders(root)
        is_divided = TRAIN in folders and TEST in folders and bool(_folders(folders[TRAIN]))
        if is_divided:
            return _divided(root, folders, seed)
        if set(folders) == {TRAIN} and _folders(folders[TRAIN]):
            raise DatasetError(
                f"{root} has {TRAIN}/ and no {TEST}/; add {TEST}/, or give {folders[TRAIN]} to split it by seed"
            )
        classes = _classes(root, folders)
        files = _files(root, classes, tuple(classes))
        train, test = divide(
            files, tuple(classes), [file.label for file in files], lambda file: file.name, seed, test_share
        )
        return Listing(tuple(classes), tuple(train), tuple(test), is_divided=False)
    except OSError as error:
        raise DatasetError(f"cannot read {error.filename or root} ({error.strerror})") from error


def divide(
    items: Sequence[_Item],
    classes: Sequence[str],
    labels: Sequence[int],
    name: Callable[[_Item], str],
    seed: int,
    test_share: float,
) -> tuple[list[_Item], list[_Item]]:
    """Training and test items: of each class the `test_share` with the lowest keys, at least one, is for test.

    Raises DatasetError for a class that has no two items.
    """
    by_class: dict[int, list[_Item]] = {label: [] for label in range(len(classes))}
    for item, label in zip(items, labels, strict=True):
        by_class[label].append(item)
    in_train, in_test = [], []
    for label, members in by_class.items():
        if len(members) < 2:
            raise DatasetError(
                f"class '{classes[label]}' has {len(members)} image, and a split into training and test images needs 2 "
                "or more; add images, or remove the class"
            )
        ranked = in_order(members, name, seed)
        count = min(max(1, round(test_share * len(members))), len(members) - 1)
        in_test += ranked[:count]
        in_train += ranked[count:]
    # A second key, or all test images of a class would come before those of another.
    return in_order(in_train, name, seed + 1), in_order(in_test, name, seed + 1)


def in_order(items: Sequence[_Item], name: Callable[[_Item], str], seed: int) -> list[_Item]:
    """The items shuffled by their names, so that the first ones of them are of all classes."""
    return sorted(items, key=lambda item: (hashlib.sha256(f"{seed}/{name(item)}".encode()).digest(), name(item)))


def _divided(root: Path, folders: dict[str, Path], seed: int) -> Listing:
    train_classes, test_classes = (_classes(folders[part], _folders(folders[part])) for part in (TRAIN, TEST))
    unknown = [name for name in test_classes if name not in train_classes]
    if unknown:
        raise DatasetError(
            f"{folders[TEST]} has the class '{unknown[0]}', which {folders[TRAIN]} does not have; the classes of "
            f"{TEST}/ must be among those of {TRAIN}/"
        )
    if untested := [name for name in train_classes if name not in test_classes]:
        log.warning("%s has no images of %s; accuracy is on the other classes", folders[TEST], ", ".join(untested))
    if others := sorted(folders.keys() - {TRAIN, TEST}):
        log.warning("%s: only %s/ and %s/ are used, not %s", root, TRAIN, TEST, ", ".join(others))
    classes = tuple(train_classes)
    parts = (_files(root, found, classes) for found in (train_classes, test_classes))
    train, test = (tuple(in_order(part, lambda file: file.name, seed)) for part in parts)
    return Listing(classes, train, test, is_divided=True)


def _classes(root: Path, folders: dict[str, Path]) -> dict[str, Path]:
    """The class folders by name, sorted; raises DatasetError for fewer than two."""
    if len(folders) < 2:
        found = f"one class folder ({', '.join(folders)})" if folders else "no class folders"
        raise DatasetError(f"{root} has {found}, and a classifier needs two classes or more: {root}/CLASS/IMAGE.png")
    return folders


def _folders(root: Path) -> dict[str, Path]:
    """The folders in a folder, links followed, by name in the order of the names; hidden ones left out."""
    found: dict[str, Path] = {}
    for path in sorted(root.iterdir()):
        name = unicodedata.normalize("NFC", path.name)
        if name.startswith((".", "__MACOSX")) or not path.is_dir():
            continue
        if name in found:
            raise DatasetError(f"{root} has two folders that are both named '{name}' (composed and not); rename one")
        found[name] = path
    return dict(sorted(found.items()))


def _files(root: Path, folders: dict[str, Path], classes: tuple[str, ...]) -> list[ImageFile]:
    """The image files of class folders and of the folders in them; raises DatasetError for a class without any."""
    found: list[ImageFile] = []
    ignored: list[Path] = []
    for name, folder in folders.items():
        before = len(found)
        for parent, inner, files in os.walk(folder, onerror=_raise):
            inner[:] = [each for each in inner if not each.startswith(".")]
            for path in (Path(parent, file) for file in files if not file.startswith(".")):
                if path.suffix.lower() in SUFFIXES:
                    relative = unicodedata.normalize("NFC", path.relative_to(root).as_posix())
                    found.append(ImageFile(path, relative, classes.index(name)))
                else:
                    ignored.append(path)
        if len(found) == before:
            raise DatasetError(
                f"{folder}, the folder of class '{name}', has no JPEG or PNG images; add some, or remove the folder"
            )
    if ignored:
        log.warning("%s: %d files are not .jpg, .jpeg or .png and are ignored (%s)", root, len(ignored), min(ignored))
    return found


def _raise(error: OSError) -> None:
    raise error
