import os
import unicodedata
from collections import Counter
from pathlib import Path

import pytest

from sis_edge.datasets.own.listing import listing
from sis_edge.errors import DatasetError


def touch(root: Path, *names: str) -> Path:
    for name in names:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).touch()
    return root


def many(root: Path, *folders: str, count: int = 10) -> Path:
    return touch(root, *(f"{folder}/{number}.png" for folder in folders for number in range(count)))


def names(root: Path, seed: int = 0, share: float = 0.2) -> tuple[list[str], list[str]]:
    found = listing(root, seed, share)
    return [file.name for file in found.train], [file.name for file in found.test]


def test_a_split_takes_its_share_of_every_class(tmp_path: Path) -> None:
    many(tmp_path, "ant", count=10)
    many(tmp_path, "bee", count=3)
    found = listing(many(tmp_path, "cat", count=40), 0, 0.25)
    assert found.classes == ("ant", "bee", "cat")
    assert Counter(file.label for file in found.test) == {0: 2, 1: 1, 2: 10}
    assert Counter(file.label for file in found.train) == {0: 8, 1: 2, 2: 30}
    assert not found.is_divided


@pytest.mark.parametrize(("count", "share", "tested"), [(2, 0.1, 1), (2, 0.9, 1), (10, 0.99, 9)])
def test_every_class_is_trained_on_and_tested(count: int, share: float, tested: int, tmp_path: Path) -> None:
    found = listing(many(tmp_path, "a", "b", count=count), 0, share)
    assert Counter(file.label for file in found.test) == {0: tested, 1: tested}
    assert Counter(file.label for file in found.train) == {0: count - tested, 1: count - tested}


def test_the_split_depends_on_names_and_seed_only(tmp_path: Path) -> None:
    one, other = tmp_path / "one", tmp_path / "other"
    many(one, "a", "b")
    touch(other, *(f"{folder}/{number}.png" for number in reversed(range(10)) for folder in "ba"))
    assert names(one) == names(other)
    assert names(one, seed=1) != names(one)


def test_the_first_images_are_of_all_classes(tmp_path: Path) -> None:
    found = listing(many(tmp_path, "a", "b", count=100), 0, 0.2)
    for part in (found.train, found.test):
        assert 5 <= sum(file.label for file in part[:20]) <= 15


def test_a_larger_share_keeps_the_test_images_of_a_smaller_one(tmp_path: Path) -> None:
    many(tmp_path, "a", "b")
    assert set(names(tmp_path, share=0.2)[1]) < set(names(tmp_path, share=0.5)[1])


def test_the_users_own_parts(tmp_path: Path) -> None:
    many(tmp_path, "train/a", "train/b", "test/a", "test/b", count=3)
    found = listing(tmp_path, 0, 0.2)
    assert found.is_divided
    assert found.classes == ("a", "b")
    assert {file.name.split("/")[0] for file in found.train} == {"train"}
    assert {file.name.split("/")[0] for file in found.test} == {"test"}


def test_classes_may_be_called_train_and_test(tmp_path: Path) -> None:
    found = listing(many(tmp_path, "train", "test"), 0, 0.2)
    assert found.classes == ("test", "train")


def test_names_with_spaces_unicode_and_capitals(tmp_path: Path) -> None:
    composed = "Käfer"
    touch(
        tmp_path, f"{unicodedata.normalize('NFD', composed)}/1.PNG", f"{unicodedata.normalize('NFD', composed)}/2.JpEg"
    )
    touch(tmp_path, "red admiral/ü 1.jpg", "red admiral/deeper/2.JPG")
    found = listing(tmp_path, 0, 0.5)
    assert found.classes == (composed, "red admiral")
    assert sorted(file.name for file in found.train + found.test) == [
        "Käfer/1.PNG",
        "Käfer/2.JpEg",
        "red admiral/deeper/2.JPG",
        "red admiral/ü 1.jpg",
    ]


def test_hidden_and_other_files_are_left_out(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    many(tmp_path, "a", "b", count=2)
    touch(tmp_path, "a/.hidden.png", ".thumbnails/1.png", "a/.cache/1.png", "__MACOSX/a/1.png", "readme.txt")
    assert sum(map(len, names(tmp_path))) == 4
    assert not caplog.records
    touch(tmp_path, "a/Thumbs.db", "b/1.webp")
    assert sum(map(len, names(tmp_path))) == 4
    assert "2 files are not .jpg, .jpeg or .png and are ignored" in caplog.text


def test_links_to_folders_and_files(tmp_path: Path) -> None:
    many(tmp_path / "elsewhere", "a", count=3)
    root = many(tmp_path / "data", "b", count=3)
    (root / "a").symlink_to(tmp_path / "elsewhere" / "a")
    (root / "b" / "link.png").symlink_to(tmp_path / "elsewhere" / "a" / "0.png")
    (root / "b" / "loop").symlink_to(root)
    assert sum(map(len, names(root))) == 7


@pytest.mark.parametrize(
    ("files", "sentence"),
    [
        ((), r"has no class folders, and a classifier needs two classes or more: .*/CLASS/IMAGE\.png"),
        (("1.png", "2.png"), "has no class folders"),
        (("a/1.png", "a/2.png"), r"has one class folder \(a\), and a classifier needs two"),
        (("a/1.png", "a/2.png", "b/notes.txt"), "the folder of class 'b', has no JPEG or PNG images; add some, or"),
        (("a/1.png", "a/2.png", "b/1.png"), "class 'b' has 1 image, and a split into training and test images needs 2"),
        (("train/a/1.png", "train/b/1.png"), r"has train/ and no test/; add test/, or give .*/train to split it by"),
        (
            ("train/a/1.png", "train/b/1.png", "test/a/1.png", "test/c/1.png"),
            "/test has the class 'c', which .*/train does not have",
        ),
        (("train/a/1.png", "train/b/1.png", "test/a/1.png"), r"/test has one class folder \(a\)"),
    ],
)
def test_folders_that_are_no_data_set(files: tuple[str, ...], sentence: str, tmp_path: Path) -> None:
    touch(tmp_path, *files)
    with pytest.raises(DatasetError, match=sentence):
        listing(tmp_path, 0, 0.2)


def test_a_class_that_is_not_tested_is_said(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    many(tmp_path, "train/a", "train/b", "train/c", "test/a", "test/b", "val/a", count=1)
    assert listing(tmp_path, 0, 0.2).classes == ("a", "b", "c")
    assert "no images of c; accuracy is on the other classes" in caplog.text
    assert "only train/ and test/ are used, not val" in caplog.text


@pytest.mark.skipif(os.geteuid() == 0, reason="root reads every folder")
def test_a_folder_without_permission(tmp_path: Path) -> None:
    many(tmp_path, "a", "b")
    (tmp_path / "a").chmod(0)
    with pytest.raises(DatasetError, match=r"cannot read .*/a"):
        listing(tmp_path, 0, 0.2)
