import hashlib
import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sis_edge.datasets.base import ImageSet, digest, pixel_statistics
from sis_edge.datasets.images import grey_to_rgb
from sis_edge.registries import DATASETS


def image_set(seed: int, count: int) -> ImageSet:
    random = np.random.default_rng(seed)
    return ImageSet(
        random.integers(0, 256, (count, 3, 32, 32), dtype=np.uint8), random.integers(0, 10, count, dtype=np.int64)
    )


@settings(max_examples=20, deadline=None)
@given(seed=st.integers(0, 2**32), count=st.integers(1, 7))
def test_statistics_are_those_of_the_scaled_pixels(seed: int, count: int) -> None:
    images = image_set(seed, count).images
    mean, std = pixel_statistics(images)
    scaled = images / 255
    assert mean == pytest.approx(scaled.mean(axis=(0, 2, 3)), rel=1e-12)
    assert std == pytest.approx(scaled.std(axis=(0, 2, 3)), rel=1e-9)


def test_statistics_go_over_chunks_and_extremes() -> None:
    images = np.zeros((2003, 3, 32, 32), dtype=np.uint8)
    images[:, 1] = 255
    images[1500:, 2] = 255
    mean, std = pixel_statistics(images)
    share = 503 / 2003
    assert mean == pytest.approx((0, 1, share))
    assert std == pytest.approx((0, 0, (share * (1 - share)) ** 0.5))


def test_digest_sees_every_part() -> None:
    train, test = image_set(1, 3), image_set(2, 2)
    known = digest(train, test)
    assert digest(ImageSet(train.images.copy(), train.labels.copy()), test) == known
    assert digest(test, train) != known
    for part in (train, test):
        part.images[0, 2, 31, 31] ^= 1
        assert digest(train, test) != known
        part.images[0, 2, 31, 31] ^= 1
        part.labels[-1] ^= 1
        assert digest(train, test) != known
        part.labels[-1] ^= 1
    assert digest(train, test) == known


@pytest.mark.parametrize(
    ("images", "labels", "what"),
    [
        (np.zeros((2, 32, 32, 3), np.uint8), np.zeros(2, np.int64), r"images must be uint8 \[N, 3, height, width\]"),
        (np.zeros((2, 3, 32, 32), np.float32), np.zeros(2, np.int64), "not float32"),
        (np.zeros((2, 3, 32, 32), np.uint8), np.zeros(3, np.int64), r"labels must be int64 \[2\], not int64 \[3\]"),
        (np.zeros((2, 3, 32, 32), np.uint8), np.zeros(2, np.uint8), "not uint8"),
    ],
)
def test_other_shapes_and_types_are_refused(images: np.ndarray, labels: np.ndarray, what: str) -> None:
    with pytest.raises(ValueError, match=what):
        ImageSet(images, labels)


def test_grey_images_are_centred() -> None:
    grey = np.full((2, 28, 28), 7, dtype=np.uint8)
    grey[1, 0, 0] = 200
    images = grey_to_rgb(grey)
    assert images.shape == (2, 3, 32, 32)
    assert (images[:, :, 2:30, 2:30] > 0).all()
    assert int((images > 0).sum()) == 2 * 3 * 28 * 28
    assert images[1, :, 2, 2].tolist() == [200, 200, 200]


def test_registry_names() -> None:
    assert list(DATASETS) == ["digits", "cifar10", "cifar100", "svhn", "fashion_mnist"]


def test_import_is_cheap() -> None:
    heavy = {"torch", "sklearn", "scipy", "pooch", "requests", "rich", "PIL", "platformdirs"}
    program = f"import sys, sis_edge.datasets; print(sorted({heavy} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_images_may_have_any_size() -> None:
    train = ImageSet(np.zeros((3, 3, 48, 20), np.uint8), np.zeros(3, np.int64))
    assert train.size == (48, 20)
    with pytest.raises(ValueError, match="images must be uint8"):
        ImageSet(np.zeros((3, 3, 0, 20), np.uint8), np.zeros(3, np.int64))


def test_digest_tells_shapes_of_the_same_bytes_apart() -> None:
    pixels, labels = np.arange(2 * 3 * 8 * 18, dtype=np.uint8), np.zeros(2, np.int64)
    shapes = [(2, 3, 8, 18), (2, 3, 18, 8), (2, 3, 12, 12)]
    parts = [ImageSet(pixels.reshape(shape), labels) for shape in shapes]
    assert len({digest(part, part) for part in parts}) == 3


def test_digest_tells_labels_beyond_a_byte_apart() -> None:
    images = np.zeros((2, 3, 32, 32), np.uint8)
    parts = [ImageSet(images, np.array([1, label])) for label in (44, 300)]
    assert len({digest(part, part) for part in parts}) == 2


def test_the_digest_of_bytes_stays_what_it_was() -> None:
    """That of the data sets of 32 x 32 images with up to 256 classes: images, then a byte a label."""
    part = image_set(3, 5)
    plain = hashlib.sha256(2 * (part.images.tobytes() + part.labels.astype(np.uint8).tobytes()))
    assert digest(part, part) == plain.hexdigest()
