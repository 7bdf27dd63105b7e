"""Decoded images in the cache: written once, in a folder that appears when it is whole, and mapped from then on.

    <cache>/datasets/own/<name>-<key>/  train.u8  test.u8  train-labels.npy  test-labels.npy  data.json

The .u8 files are uint8 [N, 3, height, width] without a header. `data.json` has classes, shape, statistics and digest.
"""

import json
import shutil
import tempfile
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from sis_edge.datasets.base import Dataset, ImageSet, Labels, Split
from sis_edge.datasets.cache import locked
from sis_edge.datasets.own import OwnData
from sis_edge.files import stages
from sis_edge.files.disk import writing

PACKED_VERSION = 1

DATA = "data.json"
PARTS = ("train", "test")

Make = Callable[[Path], tuple[tuple[str, ...], tuple[int, int], Split]]
"""Writes the parts into a folder; returns the classes, the images' height and width, and how they were divided."""


def load(own: OwnData, root: Path, inputs: dict[str, Any], make: Make) -> Dataset:
    """The data set that these inputs decide, from the cache; `make` writes it where it is not there.

    Raises DiskError where the cache cannot be written.
    """
    decided_by = {
        "version": PACKED_VERSION,
        "path": str(own.path.resolve()),
        "resize": own.resize,
        "seed": own.seed,
        "test_share": own.share_for_test,
        "skip_damaged": own.skip_damaged,
        **inputs,
    }
    folder = root / f"{own.name}-{stages.key(decided_by)[:20]}"
    if not _is_whole(folder):
        with writing(root):
            root.mkdir(parents=True, exist_ok=True)
            with locked(root, own.name, ".part-*"):
                if not _is_whole(folder):  # another process may have written it while this one waited
                    _write(own, folder, make)
    return _read(own, folder)


def save_labels(folder: Path, part: str, labels: Labels) -> None:
    """Write a part's labels."""
    with (folder / f"{part}-labels.npy").open("wb") as file:
        np.save(file, labels, allow_pickle=False)


def images_file(folder: Path, part: str) -> Path:
    """Where a part's images are."""
    return folder / f"{part}.u8"


def _write(own: OwnData, folder: Path, make: Make) -> None:
    part = Path(tempfile.mkdtemp(prefix=".part-", dir=folder.parent))
    try:
        classes, size, split = make(part)
        dataset = Dataset.of(
            own.name, *_parts(part, size), classes=classes, flip=own.flip, source=_source(own, split), resize=own.resize
        )
        counts = [len(dataset.train), len(dataset.test)]
        header = {
            "classes": classes,
            "size": size,
            "counts": counts,
            "mean": dataset.mean,
            "std": dataset.std,
            "sha256": dataset.sha256,
            "source": dataset.source,
            "split": asdict(split),
        }
        (part / DATA).write_text(json.dumps(header, indent=1), encoding="utf-8")
        shutil.rmtree(folder, ignore_errors=True)
        part.rename(folder)
    finally:
        shutil.rmtree(part, ignore_errors=True)


def _read(own: OwnData, folder: Path) -> Dataset:
    header = json.loads((folder / DATA).read_text(encoding="utf-8"))
    height, width = header["size"]
    train, test = _parts(folder, (height, width))
    split = Split(**{**header["split"], "skipped": tuple(header["split"]["skipped"])})
    mean, std = (tuple(header[name]) for name in ("mean", "std"))
    return Dataset(
        own.name,
        train,
        test,
        tuple(header["classes"]),
        mean,
        std,
        own.flip,
        header["sha256"],
        header["source"],
        own.resize,
        split,
    )


def _parts(folder: Path, size: tuple[int, int]) -> tuple[ImageSet, ImageSet]:
    train, test = (_mapped(folder, part, size) for part in PARTS)
    return train, test


def _mapped(folder: Path, part: str, size: tuple[int, int]) -> ImageSet:
    with (folder / f"{part}-labels.npy").open("rb") as file:
        labels: Labels = np.load(file, allow_pickle=False)
    shape = (len(labels), 3, *size)
    return ImageSet(np.memmap(images_file(folder, part), dtype=np.uint8, mode="r", shape=shape), labels)


def _is_whole(folder: Path) -> bool:
    """Whether a folder has all that was written into it, by the files' sizes."""
    try:
        header = json.loads((folder / DATA).read_text(encoding="utf-8"))
        height, width = header["size"]
        expected = [count * 3 * height * width for count in header["counts"]]
        labels_are_there = all((folder / f"{part}-labels.npy").is_file() for part in PARTS)
        return labels_are_there and [images_file(folder, part).stat().st_size for part in PARTS] == expected
    except (OSError, ValueError, KeyError, TypeError):
        return False


def _source(own: OwnData, split: Split) -> str:
    """A sentence about the origin of the images."""
    divided = (
        "divided by its own folders or arrays"
        if split.by == "given"
        else f"{100 * own.share_for_test:g}% of each class for test by seed {split.seed}"
    )
    skipped = f"; {len(split.skipped)} damaged images left out" if split.skipped else ""
    return f"The user's own images in {split.name}, {divided}{skipped}."
