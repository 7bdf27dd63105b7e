import json
import os
import sys
from pathlib import Path

import pytest

from sis_agent import lock
from sis_agent.protocol import ProblemError

from .board import Board
from .test_provision import ANY, packages, write_wheel


def test_the_lock(tmp_path: Path) -> None:
    mine = lock.acquire(str(tmp_path), "j1")
    with pytest.raises(ProblemError, match="measuring job 'j1'"):
        lock.acquire(str(tmp_path), "j2")
    lock.release(str(tmp_path), mine._replace(job_id="another"))
    with pytest.raises(ProblemError):
        lock.acquire(str(tmp_path), "j2")
    lock.release(str(tmp_path), mine)
    assert lock.acquire(str(tmp_path), "j2").job_id == "j2"


def test_a_shorter_owner_takes_a_stale_longer_one_s_place(tmp_path: Path) -> None:
    (tmp_path / "lock").write_text(json.dumps({"pid": 1, "start_ticks": 0, "job_id": "a long name" * 20}))
    mine = lock.acquire(str(tmp_path), "j1")
    assert json.loads((tmp_path / "lock").read_text()) == mine._asdict()
    lock.release(str(tmp_path), mine)
    assert (tmp_path / "lock").read_text() == ""


@pytest.mark.parametrize("content", ["", "{", "[1]", '{"pid": 1}', "null"])
def test_a_damaged_lock_is_free(tmp_path: Path, content: str) -> None:
    (tmp_path / "lock").write_text(content)
    assert lock.acquire(str(tmp_path), "j1").pid == os.getpid()


@pytest.mark.parametrize(
    ("state", "expected"),
    [("S", 4242), ("R", 4242), ("Z", None), ("X", None)],
    ids=["sleeps", "runs", "zombie", "dead"],
)
def test_start_ticks(tmp_path: Path, state: str, expected: int | None) -> None:
    (tmp_path / "proc/7/task/7").mkdir(parents=True)
    fields = [state, *["0"] * 18, "4242", "0"]
    # A process may call itself anything.
    (tmp_path / "proc/7/task/7/stat").write_text("7 (a) S 1 (b) " + " ".join(fields))
    assert lock.start_ticks(7, str(tmp_path)) == expected
    assert lock.start_ticks(8, str(tmp_path)) is None


def test_provisioned_packages_stay_as_they_are_while_a_job_runs(tmp_path: Path) -> None:
    board = Board(tmp_path / "root", sys.executable)
    write_wheel(board.root / "wheels")
    mine = lock.acquire(str(board.root), "j1")
    problem = board.call("provision", ANY).problem
    assert (problem["code"], "'j1'" in problem["message"]) == ("busy", True)
    assert not packages(board)
    assert board.call("provision").answer["wheels"] == {}
    lock.release(str(board.root), mine)
    assert list(board.call("provision", ANY).answer["wheels"]) == [ANY]
