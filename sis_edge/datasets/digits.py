"""digits: 1,797 real scans of handwritten digits, 8 x 8, included in scikit-learn; no download.

The test part is 50 scans of every digit, the training part the other 1,297. scikit-learn's own splits depend on
its random number stream, so the scans are ranked by raw keys that are the same everywhere.
"""

import numpy as np
from numpy.typing import NDArray

from sis_edge.datasets.base import SIDE, Dataset, Images, ImageSet, Places
from sis_edge.errors import DatasetError, UsageError
from sis_edge.extras import installing
from sis_edge.formation.streams import raw_keys

CLASSES = tuple("0123456789")
TEST_PER_CLASS = 50
SHA256 = "da189819564c7345782d6ec1406cd08b9e2be5568a7c01b00ae6612ccf2af31f"
"""Hash of the data set as loaded: a scikit-learn with other scans is detected."""


def load(places: Places) -> Dataset:
    """The digits at 32 x 32 RGB.

    Raises DatasetError when scikit-learn's scans are not the known ones, UsageError for a folder with other ones.
    """
    from sklearn.datasets import load_digits

    if places.data_dir is not None:
        raise UsageError("the digits come with scikit-learn and are read from no folder; leave out --data-dir")
    scans = load_digits()
    images = enlarge(scans.images)
    labels = scans.target.astype(np.int64)
    in_test = is_test(labels)
    dataset = Dataset.of(
        "digits",
        ImageSet(images[~in_test], labels[~in_test]),
        ImageSet(images[in_test], labels[in_test]),
        classes=CLASSES,
        flip=False,
        source="Optical Recognition of Handwritten Digits (UCI), as embedded in scikit-learn (load_digits).",
    )
    if dataset.sha256 != SHA256:
        raise DatasetError(
            f"the digits of the installed scikit-learn are not the known ones (SHA-256 {dataset.sha256[:12]}, "
            f"expected {SHA256[:12]}); reinstall it: `{installing('--force-reinstall', 'scikit-learn')}`"
        )
    return dataset


def enlarge(scans: NDArray[np.float64]) -> Images:
    """Scans [N, 8, 8] of whole numbers 0..16 as uint8 [N, 3, 32, 32]: each value a 4 x 4 square, 16 becoming 255."""
    grey = ((scans.astype(np.uint16) * 255 + 8) // 16).astype(np.uint8)
    factor = SIDE // scans.shape[1]
    large = grey.repeat(factor, axis=1).repeat(factor, axis=2)
    return np.ascontiguousarray(np.broadcast_to(large[:, None], (len(large), 3, SIDE, SIDE)))


def is_test(labels: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Which scans are test images, bool [N]: of every class the `TEST_PER_CLASS` with the lowest keys."""
    keys = raw_keys(0, "datasets/digits/split", labels.size)
    chosen = np.zeros(labels.size, dtype=np.bool_)
    for label in range(10):
        members = np.flatnonzero(labels == label)
        order = np.argsort(keys[members], kind="stable")
        chosen[members[order[:TEST_PER_CLASS]]] = True
    return chosen
