"""Refusals of the disk become one sentence; other errors stay what they are."""

import errno
import resource
from pathlib import Path

import pytest

from sis_edge.errors import DiskError
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
