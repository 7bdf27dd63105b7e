import hashlib
from pathlib import Path

import numpy as np
import pytest
from scipy.io import savemat

from sis_edge.datasets import svhn
from sis_edge.datasets.base import Places
from sis_edge.errors import DatasetError

from .svhn_files import write

COUNTS = {"train_32x32.mat": 5, "extra_32x32.mat": 7, "test_32x32.mat": 12}


def md5_of(folder: Path) -> dict[str, str]:
    return {name: hashlib.md5((folder / name).read_bytes()).hexdigest() for name in COUNTS}


@pytest.fixture
def official(tmp_path: Path) -> Path:
    """A folder with three small files in the official layout."""
    folder = tmp_path / "official"
    write(folder, COUNTS, seed=32)
    return folder


def test_layout_and_labels(official: Path, tmp_path: Path) -> None:
    from scipy.io import loadmat

    data = svhn.load(Places(official, tmp_path / "cache", progress=False), checksums=md5_of(official))
    assert (len(data.train), len(data.test)) == (12, 12)
    assert data.test.labels.tolist() == [1, 2, 3, 4, 5, 6, 7, 8, 9, 0, 1, 2]
    assert data.train.labels.tolist() == [1, 2, 3, 4, 5, 1, 2, 3, 4, 5, 6, 7]
    extra = loadmat(official / "extra_32x32.mat")["X"]
    assert data.train.images[5 + 6, 2, 30, 1] == extra[30, 1, 2, 6]
    assert np.array_equal(data.train.images[5:], np.moveaxis(extra, (3, 2), (0, 1)))
    assert data.classes == tuple("0123456789")
    assert not data.flip
    assert data.source.endswith("from the folder of --data-dir.")


def test_download_keeps_what_has_arrived(
    official: Path, served: tuple[Path, str], tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    folder, url = served
    (folder / "train_32x32.mat").write_bytes((official / "train_32x32.mat").read_bytes())
    places = Places(None, tmp_path / "cache", progress=False)
    with pytest.raises(DatasetError, match=r"svhn's extra_32x32\.mat .*\n.*official host: .*404.*\n.*--data-dir"):
        svhn.load(places, checksums=md5_of(official), url=url)
    assert (places.folder / "train_32x32.mat").exists()
    places = Places(official, tmp_path / "cache", progress=False)
    data = svhn.load(places, checksums=md5_of(official), url=url)
    assert data.source.endswith("from the folder of --data-dir.")
    assert caplog.text == ""


def test_missing_and_damaged_copies(official: Path, closed_url: str, tmp_path: Path) -> None:
    checksums = md5_of(official)
    (official / "test_32x32.mat").write_bytes(b"MATLAB")
    places = Places(official, tmp_path / "cache", progress=False)
    with pytest.raises(DatasetError, match=r"data-dir does not have svhn's test_32x32\.mat: .* is damaged \(6 bytes"):
        svhn.load(places, checksums=checksums, url=closed_url)
    (official / "test_32x32.mat").unlink()
    with pytest.raises(DatasetError, match=rf"test_32x32\.mat: {official} has no test_32x32\.mat; name another folder"):
        svhn.load(places, checksums=checksums, url=closed_url)


@pytest.mark.parametrize(
    "content",
    [
        {"X": np.zeros((32, 32, 3, 4), np.uint8)},
        {"X": np.zeros((32, 32, 4), np.uint8), "y": np.zeros((4, 1))},
        {"X": np.zeros((32, 32, 3, 4), np.uint8), "y": np.zeros((3, 1))},
        {"other": np.zeros(3)},
    ],
)
def test_other_layouts_are_refused(tmp_path: Path, content: dict[str, np.ndarray]) -> None:
    savemat(tmp_path / "other.mat", content)
    with pytest.raises(DatasetError, match="does not have the layout of SVHN's cropped digits"):
        svhn.read([tmp_path / "other.mat"])
