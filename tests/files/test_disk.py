"""Refusals of the disk become one sentence; other errors stay what they are."""

import errno
import resource
from pathlib import Path

import pytest

from sis_edge.errors import DiskError
from sis_edge.files.disk import REFUSALS, check_room, writing


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


def test_room_is_looked_for_and_nothing_is_left(tmp_path: Path) -> None:
    check_room(tmp_path / "a" / "b", 1)
    check_room(tmp_path, 1)
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_cannot_be_written_is_known_beforehand(tmp_path: Path, small_disk: Path) -> None:
    (tmp_path / "file").write_text("")
    (tmp_path / "link").symlink_to(tmp_path / "nowhere")
    for folder in (tmp_path / "file", tmp_path / "file" / "runs", Path("/proc/runs"), tmp_path / "link"):
        with pytest.raises(DiskError, match=f"^cannot write {folder} "):
            check_room(folder, 1)
    with pytest.raises(DiskError, match=r"small disk/runs has [\d.]+ MB free and 20\.0 MB are needed: free space"):
        check_room(small_disk / "runs", 20_000_000)
