"""Refusals of the disk become one sentence; other errors stay what they are."""

import errno
import os
import resource
from pathlib import Path

import pytest

from sis_edge.errors import DiskError
from sis_edge.files.atomic import write_text
from sis_edge.files.disk import REFUSALS, writing


@pytest.mark.parametrize("number", sorted(REFUSALS))
def test_a_refusal_is_told_with_its_reason(number: int) -> None:
    with (
        pytest.raises(DiskError, match=r"^cannot write there \(why not\): go elsewhere$"),
        writing(Path("there"), "go elsewhere"),
    ):
        raise OSError(number, "why not")


@pytest.mark.parametrize("error", [OSError(errno.EBADF, "bug"), OSError("no number"), ValueError("bug")])
def test_a_bug_keeps_its_traceback(error: Exception) -> None:
    with pytest.raises(type(error)) as raised, writing(Path("there")):
        raise error
    assert raised.value is error


def test_a_full_disk(small_disk: Path) -> None:
    with (
        pytest.raises(DiskError, match=r"cannot write .*small disk \(No space left on device\)"),
        writing(small_disk),
    ):
        (small_disk / "file").write_bytes(bytes(2**21))


def test_a_limit_on_the_size_of_files(tmp_path: Path) -> None:
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1000, before[1]))
    try:
        with pytest.raises(DiskError, match=r"cannot write .* \(File too large\)"), writing(tmp_path):
            (tmp_path / "file").write_bytes(bytes(2000))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


def test_a_refused_text_leaves_what_stood_there_and_nothing_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = write_text(tmp_path / "kept.json", "before")

    def full(descriptor: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(DiskError, match=r"cannot write .* \(No space left on device\)"):
        write_text(path, "after")
    assert path.read_text() == "before"
    assert list(tmp_path.iterdir()) == [path]
