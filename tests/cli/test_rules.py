"""No option is silently ignored: one that another makes useless ends the command with a sentence that names both."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from sis_edge.cli import run
from tests.cli.test_help import EVERY


@pytest.fixture(autouse=True)
def _inside(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("SIS_EDGE_CACHE", str(tmp_path / "cache"))


MEASURING = (
    *("--backend onnxruntime", "--seed 0", "--strict", "--quick", "--target-ci 1%", "--cores 0", "--processes 2"),
    *("--lock-clocks", "--meter", "--no-queue"),
)
"""What says how a bundle is measured, and `--seed 0` is the default: it is given all the same."""

EXCLUDE = [
    *(
        ("form --masks a.npz", other)
        for other in (
            *("--preset nin", "--t-c 1", "--t-p 1", "--conv kernel", "--micro neuron", "--block 8"),
            *("--distribution uniform", "--seed 0"),
        )
    ),
    *(("form --preset nin", other) for other in ("--network nin", "--classes 10", "--side 32", "--t-c 1", "--t-p 1")),
    ("build --profile local --network resnet20", "--networks nin"),
    *(("build --profile local --data a", other) for other in ("--dataset cifar10", "--data-dir b")),
    *(("sweep --preset nin --data a", other) for other in ("--dataset cifar10", "--data-dir b")),
    ("datasets show --data a", "--data-dir b"),
    *(("bench a", other) for other in ("--onnx b.onnx", "--tflite b.tflite", "--build-dir b")),
    ("bench --board nano-sim", "--profile local"),
    *((f"{name} --strict", "--quick") for name in ("bench", "deploy", "fleet deploy")),
    *(
        ("bench a --self-check", other)
        for other in (
            *MEASURING,
            *("--board nano-sim", "--profile local", "--require-energy", "--require-valid", "--runs-dir b"),
        )
    ),
    *(("deploy --bundle a", other) for other in ("--onnx b.onnx", "--tflite b.tflite", "--build-dir b")),
    *(
        (f"deploy {of_old} x", other)
        for of_old in ("--job", "--cancel")
        for other in (
            *MEASURING,
            *("--networks nin", "--threads 1", "--batch-size 1", "--provision", "--onnx b.onnx", "--tflite b.tflite"),
        )
    ),
    ("deploy --job x", "--cancel x"),
    *((f"deploy {of_old} x", "--detach") for of_old in ("--job", "--cancel")),
    *(("deploy --detach", other) for other in ("--require-energy", "--require-valid", "--runs-dir b")),
    ("jobs logs x --follow", "--json"),
    ("jobs fetch x --bundle a", "--build-dir b"),
    *(("jobs fetch x --output a", other) for other in ("--json", "--runs-dir b", "--bundle b", "--build-dir b")),
    ("clean --dry-run", "--yes"),
    *(("deploy --cancel x", other) for other in ("--require-energy", "--require-valid", "--runs-dir b")),
    ("run a.png --bundle a", "--build-dir b"),
    *(("report --run a.json", other) for other in ("--all", "--runs-dir b")),
    ("report --paper", "--all"),
    ("audit a --run a.json", "--runs-dir b"),
    ("sweep --preset nin --jobs 2", "--ray auto"),
]


@pytest.mark.parametrize(("words", "other"), EXCLUDE)
def test_they_exclude_each_other(words: str, other: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run([*words.split(), *other.split()]) == 2
    said = capsys.readouterr().err
    assert [line[:7] for line in said.splitlines()].count("Error: ") == 1
    assert "exclude each other" in said
    assert other.split()[0] in said
    assert not list(Path().iterdir())


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        ("form --preset nin --block 8", "--block is 8, and neither --conv kernel nor --micro neuron has blocks"),
        ("build --profile local --t-c 0.5", "--t-c needs --network"),
        ("build --profile local --networks nin --t-p 0.5", "--t-p needs --network"),
        *(
            (f"build --profile local --train --dataset digits {option}", f"{option.split()[0]} is for your own images")
            for option in ("--resize 32", "--test-share 0.2", "--split-seed 0", "--skip-damaged", "--flip")
        ),
        *(
            (f"bench {option}", f"{option.split()[0]} belongs to networks of your own")
            for option in (
                *("--shape a=1", "--inputs a.npz", "--expect a.npz", "--labels a.npy", "--tolerance 0"),
                *("--relative-tolerance 0", "--reference a"),
            )
        ),
        *(
            (f"{command} {option}", f"{option.split()[0]} is for SSH; name the board with --host")
            for command in ("deploy", "run a.png", "calibrate", "profiles detect", "jobs", "jobs status x", "clean")
            for option in (
                *("--port 22", "--user a", "--identity a", "--known-hosts a"),
                *("--trust-on-first-use", "--password-fd 3", "--passphrase-fd 3"),
            )
        ),
        *(("sweep --preset nin " + option, f"{option} needs --ray") for option in ("--cpus 2", "--gpus 1")),
        ("datasets show digits --data-dir .", "leave out --data-dir"),
    ],
)
def test_one_needs_another(words: str, sentence: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(words.split()) == 2
    said = capsys.readouterr().err
    assert [line[:7] for line in said.splitlines()].count("Error: ") == 1
    assert sentence in said
    assert not list(Path().iterdir())


def test_a_share_for_test_of_images_that_are_divided(capsys: pytest.CaptureFixture[str]) -> None:
    for name in ("train/a", "train/b", "test/a", "test/b"):
        (Path("own") / name).mkdir(parents=True)
        Image.new("RGB", (4, 4)).save(Path("own") / name / "1.png")
    images, labels = np.zeros((2, 4, 4), np.uint8), np.arange(2)
    np.savez("own.npz", x_train=images, y_train=labels, x_test=images, y_test=labels)
    for data in ("own", "own.npz"):
        assert run(["datasets", "show", "--data", data]) == 0  # and from then on from the cache
        assert run(["datasets", "show", "--data", data, "--test-share", "0.2"]) == 2
        assert "--test-share is for images that are not divided, and own" in capsys.readouterr().err


def test_arrays_have_no_damaged_images(capsys: pytest.CaptureFixture[str]) -> None:
    np.savez("own.npz", images=np.zeros((4, 4, 4), np.uint8), labels=np.arange(4) % 2)
    assert run(["datasets", "show", "--data", "own.npz", "--skip-damaged"]) == 2
    assert "--skip-damaged is for a folder of images, and own.npz is an .npz file" in capsys.readouterr().err


def test_every_command_that_reaches_a_board_takes_the_same_options() -> None:
    wanted = {"--port", "--user", "--identity", "--known-hosts", "--inventory"}
    secrets = {"--trust-on-first-use", "--password-fd", "--passphrase-fd"}
    reaching = {path: {name for each in command.params for name in each.opts} for path, command in EVERY.items()}
    with_host = {path for path, names in reaching.items() if "--host" in names} - {("boards", "add")}
    assert with_host >= {("deploy",), ("run",), ("doctor",), ("jobs", "list"), ("clean",), ("profiles", "detect")}
    assert [path for path in with_host if not wanted | secrets <= reaching[path]] == []
    assert secrets <= reaching["fleet", "deploy"]
