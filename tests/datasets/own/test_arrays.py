from pathlib import Path
from typing import Any

import numpy as np
import pytest

from sis_agent.schema import Resize
from sis_edge.datasets.base import Split
from sis_edge.datasets.own import OwnData, npz
from sis_edge.errors import DatasetError

from .pictures import load

NUMBERS = np.random.default_rng(3)
IMAGES = NUMBERS.integers(0, 256, (20, 8, 6, 3), dtype=np.uint8)
LABELS = np.arange(20) % 2


def saved(tmp_path: Path, **arrays: Any) -> OwnData:
    np.savez(tmp_path / "data.npz", **arrays)
    return OwnData(tmp_path / "data.npz")


def divided(tmp_path: Path, **changes: Any) -> OwnData:
    arrays = {"x_train": IMAGES[:14], "y_train": LABELS[:14], "x_test": IMAGES[14:], "y_test": LABELS[14:]}
    return saved(tmp_path, **(arrays | changes))


def pairs(images: Any, labels: Any) -> set[tuple[bytes, int]]:
    return {(np.ascontiguousarray(image).tobytes(), int(label)) for image, label in zip(images, labels, strict=True)}


def test_given_parts(tmp_path: Path) -> None:
    data = load(divided(tmp_path), tmp_path)
    assert data.size == (8, 6)
    assert data.classes == ("0", "1")
    assert data.split == Split("data.npz", "given", 0)
    assert pairs(data.train.images, data.train.labels) == pairs(IMAGES[:14].transpose(0, 3, 1, 2), LABELS[:14])
    assert pairs(data.test.images, data.test.labels) == pairs(IMAGES[14:].transpose(0, 3, 1, 2), LABELS[14:])


def test_parts_by_seed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    own = saved(tmp_path, images=IMAGES, labels=LABELS)
    data = load(own, tmp_path)
    assert data.split == Split("data.npz", "seed", 0, 0.2)
    assert np.bincount(data.train.labels).tolist() == [8, 8]
    assert np.bincount(data.test.labels).tolist() == [2, 2]
    both = pairs(data.train.images, data.train.labels) | pairs(data.test.images, data.test.labels)
    assert both == pairs(IMAGES.transpose(0, 3, 1, 2), LABELS)
    monkeypatch.setattr(npz, "CHUNK_BYTES", 300)  # two images a part
    assert load(own, tmp_path / "in parts").sha256 == data.sha256
    assert load(OwnData(own.path, seed=1), tmp_path).sha256 != data.sha256


def test_every_order_of_axes_is_the_same_data(tmp_path: Path) -> None:
    first = load(saved(tmp_path, images=IMAGES, labels=LABELS), tmp_path)
    second = load(saved(tmp_path, images=np.ascontiguousarray(IMAGES.transpose(0, 3, 1, 2)), labels=LABELS), tmp_path)
    assert first.sha256 == second.sha256
    grey = IMAGES[..., 0]
    kinds = {load(saved(tmp_path, images=each, labels=LABELS), tmp_path).sha256 for each in (grey, grey[..., None])}
    assert kinds == {load(saved(tmp_path, images=grey[:, None], labels=LABELS), tmp_path).sha256}


def test_labels_of_text_and_names_of_classes(tmp_path: Path) -> None:
    text = np.where(LABELS == 1, "bee", "ant")
    assert load(saved(tmp_path, images=IMAGES, labels=text), tmp_path).classes == ("ant", "bee")
    named = load(saved(tmp_path, images=IMAGES, labels=text, classes=np.array(["bee", "ant", "cat"])), tmp_path)
    assert named.classes == ("bee", "ant", "cat")
    numbered = saved(tmp_path, images=IMAGES, labels=1 - LABELS, classes=np.array(["bee", "ant", "cat"]))
    assert load(numbered, tmp_path).sha256 == named.sha256
    assert load(saved(tmp_path, images=IMAGES, labels=10 * LABELS[:, None] + 5), tmp_path).classes == ("5", "15")


