"""Some real images of a data set, so that a build from the zoo needs no download.

The first test images, the first training images (to calibrate INT8) and the last ones (to decide which layers INT8
leaves in float): those that a build with the whole data set takes too, which decides by more (`exporting.variants`).
They are one sheet in lossless WebP, which takes little more than half of what numpy's own compression does.
"""

import io
import json
import math
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from sis_edge.datasets import Dataset, ImageSet
from sis_edge.errors import RecordError

if TYPE_CHECKING:
    from numpy.typing import NDArray

FOLDER = Path(__file__).parent / "samples"
TEST_IMAGES = 500
FIRST_IMAGES = 256
LAST_IMAGES = 500


def load(name: str, folder: Path | None = None) -> Dataset | None:
    """The sample of a data set, with the name, statistics and hash of the whole one; None: there is no sample.

    Raises RecordError where Pillow cannot read its images.
    """
    path = (folder or FOLDER) / f"{name}.npz"
    if not path.exists():
        return None
    with path.open("rb") as source, np.load(source, allow_pickle=False) as file:
        header = json.loads(bytes(file["header"]))
        labels = file["train_labels"].astype(np.int64), file["test_labels"].astype(np.int64)
        try:
            images = _of_sheet(bytes(file["sheet"]), sum(map(len, labels)), header["size"])
        except OSError as error:
            raise RecordError(
                f"{path} cannot be read ({error}); install pillow from PyPI, and sis-edge again"
            ) from None
    train, test = (ImageSet(*each) for each in zip(np.split(images, [len(labels[0])]), labels, strict=True))
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
        "size": dataset.size,
    }
    path = folder / f"{dataset.name}.npz"
    folder.mkdir(parents=True, exist_ok=True)
    sheet = _sheet(np.concatenate([train.images[kept], dataset.test.images[:TEST_IMAGES]]))
    np.savez_compressed(
        path,
        header=np.frombuffer(json.dumps(header, sort_keys=True).encode(), dtype=np.uint8),
        sheet=np.frombuffer(sheet, dtype=np.uint8),
        train_labels=train.labels[kept].astype(np.uint8),
        test_labels=dataset.test.labels[:TEST_IMAGES].astype(np.uint8),
    )
    return path


def _sheet(images: "NDArray[np.uint8]") -> bytes:
    """uint8 [N, 3, h, w] beside and below each other, as WebP; what is left of the last row is black."""
    from PIL import Image

    count, channels, height, width = images.shape
    side = math.ceil(math.sqrt(count))
    places = np.zeros((side * side, channels, height, width), dtype=np.uint8)
    places[:count] = images
    sheet = places.reshape(side, side, channels, height, width).transpose(0, 3, 1, 4, 2)
    out = io.BytesIO()
    Image.fromarray(sheet.reshape(side * height, side * width, channels)).save(
        out, "WEBP", lossless=True, quality=100, method=6
    )
    return out.getvalue()


def _of_sheet(sheet: bytes, count: int, size: tuple[int, int]) -> "NDArray[Any]":
    """The images of a sheet: uint8 [N, 3, h, w]."""
    from PIL import Image

    height, width = size
    pixels = np.asarray(Image.open(io.BytesIO(sheet)).convert("RGB"))
    places = pixels.reshape(pixels.shape[0] // height, height, -1, width, 3).transpose(0, 2, 4, 1, 3)
    return places.reshape(-1, 3, height, width)[:count]
