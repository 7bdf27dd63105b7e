"""Small files in SVHN's true format."""

import hashlib
from collections.abc import Mapping
from pathlib import Path

import numpy as np
from scipy.io import savemat


def write(folder: Path, counts: Mapping[str, int], seed: int) -> dict[str, str]:
    """Write files of so many images, the labels 1 to 10 in turn; gives the MD5 of each."""
    folder.mkdir()
    random = np.random.default_rng(seed)
    for name, count in counts.items():
        labels = (np.arange(count, dtype=np.uint8) % 10 + 1)[:, None]
        images = random.integers(0, 256, (32, 32, 3, count), dtype=np.uint8)
        savemat(folder / name, {"X": images, "y": labels}, do_compression=True)
    return {name: hashlib.md5((folder / name).read_bytes()).hexdigest() for name in counts}
