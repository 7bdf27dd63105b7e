"""A text is written as a whole or not at all."""

import errno
import os
from pathlib import Path

import pytest

from sis_edge.errors import DiskError
from sis_edge.files.atomic import write_text


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
