"""Images classified by a bundle's network, with the real agent: here, and over a real SSH server."""

import json
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import onnxruntime
import pytest
from PIL import Image
from sshd import serve
from tiny_bundle import MEAN, STD, tiny_bundle, tiny_profile

from sis_agent import lock
from sis_edge.board.classify import classify, top
from sis_edge.bundles.verify import Bundle
from sis_edge.cli import run
from sis_edge.errors import BoardError, UsageError
from sis_edge.transport import LocalTransport

TINY = tiny_profile()


@pytest.fixture
def bundle(tmp_path: Path) -> Bundle:
    return tiny_bundle(tmp_path / "bundle")


@pytest.fixture
def photos(tmp_path: Path) -> list[Path]:
    """A PNG of the network's size, and a wide grey JPEG."""
    numbers = np.random.default_rng(1)
    Image.fromarray(numbers.integers(0, 256, (32, 32, 3), dtype=np.uint8)).save(tmp_path / "small.png")
    Image.fromarray(numbers.integers(0, 256, (40, 80), dtype=np.uint8)).save(tmp_path / "wide.jpg")
    return [tmp_path / "small.png", tmp_path / "wide.jpg"]


def expected(bundle: Bundle, network: str, photo: Path) -> np.ndarray:
    """Probabilities by ONNX Runtime alone, for an image of the network's size."""
    pixels = np.asarray(Image.open(photo).convert("RGB"), dtype=np.float32).transpose(2, 0, 1)[None] / 255
    inputs = (pixels - np.array(MEAN).reshape(-1, 1, 1)) / np.array(STD).reshape(-1, 1, 1)
    session = onnxruntime.InferenceSession(str(bundle.path / f"networks/{network}/model.onnx"))
    weights = np.exp(session.run(None, {"input": inputs.astype(np.float32)})[0][0])
    return weights / weights.sum()


def test_images_are_classified_as_onnx_runtime_does(bundle: Bundle, photos: list[Path], tmp_path: Path) -> None:
    board = LocalTransport(tmp_path / "board")
    entries = bundle.manifest.networks
    fewer = tuple(entry.model_copy(update={"synapses": 20 if entry.name == "sparse" else 30}) for entry in entries)
    bundle = replace(bundle, manifest=bundle.manifest.model_copy(update={"networks": fewer}))
    found = classify(photos, bundle, board, TINY)
    assert [image.path for image in found.images] == photos
    assert (found.network, found.runner) == ("sparse", "onnxruntime")
    wanted = expected(bundle, "sparse", photos[0])
    best = found.images[0].guesses
    assert [guess.label for guess in best] == [f"class {at}" for at in np.argsort(-wanted)[:5]]
    assert [guess.probability for guess in best] == pytest.approx(np.sort(wanted)[:-6:-1], abs=1e-5)
    assert not list((tmp_path / "board/.sis-edge/inference").iterdir()), "nothing stays behind"
    assert not lock.is_held(str(tmp_path / "board/.sis-edge"))


def test_large_logits_have_probabilities() -> None:
    found = top(np.array([1000.0, 1001.0, -1000.0]), ["a", "b", "c"])
    assert [guess.label for guess in found] == ["b", "a", "c"]
    assert [guess.probability for guess in found] == pytest.approx([1 / (1 + np.exp(-1)), 1 / (1 + np.exp(1)), 0])


def test_a_board_that_measures_is_not_disturbed(bundle: Bundle, photos: list[Path], tmp_path: Path) -> None:
    root = str(tmp_path / "board/.sis-edge")
    owner = lock.acquire(root, "job-1")
    try:
        with pytest.raises(BoardError, match=r"this board is measuring job 'job-1' \(pid"):
            classify(photos, bundle, LocalTransport(tmp_path / "board"), TINY)
        assert lock.is_held(root)
    finally:
        lock.release(root, owner)
    other = lock.acquire(root, "inference")
    try:
        with pytest.raises(BoardError, match="this board is classifying images"):
            classify(photos, bundle, LocalTransport(tmp_path / "board"), TINY)
    finally:
        lock.release(root, other)


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (b"text", r"bad\.png is not a JPEG or PNG image; nothing was run"),
        (None, r"there is no image .*bad\.png; nothing was run"),
    ],
)
def test_a_bad_image_stops_everything(
    content: bytes | None, sentence: str, bundle: Bundle, photos: list[Path], tmp_path: Path
) -> None:
    bad = tmp_path / "bad.png"
    if content is not None:
        bad.write_bytes(content)
    with pytest.raises(UsageError, match=sentence):
        classify([*photos, bad], bundle, LocalTransport(tmp_path / "board"), TINY)
    cut = photos[0].read_bytes()
    photos[0].write_bytes(cut[: len(cut) // 2])
    with pytest.raises(UsageError, match=r"small\.png cannot be read .image file is truncated.; nothing was run"):
        classify(photos, bundle, LocalTransport(tmp_path / "board"), TINY)
    assert not (tmp_path / "board").exists(), "the board was not asked for anything"


def test_an_unknown_network(bundle: Bundle, photos: list[Path], tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="unknown network in this bundle 'dens'; did you mean dense"):
        classify(photos, bundle, LocalTransport(tmp_path / "board"), TINY, network="dens")


def test_the_command(
    bundle: Bundle,
    photos: list[Path],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.setenv("COLUMNS", "80")
    (tmp_path / "home").mkdir()
    words = ["run", *map(str, photos), "--bundle", str(bundle.path), "--profile", "local", "--network", "dense"]
    assert run([*words, "--json"]) == 0
    document = json.loads(capsys.readouterr().out)
    wanted = expected(bundle, "dense", photos[0])
    assert document["images"][0]["classes"][0]["probability"] == pytest.approx(float(wanted.max()), abs=1e-5)
    assert (document["network"], [len(image["classes"]) for image in document["images"]]) == ("dense", [5, 5])
    assert run(["run", str(tmp_path / "none.png"), *words[3:]]) == 2
    assert f"there is no image {tmp_path / 'none.png'}; nothing was run" in capsys.readouterr().err


def test_images_of_one_name_are_shown_by_their_folders(
    bundle: Bundle,
    photos: list[Path],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    for folder in ("left", "right"):
        Path(folder).mkdir()
        shutil.copy(photos[0], f"{folder}/photo.png")
    assert run(["run", "left/photo.png", "right/photo.png", "--bundle", str(bundle.path), "--profile", "local"]) == 0
    shown = capsys.readouterr().out
    assert "left/photo.png" in shown
    assert "right/photo.png" in shown


@pytest.mark.slow
def test_over_a_real_ssh_server(
    bundle: Bundle, photos: list[Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("SSH_AUTH_SOCK", raising=False)
    with serve(tmp_path / "sshd") as server:
        transport = server.transport()
        found = classify(photos, bundle, transport, TINY, network="sparse")
        transport.close()
    assert found.images[0].guesses[0].probability == pytest.approx(
        float(expected(bundle, "sparse", photos[0]).max()), abs=1e-5
    )
