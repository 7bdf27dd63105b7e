import fcntl
from pathlib import Path

import pytest

from sis_edge.files.only_one import one_at_a_time


def test_who_waits_for_a_file_holds_it_alone(tmp_path: Path) -> None:
    path = tmp_path / "locks/a.lock"
    with one_at_a_time(path), path.open("w") as another:
        for kind in (fcntl.LOCK_EX, fcntl.LOCK_SH):
            with pytest.raises(BlockingIOError):
                fcntl.flock(another, kind | fcntl.LOCK_NB)
    with path.open("w") as another:
        fcntl.flock(another, fcntl.LOCK_EX | fcntl.LOCK_NB)
