"""Some real images of a data set, so that a build from the zoo needs no download.

The first test images, the first training images (to calibrate INT8) and the last ones (to decide which layers INT8
leaves in float): those that a build with the whole data set takes too, which decides by more (`exporting.variants`).
"""

import json
from pathlib import Path

import numpy as np

from sis_edge.datasets import Dataset, ImageSet

FOLDER = Path(__file__).parent / "samples"
TEST_IMAGES = 500
FIRST_IMAGES = 256
LAST_IMAGES = 500


def load(name: str, folder: Path | None = None) -> Dataset | None:
    """The sample of a data set, with the name, statistics and hash of the whole one; None: there is no sample."""
    path = (folder or FOLDER) / f"{name}.npz"
    if not path.exists():
        return None
    with path.open("rb") as source, np.load(source, allow_pickle=False) as file:
        header = json.loads(bytes(file["header"]))
        train = ImageSet(file["train_images"], file["train_labels"].astype(np.int64))
        test = ImageSet(file["test_images"], file["test_labels"].astype(np.int64))
    mean, std = (tuple(header[part]) for part in ("mean", "std"))
    classes = tuple(header["classes"])
    return Dataset(name, train, test, classes, mean, std, header["flip"], header["sha256"], header["source"])


def save(dataset: Dataset, folder: Path = FOLDER) -> Path:
    """Write the sample of a data set."""
    train = dataset.train
    kept = np.r_[: min(FIRST_IMAGES, len(train)), max(0, len(train) - LAST_IMAGES) : len(train)]
    header = {
        "sha256": dataset.sha256,
        "mean": dataset.mean,
        "std": dataset.std,
        "classes": dataset.classes,
        "flip": dataset.flip,
        "source": dataset.source,
    }
    path = folder / f"{dataset.name}.npz"
    folder.mkdir(parents=True, exist_ok=True)
    np.savez_compressed(
        path,
        header=np.frombuffer(json.dumps(header, sort_keys=True).encode(), dtype=np.uint8),
        train_images=train.images[kept],
        train_labels=train.labels[kept].astype(np.uint8),
        test_images=dataset.test.images[:TEST_IMAGES],
        test_labels=dataset.test.labels[:TEST_IMAGES].astype(np.uint8),
    )
    return path
