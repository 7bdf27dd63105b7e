import hashlib
import io
import shutil
import tarfile
from pathlib import Path

import numpy as np
import pytest

from sis_edge.datasets import cifar100
from sis_edge.datasets.base import Places
from sis_edge.errors import DatasetError

COARSE, FINE = 7, 93


def archive(path: Path, *, names: str = "\n".join(cifar100.CLASSES) + "\n", cut: int = 0, fine: int = FINE) -> Path:
    """An archive of the official layout: 6 training and 4 test images."""
    path.parent.mkdir(parents=True, exist_ok=True)
    numbers = np.random.default_rng(100)
    with tarfile.open(path, "w:gz") as tar:
        for name, count in (("train.bin", 6), ("test.bin", 4)):
            records = numbers.integers(0, 256, (count, 3074), dtype=np.uint8)
            records[:, 0], records[:, 1] = COARSE, np.arange(count)
            records[-1, 1] = fine
            add(tar, name, records.tobytes()[: 3074 * count - cut])
        add(tar, "fine_label_names.txt", names.encode())
    return path


def add(tar: tarfile.TarFile, name: str, content: bytes) -> None:
    entry = tarfile.TarInfo(f"cifar-100-binary/{name}")
    entry.size = len(content)
    tar.addfile(entry, io.BytesIO(content))


def checksums(path: Path) -> dict[str, str]:
    return {cifar100.ARCHIVE: hashlib.sha256(path.read_bytes()).hexdigest()}


def test_fine_classes_are_read(tmp_path: Path) -> None:
    path = archive(tmp_path / "own" / cifar100.ARCHIVE)
    data = cifar100.load(Places(path.parent, tmp_path / "cache", False), checksums=checksums(path))
    assert data.train.labels.tolist() == [0, 1, 2, 3, 4, FINE]
    assert data.test.labels.tolist() == [0, 1, 2, FINE]
    assert len(set(data.classes)) == 100
    assert data.classes == tuple(sorted(data.classes))
    assert data.source.endswith("official binary version by SHA-256, from the folder of --data-dir.")
    with tarfile.open(path) as tar:
        file = tar.extractfile("cifar-100-binary/train.bin")
        assert file is not None
        record = np.frombuffer(file.read(), np.uint8).reshape(-1, 3074)[2]
    # Channel by channel, row by row, behind two labels: the second row of green starts at 2 + 1024 + 32.
    assert data.train.images[2, 1, 1].tolist() == record[1058:1090].tolist()


def test_the_official_host(served: tuple[Path, str], tmp_path: Path) -> None:
    path = archive(tmp_path / "made" / cifar100.ARCHIVE)
    shutil.copy(path, served[0])
    known = checksums(path)
    places = Places(None, tmp_path / "cache", False)
    routes = cifar100.default_routes(places, url=f"{served[1]}/{path.name}", checksum=known[path.name])
    data = cifar100.load(places, checksums=known, routes=routes)
    assert len(data.train) == 6
    assert data.source.endswith("from the official host.")


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"cut": 1}, r"does not have the layout of CIFAR-100; delete it and load again"),
        ({"fine": 100}, r"has a fine class 100, of 100"),
        ({"names": "apple"}, r"has unexpected classes in fine_label_names\.txt"),
    ],
)
def test_other_contents(changes: dict[str, int], sentence: str, tmp_path: Path) -> None:
    path = archive(tmp_path / cifar100.ARCHIVE, **changes)  # type: ignore[arg-type]
    with pytest.raises(DatasetError, match=sentence):
        cifar100.read(path)


def test_folders_without_the_archive(tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match=r"has no cifar-100-binary\.tar\.gz"):
        cifar100.from_folder(tmp_path, tmp_path)
    (tmp_path / "cifar-100-python.tar.gz").touch()
    with pytest.raises(DatasetError, match="pickles and are never loaded"):
        cifar100.from_folder(tmp_path, tmp_path)


def test_an_archive_that_is_cut_off(tmp_path: Path) -> None:
    path = archive(tmp_path / cifar100.ARCHIVE)
    path.write_bytes(path.read_bytes()[:5000])
    with pytest.raises(DatasetError, match=r"is damaged or has unexpected contents"):
        cifar100.read(path)
