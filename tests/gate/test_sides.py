"""A bundle or model by its path or out of git, whose working tree stays as it is."""

import subprocess
from pathlib import Path

import pytest
from tiny_bundle import tiny_bundle

from sis_edge.build.given.request import GivenRequest
from sis_edge.bundles.verify import check_files
from sis_edge.errors import BundleError, UsageError
from sis_edge.gate.revision import take_out
from sis_edge.gate.sides import GateSide, open_side

ANYBODY = ("-c", "user.name=x", "-c", "user.email=x@example.com", "-c", "commit.gpgsign=false")


def git(*words: str, cwd: Path) -> None:
    subprocess.run(["git", *ANYBODY, *words], cwd=cwd, check=True, capture_output=True)


@pytest.fixture
def repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A bundle that is committed, and then goes on without it."""
    place = tmp_path / "work"
    tiny_bundle(place / "build/old")
    git("init", "-q", "-b", "main", cwd=place)
    git("add", "-A", cwd=place)
    git("commit", "-qm", "a bundle", cwd=place)
    git("tag", "v1", cwd=place)
    git("rm", "-rq", "build", cwd=place)
    (place / "mine.txt").write_text("not committed")
    monkeypatch.chdir(place)
    return place


def opened(named: str, scratch: Path) -> GateSide:
    scratch.mkdir()
    return open_side(named, GivenRequest(), Path("build"), scratch, lambda note: None)


def test_a_bundle_out_of_a_revision_is_whole_and_nothing_is_checked_out(repository: Path, tmp_path: Path) -> None:
    def status() -> bytes:
        return subprocess.run(["git", "status", "--porcelain"], capture_output=True, check=True).stdout

    before = status()
    side = opened("v1:build/old", tmp_path / "scratch")
    check_files(side.bundle)
    assert side.bundle.manifest.names == ["dense", "sparse"]
    assert side.named == "v1:build/old"
    assert status() == before
    assert not (repository / "build").exists()


def test_a_file_out_of_a_revision(repository: Path, tmp_path: Path) -> None:
    found = take_out("v1:build/old/networks/dense/model.onnx", tmp_path)
    assert found.name == "model.onnx"
    assert found.read_bytes()[:1] == b"\x08"


def test_a_path_that_is_there_is_no_revision(repository: Path, tmp_path: Path) -> None:
    tiny_bundle(Path("v1:build"))
    assert opened("v1:build", tmp_path / "scratch").bundle.path == Path("v1:build")


@pytest.mark.parametrize(
    ("named", "words"),
    [
        ("v2:build/old", "v2:build/old is neither a path here nor in git ("),
        ("v1:build/new", "v1:build/new is neither a path here nor in git ("),
        ("--output=x:build", "is not a git revision and a path"),
        ("build/old", "'build/old' is not there; name a bundle's folder, a model (.onnx, .tflite), or REV:PATH"),
        ("mine.txt", "'mine.txt' is neither a bundle's folder nor a model"),
    ],
)
def test_what_is_not_there_is_said_in_a_sentence(repository: Path, tmp_path: Path, named: str, words: str) -> None:
    with pytest.raises(UsageError) as raised:
        opened(named, tmp_path / "scratch")
    assert words in str(raised.value)
    assert not (repository / "x").exists()


def test_a_folder_that_is_not_a_bundle(repository: Path, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    with pytest.raises(BundleError, match="is not a bundle"):
        opened(str(tmp_path / "empty"), tmp_path / "scratch")


def test_outside_of_git(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path.parent))
    with pytest.raises(UsageError, match=r"nor in git .*not a git repository"):
        opened("main:build/old", tmp_path / "scratch")
