"""Folders of small image files."""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from sis_edge.datasets import Dataset
from sis_edge.datasets.own import OwnData


def pixels(number: int, side: int = 32, width: int | None = None) -> NDArray[np.uint8]:
    """Random pixels [side, width, 3] that depend on the number only."""
    return np.random.default_rng(number).integers(0, 256, (side, width or side, 3), dtype=np.uint8)


def save(path: Path, array: NDArray[np.uint8]) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(array).save(path)
    return path


def folder(root: Path, classes: tuple[str, ...] = ("ant", "bee"), count: int = 10, side: int = 32) -> Path:
    """`count` PNGs of each class."""
    for label, name in enumerate(classes):
        for number in range(count):
            save(root / name / f"{number}.png", pixels(1000 * label + number, side))
    return root


def load(own: OwnData, tmp_path: Path) -> Dataset:
    return own.load(cache_dir=tmp_path / "cache", progress=False)
