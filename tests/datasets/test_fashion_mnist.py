import gzip
import hashlib
from pathlib import Path

import numpy as np
import pytest

from sis_edge.datasets import fashion_mnist
from sis_edge.datasets.base import Dataset, Places
from sis_edge.errors import DatasetError

from .conftest import sha256_of, unreachable

NAMES = tuple(fashion_mnist.CHECKSUMS)
COUNTS = {"train": 6, "t10k": 3}


@pytest.fixture
def plain(tmp_path: Path) -> Path:
    """A folder with four small IDX files."""
    folder = tmp_path / "plain"
    folder.mkdir()
    random = np.random.default_rng(28)
    for part, count in COUNTS.items():
        images = random.integers(0, 256, (count, 28, 28), dtype=np.uint8)
        labels = random.integers(0, 10, count, dtype=np.uint8)
        header = count.to_bytes(4, "big")
        side = (28).to_bytes(4, "big")
        (folder / f"{part}-images-idx3-ubyte").write_bytes(b"\0\0\x08\x03" + header + 2 * side + images.tobytes())
        (folder / f"{part}-labels-idx1-ubyte").write_bytes(b"\0\0\x08\x01" + header + labels.tobytes())
    return folder


def pack(plain: Path, folder: Path) -> Path:
    """The files as .gz, as all sources have them."""
    folder.mkdir(parents=True, exist_ok=True)
    for name in NAMES:
        (folder / f"{name}.gz").write_bytes(gzip.compress((plain / name).read_bytes()))
    return folder


def check(data: Dataset, plain: Path) -> None:
    for part, images in (("train", data.train), ("t10k", data.test)):
        raw = np.frombuffer((plain / f"{part}-images-idx3-ubyte").read_bytes()[16:], dtype=np.uint8)
        assert len(images) == COUNTS[part]
        for channel in range(3):
            assert images.images[:, channel, 2:30, 2:30].tobytes() == raw.tobytes()
        labels = (plain / f"{part}-labels-idx1-ubyte").read_bytes()[8:]
        assert images.labels.tolist() == list(labels)
    assert data.flip
    assert len(data.classes) == 10


@pytest.mark.parametrize("kind", ["plain", "packed", "torchvision's"])
def test_data_dir(plain: Path, tmp_path: Path, kind: str) -> None:
    data_dir = {"plain": plain, "packed": tmp_path / "packed", "torchvision's": tmp_path / "root"}[kind]
    if kind == "packed":
        pack(plain, data_dir)
    elif kind == "torchvision's":
        pack(plain, data_dir / "FashionMNIST" / "raw")
    places = Places(data_dir, tmp_path / "cache", progress=False)
    data = fashion_mnist.load(places, checksums=sha256_of(plain, NAMES))
    check(data, plain)
    assert data.source.endswith("from the folder of --data-dir.")


def test_installed_package(plain: Path, tmp_path: Path) -> None:
    pack(plain, tmp_path / "root" / fashion_mnist.DEBIAN_FOLDER)
    places = Places(None, tmp_path / "cache", progress=False)
    routes = fashion_mnist.default_routes(places, root=tmp_path / "root")
    data = fashion_mnist.load(places, checksums=sha256_of(plain, NAMES), routes=routes)
    check(data, plain)
    assert data.source.endswith("from the installed package dataset-fashion-mnist.")


def test_official_archives(plain: Path, served: tuple[Path, str], tmp_path: Path) -> None:
    pack(plain, served[0])
    md5 = {name: hashlib.md5((served[0] / f"{name}.gz").read_bytes()).hexdigest() for name in NAMES}
    places = Places(None, tmp_path / "cache", progress=False)
    routes = fashion_mnist.default_routes(places, root=tmp_path, url=served[1], archive_md5=md5)
    data = fashion_mnist.load(places, checksums=sha256_of(plain, NAMES), routes=routes)
    check(data, plain)
    assert data.source.endswith("from the official archives.")


def test_debian_package_is_taken_when_the_host_is_out_of_reach(
    plain: Path, tools: Path, closed_url: str, tmp_path: Path
) -> None:
    pack(plain, tmp_path / "package" / fashion_mnist.DEBIAN_FOLDER)
    for name, script in (
        ("apt-get", "touch x.deb"),
        ("dpkg-deb", f'cp -r {tmp_path}/package "$3"'),
    ):
        (tools / name).write_text(f"#!/bin/sh\n{script}\n")
        (tools / name).chmod(0o755)
    places = Places(None, tmp_path / "cache", progress=False)
    routes = fashion_mnist.default_routes(places, root=tmp_path, url=closed_url)
    data = fashion_mnist.load(places, checksums=sha256_of(plain, NAMES), routes=routes)
    check(data, plain)
    assert data.source.endswith("from Debian's package dataset-fashion-mnist.")


def test_a_damaged_copy_is_an_error_and_no_other_route_is_taken(plain: Path, tmp_path: Path) -> None:
    data_dir = pack(plain, tmp_path / "packed")
    pack(plain, tmp_path / "root" / fashion_mnist.DEBIAN_FOLDER)
    damaged = data_dir / f"{NAMES[2]}.gz"
    damaged.write_bytes(damaged.read_bytes()[:-9])
    with pytest.raises(DatasetError, match=rf"^{damaged.name} is damaged"):
        fashion_mnist.from_folder(data_dir, tmp_path)
    places = Places(data_dir, tmp_path / "cache", progress=False)
    routes = fashion_mnist.default_routes(places, root=tmp_path / "root")
    with pytest.raises(DatasetError, match=rf"--data-dir does not have fashion_mnist: {damaged.name} is damaged"):
        fashion_mnist.load(places, checksums=sha256_of(plain, NAMES), routes=routes)


def test_missing_file_is_named(plain: Path, tmp_path: Path) -> None:
    (plain / NAMES[3]).unlink()
    with pytest.raises(DatasetError, match=rf"{plain} has neither {NAMES[3]} nor {NAMES[3]}\.gz"):
        fashion_mnist.from_folder(plain, tmp_path)


@pytest.mark.parametrize("change", ["magic", "short", "long", "empty"])
def test_other_files_are_no_idx(plain: Path, change: str) -> None:
    path = plain / NAMES[0]
    content = path.read_bytes()
    changed = {"magic": b"\0\0\x0d" + content[3:], "short": content[:-1], "long": content + b"\0", "empty": b""}
    path.write_bytes(changed[change])
    with pytest.raises(DatasetError, match="is not an IDX file of bytes in 3 dimensions"):
        fashion_mnist.read_idx(path, dimensions=3)


@pytest.mark.slow
def test_the_real_thing(tmp_path: Path) -> None:
    places = Places(None, tmp_path / "cache", progress=False)
    try:
        data = fashion_mnist.load(places)
    except DatasetError as error:
        if "is damaged" in str(error):
            raise
        unreachable(f"Fashion-MNIST is out of reach: {error}")
    assert np.bincount(data.train.labels).tolist() == [6000] * 10
    assert np.bincount(data.test.labels).tolist() == [1000] * 10
    # The published statistics 0.2860 and 0.3530 are of 28 x 28; the padding adds zeros.
    share = 28 * 28 / (32 * 32)
    assert data.mean[0] == pytest.approx(0.2860 * share, abs=1e-4)
    assert data.std[0] == pytest.approx((share * (0.3530**2 + 0.2860**2) - (0.2860 * share) ** 2) ** 0.5, abs=1e-4)
    assert data.sha256 == "f19876c93f7ea0624b1844fa967be4943ce53cfda84aa4a78651cf4d8207594e"
