import numpy as np
import pytest

from sis_edge import datasets
from sis_edge.datasets import digits
from sis_edge.errors import DatasetError, UsageError


def test_split_is_stratified_and_complete() -> None:
    data = datasets.load("digits")
    assert (len(data.train), len(data.test)) == (1297, 500)
    assert np.bincount(data.test.labels).tolist() == [50] * 10
    assert np.bincount(data.train.labels).tolist() == [128, 132, 127, 133, 131, 132, 131, 129, 124, 130]
    assert data.classes == tuple("0123456789")
    assert not data.flip


def test_no_scan_is_lost_and_pixels_are_the_scans() -> None:
    from sklearn.datasets import load_digits

    scans = load_digits()
    large = digits.enlarge(scans.images)
    assert large.shape == (1797, 3, 32, 32)
    assert large.max() == 255
    assert np.array_equal(large[:, 1, 2::4, 1::4], np.rint(scans.images * 255 / 16).astype(np.uint8))
    data = datasets.load("digits")
    loaded = np.concatenate([data.train.images, data.test.images])
    assert sorted(map(bytes, loaded)) == sorted(map(bytes, large))


def test_enlarged_values_keep_their_place() -> None:
    scan = np.zeros((1, 8, 8))
    scan[0, 0, 7] = 16
    scan[0, 1, 0] = 1
    large = digits.enlarge(scan)
    assert (large[0, :, 0:4, 28:32] == 255).all()
    assert (large[0, :, 4:8, 0:4] == 16).all()
    assert int(large.astype(np.int64).sum()) == 3 * 16 * (255 + 16)


def test_other_scans_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(digits, "SHA256", "0" * 64)
    with pytest.raises(DatasetError, match=r"scikit-learn brings other digits.*da189819564c"):
        datasets.load("digits")


def test_unknown_name_lists_the_known() -> None:
    with pytest.raises(UsageError, match="unknown data set 'mnist'; did you mean fashion_mnist"):
        datasets.load("mnist")
