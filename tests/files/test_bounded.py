"""Files that somebody else may have put there."""

import os
from pathlib import Path

import pytest

from sis_edge.errors import RecordError, UsageError
from sis_edge.files import bounded
from sis_edge.fleet import state
from sis_edge.native import calibrations
from sis_edge.profiles import load
from sis_edge.results import store


def test_a_file_is_read_up_to_its_limit(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"12345")
    assert bounded.read(path, 5) == b"12345"
    with pytest.raises(OSError, match="not a file of at most 0 MB"):
        bounded.read(path, 4)
    with pytest.raises(OSError, match="No such file"):
        bounded.read(tmp_path / "none", 4)


@pytest.mark.timeout(60)
@pytest.mark.parametrize("kind", ["pipe", "device", "folder"])
@pytest.mark.parametrize(
    ("read", "error"),
    [(store.load, RecordError), (calibrations.read, RecordError), (state.load, RecordError), (load, UsageError)],
    ids=["run", "calibration", "fleet", "profile"],
)
def test_what_never_ends_is_not_read(kind: str, read: object, error: type[Exception], tmp_path: Path) -> None:
    """A pipe that nobody writes to; a fleet's state named /dev/zero as a run, which took all memory."""
    path = tmp_path / "file.toml"
    if kind == "pipe":
        os.mkfifo(path)
    elif kind == "device":
        path.symlink_to("/dev/null")  # which would do no harm
    else:
        path.mkdir()
    assert callable(read)
    with pytest.raises(error, match="Is a directory" if kind == "folder" else "not a file of at most"):
        read(str(path) if read is load else path)
