import errno
import os
from pathlib import Path

import pytest

from sis_agent.files import checked_name, parsed_json, write_atomic
from sis_agent.protocol import ProblemError


def test_a_file_is_written_whole_or_not_at_all(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "record.json"
    write_atomic(str(path), "first")

    def full(descriptor: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(ProblemError) as caught:
        write_atomic(str(path), "second")
    assert caught.value.problem.code == "disk-full"
    assert path.read_text() == "first"
    assert list(tmp_path.iterdir()) == [path]


def test_other_errors_of_the_disk_keep_their_class(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        write_atomic(str(tmp_path / "missing" / "x"), "")


@pytest.mark.parametrize("name", ["", ".", "..", "a/b", "../a", "-a", ".hidden", "a b", "a\n", "x" * 129, "ä"])
def test_names_that_cannot_be_folders(name: str) -> None:
    with pytest.raises(ProblemError) as caught:
        checked_name("job id", name)
    assert caught.value.problem.code == "bad-name"


@pytest.mark.parametrize("text", ["1e999", "NaN", "[-Infinity]", '{"at_s": ' + "1" * 21 + "}", "[" * 70 + "]" * 70])
def test_json_that_no_file_of_ours_holds(text: str) -> None:
    with pytest.raises(ValueError, match=r"it (holds|is nested)"):
        parsed_json(text)
    assert parsed_json("[12345678901234567890, -7, 0.5]") == [12345678901234567890, -7, 0.5]
