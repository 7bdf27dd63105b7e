import json
import os
import signal
import subprocess
import sys
import time
from typing import Any

import pytest

from sis_agent.job import execute
from sis_agent.job.execute import cancel
from sis_agent.lock import start_ticks
from sis_agent.measure.measurement import Measurement
from sis_agent.schema import Problem
from sis_agent.worker.process import StopRequest

from .board import FOR_EVER, Board, children


@pytest.mark.fault("cancel of a job that hangs", "killed with its workers")
def test_a_job_that_does_not_listen_is_killed_with_its_worker(board: Board) -> None:
    board.put_null_job("j1", rounds=FOR_EVER)
    pid = board.call("run", "--job-id", "j1").answer["pid"]
    board.wait("j1", phase="rounds")
    (worker,) = children(pid)
    os.kill(pid, signal.SIGSTOP)
    assert cancel(str(board.root), "j1", grace_s=0.2) == {"job_id": "j1", "state": "cancelled"}
    status = board.call("status", "j1").answer
    assert status["state"] == "cancelled"
    assert "was killed" in status["problem"]["message"]
    assert start_ticks(pid) is None
    end_s = time.monotonic() + 10
    while start_ticks(worker) is not None and time.monotonic() < end_s:
        time.sleep(0.05)
    assert start_ticks(worker) is None


@pytest.mark.parametrize("how", ["cancel", "Ctrl-C"])
def test_a_job_in_the_foreground_is_cancelled_alone(board: Board, how: str) -> None:
    board.put_null_job("j1", rounds=FOR_EVER)
    words = [
        sys.executable,
        str(board.archive.path),
        "--root",
        str(board.root),
        "run",
        "--foreground",
        "--job-id",
        "j1",
    ]
    # In this process's own group: a cancel that ended the group would end the tests.
    job = subprocess.Popen(words, stdout=subprocess.PIPE)
    board.wait("j1", phase="rounds")
    assert os.getpgid(job.pid) == os.getpgid(0)
    if how == "cancel":
        assert board.call("cancel", "j1").answer["state"] == "cancelled"
    else:
        job.send_signal(signal.SIGINT)
    out, _ = job.communicate(timeout=30)
    assert json.loads(out)["answer"] == {"job_id": "j1", "pid": job.pid}
    assert board.call("status", "j1").answer["state"] == "cancelled"
    assert all(network.rounds for network in board.record("j1").networks)


def test_a_job_that_is_cancelled_while_it_starts_does_not_run(board: Board, monkeypatch: pytest.MonkeyPatch) -> None:
    board.put_null_job("j1", rounds=FOR_EVER)
    answers = []

    def cancelled_meanwhile(root: str, *rest: Any, **named: Any) -> Measurement:
        answers.append(cancel(root, "j1"))
        return Measurement(root, *rest, **named)

    monkeypatch.setattr(execute, "Measurement", cancelled_meanwhile)
    monkeypatch.setattr(StopRequest, "listen", lambda self: None)  # the tests' process keeps its signals
    state = execute.execute(str(board.root), "j1", lambda answer: None)
    assert answers == [{"job_id": "j1", "state": "cancelled"}]
    assert (state.state, state.problem) == ("cancelled", Problem("cancelled", "it never ran"))
    assert board.call("status", "j1").answer["state"] == "cancelled"


def test_a_second_cancel_and_a_late_one_change_nothing(board: Board) -> None:
    board.put_null_job("j1")
    board.call("run", "--foreground", "--job-id", "j1")
    before = (board.root / "jobs" / "j1" / "state.json").read_bytes()
    assert board.call("cancel", "j1").answer["state"] == "done"
    assert (board.root / "jobs" / "j1" / "state.json").read_bytes() == before
