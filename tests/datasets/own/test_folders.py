import json
from pathlib import Path

import numpy as np
import pytest

from sis_agent.schema import Resize
from sis_edge.datasets.base import Split
from sis_edge.datasets.own import OwnData, folders
from sis_edge.errors import DatasetError, UsageError

from .pictures import folder, load, pixels, save


def test_what_a_folder_becomes(tmp_path: Path) -> None:
    data = load(OwnData(folder(tmp_path / "my insects", ("ant", "bee", "cat"), 5), test_share=0.4), tmp_path)
    assert (data.name, data.classes, data.flip, data.resize) == ("my-insects", ("ant", "bee", "cat"), False, None)
    assert (len(data.train), len(data.test), data.size) == (9, 6, (32, 32))
    assert data.split == Split("my insects", "seed", 0, 0.4)
    assert data.source == "The user's own images in my insects, 40% of each class for test by seed 0."
    everything = {image.tobytes() for part in (data.train, data.test) for image in part.images}
    assert everything == {pixels(1000 * c + n).transpose(2, 0, 1).tobytes() for c in range(3) for n in range(5)}


def test_the_second_time_nothing_is_decoded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    own = OwnData(folder(tmp_path / "data"))
    first = load(own, tmp_path)
    monkeypatch.setattr(folders, "decode", None)
    again = load(own, tmp_path)
    assert (again.sha256, again.mean, again.std, again.split, again.classes, again.source) == (
        *(first.sha256, first.mean, first.std, first.split, first.classes),
        first.source,
    )
    assert (again.train.images == first.train.images).all()
    assert (again.test.labels == first.test.labels).all()


def test_what_changes_is_decoded_again(tmp_path: Path) -> None:
    root = folder(tmp_path / "data")
    known = {load(OwnData(root), tmp_path).sha256}

    def is_new(own: OwnData) -> bool:
        before = len(known)
        known.add(load(own, tmp_path).sha256)
        return len(known) > before

    assert is_new(OwnData(root, seed=1))
    assert is_new(OwnData(root, test_share=0.5))
    assert is_new(OwnData(root, resize=Resize(16, 16)))
    save(root / "ant" / "0.png", pixels(77))
    assert is_new(OwnData(root))
    (root / "bee" / "3.png").unlink()
    assert is_new(OwnData(root))
    assert not is_new(OwnData(root, flip=True))
    assert load(OwnData(root, flip=True), tmp_path).flip


def test_a_damaged_cache_is_made_again(tmp_path: Path) -> None:
    own = OwnData(folder(tmp_path / "data"))
    first = load(own, tmp_path)
    (packed,) = (tmp_path / "cache/datasets/own").glob("data-*")
    for name, content in (("test.u8", b"short"), ("data.json", b"{"), ("data.json", b'{"size": [32, 32]}')):
        (packed / name).write_bytes(content)
        assert load(own, tmp_path).sha256 == first.sha256
    (packed / "train-labels.npy").unlink()
    assert load(own, tmp_path).sha256 == first.sha256


def test_an_interruption_leaves_nothing_that_counts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    own = OwnData(folder(tmp_path / "data"))

    def interrupted(path: Path, resize: Resize | None) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(folders, "decode", interrupted)
        with pytest.raises(KeyboardInterrupt):
            load(own, tmp_path)
    cache = tmp_path / "cache/datasets/own"
    assert [path.name for path in cache.iterdir()] == [".lock"]
    (cache / ".part-killed").mkdir()  # what a power cut leaves
    load(own, tmp_path)
    assert not (cache / ".part-killed").exists()


def test_images_of_different_sizes(tmp_path: Path) -> None:
    root = folder(tmp_path / "data")
    save(root / "bee" / "wide.png", pixels(1, 32, 48))
    with pytest.raises(DatasetError) as caught:
        load(OwnData(root), tmp_path)
    text = str(caught.value)
    assert str(root / "bee" / "wide.png") in text
    assert "32 x 48" in text
    assert "32 x 32" in text
    assert text.count(".png") == 2
    assert "--resize 96" in text
    resized = load(OwnData(root, resize=Resize(24, 16)), tmp_path)
    assert resized.size == (24, 16)
    assert resized.resize == Resize(24, 16, "fit-bilinear")