def test_resize(tmp_path: Path) -> None:
    own = divided(tmp_path, x_test=np.zeros((6, 5, 5, 3), np.uint8))
    with pytest.raises(DatasetError, match=r"different sizes .*; use --resize 96"):
        load(own, tmp_path)
    data = load(OwnData(own.path, resize=Resize(4, 4)), tmp_path)
    assert data.size == (4, 4)
    assert len(data.test) == 6
    assert not data.test.images.any()
    assert data.train.images.std() > 10


@pytest.mark.parametrize(
    ("arrays", "sentence"),
    [
        ({"images": IMAGES / 255, "labels": LABELS}, r"images is float64, and images must be uint8 .*\(255 \* x\)"),
        ({"images": IMAGES[:, :3, :, :], "labels": LABELS}, r"\[20, 3, 6, 3\], which can be NHWC and NCHW"),
        ({"images": np.zeros((20, 8, 6, 4), np.uint8), "labels": LABELS}, "neither axis 1 nor the last has 1 or 3"),
        ({"images": IMAGES[0, 0], "labels": LABELS}, r"has the shape \[6, 3\], and images are NHWC, NCHW or NHW"),
        ({"images": np.asfortranarray(IMAGES), "labels": LABELS}, "Fortran order"),
        ({"images": IMAGES, "labels": LABELS[:19]}, r"labels is int64 \[19\], and must be 20 whole numbers or texts"),
        ({"images": IMAGES, "labels": LABELS / 2}, r"labels is float64 \[20\]"),
        ({"images": IMAGES, "labels": LABELS * 0}, r"has one class \('0'\), and a classifier needs two or more"),
        ({"images": IMAGES, "labels": np.arange(20) // 19}, "class '1' has 1 image, and a split .* needs 2"),
        ({"images": IMAGES, "labels": LABELS, "classes": np.array(["a"])}, "has one class"),
        ({"images": IMAGES, "labels": LABELS + 1, "classes": np.array(["a", "b"])}, "the label 2, which classes does"),
        ({"images": IMAGES, "labels": LABELS, "classes": np.array(["a", "a"])}, "classes has a name twice"),
        ({"images": IMAGES, "labels": LABELS.astype(object)}, "labels has Python objects, which are never loaded"),
        ({"images": IMAGES}, "has images and lacks labels; it must have x_train, y_train, x_test, y_test, or images"),
        ({"x_train": IMAGES, "y_train": LABELS, "x_test": IMAGES}, "lacks y_test"),
        ({}, "has no arrays and lacks images, labels"),
    ],
)
def test_arrays_that_are_no_data_set(arrays: dict[str, Any], sentence: str, tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match=sentence):
        load(saved(tmp_path, **arrays), tmp_path)
    assert {path.name for path in (tmp_path / "cache/datasets/own").glob("*")} <= {".lock"}


def test_labels_of_test_that_train_lacks(tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match="y_test has the label 7, which y_train does not have"):
        load(divided(tmp_path, y_test=np.full(6, 7)), tmp_path)
    with pytest.raises(DatasetError, match="must both be numbers, or both text"):
        load(divided(tmp_path, y_test=np.full(6, "0")), tmp_path)


def test_files_that_are_no_npz(tmp_path: Path) -> None:
    (tmp_path / "text.npz").write_text("not an archive")
    with pytest.raises(DatasetError, match=r"text\.npz cannot be read as an \.npz file \(File is not a zip file\)"):
        load(OwnData(tmp_path / "text.npz"), tmp_path)
    own = saved(tmp_path, images=IMAGES, labels=LABELS)
    content = bytearray(own.path.read_bytes())
    content[1000] ^= 0xFF
    own.path.write_bytes(content)
    with pytest.raises(DatasetError, match=r"cannot be read as an \.npz file \(Bad CRC-32"):
        load(own, tmp_path)
    content[content.index(b"PK\1\2") + 6] = 195  # the version that reads it
    own.path.write_bytes(content)
    with pytest.raises(DatasetError, match=r"cannot be read as an \.npz file \(zip file version 19\.5"):
        load(own, tmp_path)


def test_compressed(tmp_path: Path) -> None:
    own = saved(tmp_path, images=IMAGES, labels=LABELS)
    known = load(own, tmp_path).sha256
    np.savez_compressed(own.path, images=IMAGES, labels=LABELS)
    assert load(own, tmp_path).sha256 == known
