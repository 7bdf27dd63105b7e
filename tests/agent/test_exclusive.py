"""One job at a time on a board, whoever started it: each sysroot is a board of its own here."""

import os
import pwd
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from sis_agent.board import exclusive, surroundings
from sis_agent.board.exclusive import Holder
from sis_agent.protocol import ProblemError
from sis_agent.schema import BoardLock
from sis_agent.tree import Tree

from .board import Board
from .networks import write_bundle

USER = pwd.getpwuid(os.getuid()).pw_name
HOLD = """
import sys, time
sys.path.insert(0, {agent!r})
from sis_agent.board import exclusive
with exclusive.exclusive({sysroot!r}, None):
    print("held", flush=True)
    time.sleep(60)
"""


@contextmanager
def held(sysroot: Path, *words: str) -> "Iterator[subprocess.Popen[str]]":
    """Another process that has the board, with an agent's command line."""
    agent = str(Path(exclusive.__file__).parents[2])
    code = HOLD.format(agent=agent, sysroot=str(sysroot))
    with subprocess.Popen([sys.executable, "-c", code, *words], stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            assert process.stdout.readline() == "held\n"
            yield process
        finally:
            process.kill()


def give_up(other: Holder) -> None:
    raise exclusive.busy(other)


@pytest.fixture(autouse=True)
def no_container(monkeypatch: pytest.MonkeyPatch) -> None:
    """Tests may themselves run in one, and each of their processes is a board of its own."""
    monkeypatch.setattr(surroundings, "container", lambda tree: None)
    monkeypatch.delenv(exclusive.OWN)


def test_the_other_job_is_named_and_its_end_frees_the_board(tmp_path: Path) -> None:
    seen: list[Holder] = []
    with held(tmp_path, "run", "--job-id", "j7") as other:
        with pytest.raises(ProblemError) as raised, exclusive.exclusive(str(tmp_path), give_up):
            pass
        assert raised.value.problem.code == "busy"
        assert f"job 'j7' of user {USER} (pid {other.pid})" in raised.value.problem.message

        def waiting(holder: Holder) -> None:
            seen.append(holder)
            other.kill()  # however it ends
            other.wait()

        with exclusive.exclusive(str(tmp_path), waiting) as lock:
            assert lock == BoardLock(True, None)
    assert [holder.pid for holder in seen] == [other.pid]
    with exclusive.exclusive(str(tmp_path), give_up), exclusive.exclusive(str(tmp_path / "another"), give_up):
        pass  # a simulated board is one of its own


def test_a_hostile_command_line_names_no_job(tmp_path: Path) -> None:
    with held(tmp_path, "--job-id", "\x1b[2J") as other:
        assert exclusive.holder(Tree(str(tmp_path))) == Holder(other.pid, USER, None)
    assert exclusive.holder(Tree(str(tmp_path))) == Holder()
    assert str(Holder()) == "a job of another user"


def test_a_board_that_cannot_be_had_alone_says_why(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(surroundings, "container", lambda tree: "docker")
    with exclusive.exclusive(str(tmp_path), give_up) as lock:
        assert (lock.held, "container (docker)" in (lock.reason or "")) == (False, True)

    monkeypatch.setattr(surroundings, "container", lambda tree: None)
    monkeypatch.setattr(exclusive, "_name", lambda tree: f"\0{tmp_path}".encode())
    monkeypatch.setattr(exclusive.os, "readlink", lambda path: path)  # each of them its own
    with exclusive.exclusive("/", give_up) as lock:
        assert (lock.held, "a network of its own" in (lock.reason or "")) == (False, True)

    def refused(*_: object) -> None:
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr(exclusive.socket, "socket", refused)
    with exclusive.exclusive(str(tmp_path), give_up) as lock:
        assert (lock.held, "Operation not permitted" in (lock.reason or "")) == (False, True)


def test_a_board_of_ones_own_is_told_from_others(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with exclusive.exclusive(str(tmp_path), give_up):
        monkeypatch.setenv(exclusive.OWN, "mine")
        with exclusive.exclusive(str(tmp_path), give_up) as lock:
            assert lock == BoardLock(False, "SIS_EDGE_BOARD=mine was asked for: other jobs are not seen")
            with pytest.raises(ProblemError), exclusive.exclusive(str(tmp_path), give_up):
                pass


def test_a_short_command_waits_for_a_while_and_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(exclusive, "FEW_S", 0.1)
    monkeypatch.setattr(exclusive, "POLL_S", 0.05)
    with (
        exclusive.exclusive(str(tmp_path), give_up),
        pytest.raises(ProblemError, match="this board is measuring a job of user"),
        exclusive.exclusive(str(tmp_path), exclusive.few_seconds()),
    ):
        pass


@pytest.mark.fault("two users measure on one board", "one waits for the other")
def test_a_job_waits_for_another_users_and_says_for_whose(tmp_path: Path) -> None:
    """Two logins have two roots; the board is one."""
    pytest.importorskip("onnxruntime")
    sysroot = tmp_path / "board"
    sysroot.mkdir()
    board = Board(tmp_path / "root", sys.executable)
    job = write_bundle(board.root / "bundles" / "real")
    board.put_job("j2", job._replace(networks=job.networks[:1], rounds=1))
    with held(sysroot, "run", "--job-id", "j1") as other:
        board.call("--sysroot", str(sysroot), "run", "--job-id", "j2")
        waiting = board.wait("j2", phase="waiting")
        assert waiting["state"] == "running"
        assert {step["network"] for step in waiting["progress"]} == {f"job 'j1' of user {USER} (pid {other.pid})"}
    assert board.wait("j2")["state"] == "done"
    assert board.record("j2").board_lock == BoardLock(True, None)