def test_damaged_images_are_named_and_skipped_only_where_asked(tmp_path: Path) -> None:
    root = folder(tmp_path / "data")
    (root / "ant" / "3.png").write_bytes(b"")
    path = root / "bee" / "5.png"
    path.write_bytes(path.read_bytes()[:1500])  # its header is whole
    (root / "bee" / "7.png").unlink()
    (root / "bee" / "7.png").symlink_to("nowhere")
    with pytest.raises(DatasetError) as caught:
        load(OwnData(root, resize=Resize(32, 32)), tmp_path)
    text = str(caught.value)
    assert all(str(root / name) in text for name in ("ant/3.png", "bee/5.png", "bee/7.png"))
    assert "3 images cannot be used" in text
    assert text.endswith("replace or remove the damaged, or leave them out with --skip-damaged")
    for resize in (None, Resize(32, 32)):
        data = load(OwnData(root, resize=resize, skip_damaged=True), tmp_path)
        assert len(data.train) + len(data.test) == 17
        assert data.split is not None
        assert data.split.skipped == ("ant/3.png", "bee/5.png", "bee/7.png")
        assert data.source.endswith("; 3 damaged images left out.")
        assert len(data.train.labels) == len(data.train.images)
    with pytest.raises(DatasetError, match=r"ant/3\.png is not a JPEG or PNG image; 2 images cannot be used"):
        load(OwnData(root), tmp_path)


def test_a_class_of_damaged_images_only(tmp_path: Path) -> None:
    root = folder(tmp_path / "data")
    for path in (root / "bee").iterdir():
        path.write_bytes(b"")
    with pytest.raises(DatasetError, match=r"all images of class 'bee' for train in .*data are damaged"):
        load(OwnData(root, skip_damaged=True), tmp_path)


def test_a_folder_of_damaged_images_only(tmp_path: Path) -> None:
    root = folder(tmp_path / "data")
    for path in root.rglob("*.png"):
        path.write_bytes(b"")
    with pytest.raises(DatasetError, match=r"20 images cannot be used: .* and 8 more; replace"):
        load(OwnData(root, skip_damaged=True), tmp_path)


def test_no_room_on_the_disk_is_said_before_the_work(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from sis_edge.errors import DiskError

    root = folder(tmp_path / "data")
    usage = type("Usage", (), {"free": 1000})
    monkeypatch.setattr("shutil.disk_usage", lambda path: usage)
    monkeypatch.setattr(folders, "decode", None)
    with pytest.raises(DiskError, match=r"0 MB free and 0\.1 MB are needed"):
        load(OwnData(root), tmp_path)


def test_paths_that_are_no_data(tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match=r"nowhere does not exist; --data takes a folder of images, or an \.npz"):
        load(OwnData(tmp_path / "nowhere"), tmp_path)
    (tmp_path / "a.csv").touch()
    with pytest.raises(DatasetError, match=r"a\.csv is neither a folder nor an \.npz file"):
        load(OwnData(tmp_path / "a.csv"), tmp_path)
    with pytest.raises(UsageError, match="test share is 1, and must be between 0 and 1"):
        OwnData(tmp_path, test_share=1)


@pytest.mark.parametrize(
    ("path", "name"),
    [
        ("my flowers", "my-flowers"),
        ("cifar10", "own-cifar10"),
        ("...", "own"),
        ("Käfer", "Käfer"),
        ("x" * 90, "x" * 40),
    ],
)
def test_names_are_those_of_bundles(path: str, name: str, tmp_path: Path) -> None:
    from sis_edge.files.names import checked

    assert checked("data set", OwnData(tmp_path / path).name) == name


def test_the_order_is_not_that_of_the_classes(tmp_path: Path) -> None:
    data = load(OwnData(folder(tmp_path / "data", count=40)), tmp_path)
    assert 4 < data.train.labels[:20].sum() < 16
    assert 0 < data.train.labels[-20:].sum() < 20
    assert json.dumps(np.bincount(data.train.labels).tolist()) == "[32, 32]"


def test_decoding_goes_over_several_blocks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = load(OwnData(folder(tmp_path / "data")), tmp_path / "one")
    monkeypatch.setattr(folders, "AT_ONCE", 3)
    assert load(OwnData(tmp_path / "data"), tmp_path / "two").sha256 == whole.sha256
