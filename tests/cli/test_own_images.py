"""`--data` on the command line: what a folder becomes, and what a user's mistakes are answered with."""

import json
from pathlib import Path

import numpy as np
import pytest
from command import sis_edge_here
from PIL import Image

from sis_edge.cli.own_images import chosen, own_images
from sis_edge.datasets import OwnData
from sis_edge.errors import UsageError


def folder(root: Path, classes: tuple[str, ...] = ("ant", "red bee"), side: int = 32) -> Path:
    for label, name in enumerate(classes):
        (root / name).mkdir(parents=True)
        for number in range(5):
            Image.new("RGB", (side, side), (100 * label, number, 0)).save(root / name / f"{number}.png")
    return root


def none(**changes: object) -> OwnData | None:
    given = {"data": None, "resize": None, "test_share": None, "split_seed": None, "skip_damaged": False, "flip": False}
    return chosen(**(given | changes))  # type: ignore[arg-type]


def test_a_folder_is_shown(tmp_path: Path) -> None:
    folder(tmp_path / "my insects")
    words = ("datasets", "show", "--data", "my insects", "--resize", "24x16", "--test-share", "0.4", "--json", "-q")
    done = sis_edge_here(*words, cwd=tmp_path, SIS_EDGE_CACHE=str(tmp_path / "cache"))
    assert done.returncode == 0, done.stderr
    document = json.loads(done.stdout)
    assert (document["name"], document["height"], document["width"]) == ("my-insects", 24, 16)
    assert document["classes"] == [
        {"name": "ant", "train_images": 3, "test_images": 2, "reasons": {}},
        {"name": "red bee", "train_images": 3, "test_images": 2, "reasons": {}},
    ]
    assert document["mean"][0] == pytest.approx(50 / 255)
    assert document["std"][2] == 0
    assert document["skipped"] == []


@pytest.mark.parametrize(
    ("words", "code", "sentence"),
    [
        (("build", "--profile", "local", "--data", "one"), 3, "one has one class folder (ant), and a classifier needs"),
        (
            ("build", "--profile", "local", "--networks", "nin", "--data", "large"),
            2,
            "takes images of 32 x 32, large has 40 x 40; resize",
        ),
        (("sweep", "--preset", "nin", "--data", "mixed"), 3, "make all images of one size, such as with --resize 96"),
    ],
)
def test_mistakes_end_with_one_sentence(words: tuple[str, ...], code: int, sentence: str, tmp_path: Path) -> None:
    folder(tmp_path / "one", ("ant",))
    folder(tmp_path / "large", side=40)
    Image.new("RGB", (8, 8)).save(folder(tmp_path / "mixed") / "ant" / "small.png")
    done = sis_edge_here(*words, cwd=tmp_path, SIS_EDGE_CACHE=str(tmp_path / "cache"))
    assert done.returncode == code, done.stderr
    assert "Traceback" not in done.stderr
    assert sum(line.startswith("Error: ") for line in done.stderr.splitlines()) == 1
    assert sentence in " ".join(done.stderr.split())
    assert not list((tmp_path / "build").glob("local-*"))


def test_options_are_for_own_images_only() -> None:
    assert none() is None
    given = {"resize": "96", "test_share": 0.5, "split_seed": 0, "skip_damaged": True, "flip": True}
    for name, value in given.items():
        option = f"--{name.replace('_', '-')}"
        with pytest.raises(UsageError, match=f"{option} is for your own images; name their folder or file with --data"):
            none(**{name: value})


@pytest.mark.parametrize("text", ["", "x", "96x", "0", "96x96x3", "-1", "5000", "wide", "9.5"])
def test_sizes_that_are_none(text: str) -> None:
    with pytest.raises(UsageError, match=r"--resize is '.*', and must be a side in pixels"):
        none(data=Path("a"), resize=text)


def test_a_command_gets_what_the_options_name() -> None:
    given: list[tuple[str, object]] = []

    @own_images
    def command(name: str, own: OwnData | None = None) -> None:
        given.append((name, own))

    command(name="a", data=Path("b"), resize="8", test_share=None, split_seed=3, skip_damaged=True, flip=False)
    (name, own), *_ = given
    assert name == "a"
    assert isinstance(own, OwnData)
    assert own.resize is not None
    assert (own.path, own.resize[:2], own.seed, own.share_for_test, own.skip_damaged) == (
        Path("b"),
        (8, 8),
        3,
        0.2,
        True,
    )


def test_arrays_are_a_data_set_too(tmp_path: Path) -> None:
    images = np.zeros((10, 32, 32), np.uint8)
    np.savez(tmp_path / "grey.npz", images=images, labels=np.arange(10) % 2)
    done = sis_edge_here("datasets", "show", "--data", "grey.npz", cwd=tmp_path, SIS_EDGE_CACHE=str(tmp_path / "cache"))
    assert done.returncode == 0, done.stderr
    assert "8 training and 2 test images of 32 x 32 (height x width), 2 classes" in " ".join(done.stdout.split())
    done = sis_edge_here("datasets", "show", "digits", "--data", "grey.npz", cwd=tmp_path)
    assert done.returncode == 2
    assert "--data and NAME exclude each other; leave one out" in done.stderr
