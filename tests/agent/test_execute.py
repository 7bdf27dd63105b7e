import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from sis_agent.job import execute
from sis_agent.job.execute import cancel
from sis_agent.lock import start_ticks
from sis_agent.measure.measurement import Measurement
from sis_agent.schema import Problem
from sis_agent.worker.process import StopRequest

from .board import FOR_EVER, Board, children


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


FULL_DISK = """
set -e
mount -t tmpfs -o size=300k none "$1"
cp -r "$2"/. "$1"
dd if=/dev/zero of="$1/filling" bs=1k count=$5 2>/dev/null || true
"$3" "$4" --root "$1" run --foreground --job-id j1 >/dev/null 2>&1 || true
"$3" "$4" --root "$1" status j1
"""


def test_a_record_that_does_not_fit_on_the_disk_is_reported(board: Board, tmp_path: Path) -> None:
    """A real file system that is really full, in a mount namespace of its own."""
    unshare = ["unshare", "--user", "--map-root-user", "--mount"]
    if shutil.which("unshare") is None or subprocess.run([*unshare, "true"], capture_output=True).returncode:
        pytest.skip("this system gives no mount namespace to an ordinary user")
    board.put_null_job("j1", rounds=3000)
    archive = tmp_path / "agent.pyz"
    shutil.move(board.archive.path, archive)
    small = tmp_path / "small"
    small.mkdir()
    # 200 kB filled: room for the states and the progress, not for the record of 3,000 rounds.
    words = [*unshare, "sh", "-c", FULL_DISK, "sh", small, board.root, sys.executable, archive, "200"]
    done = subprocess.run([str(word) for word in words], capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    status = json.loads(done.stdout)["answer"]
    assert (status["state"], status["problem"]["code"]) == ("failed", "disk-full")
    assert status["record_sha256"] is None
