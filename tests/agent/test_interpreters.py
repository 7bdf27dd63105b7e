"""The agent's whole life under the oldest and the newest interpreter that boards have, and a job from its archive."""

import json
import os
import signal
import subprocess
import time
from pathlib import Path
from typing import Any

import pytest

from sis_agent.lock import start_ticks

from .board import FOR_EVER, Board, children
from .interpreters import OLDEST_AND_NEWEST, find


@pytest.fixture(params=OLDEST_AND_NEWEST)
def board(request: pytest.FixtureRequest, tmp_path: Path) -> Board:
    found = Board(tmp_path / "root", find(request.param))
    found.put_empty_bundle()
    return found


def test_facts(board: Board) -> None:
    facts = board.call("facts").answer
    assert facts["machine"] == os.uname().machine
    assert facts["kernel"] == os.uname().release
    assert facts["python_executable"] == board.python
    assert facts["memory_total_bytes"] > 10**8
    assert facts["runners"]["null"] == "available"
    assert facts["simulated"] is False
    assert facts["emulated"] is False


def test_a_job_in_the_foreground(board: Board) -> None:
    job = board.put_null_job("j1", rounds=5, inferences_per_round=7, seed=3)
    assert board.call("status", "j1").answer["state"] == "queued"
    board.call("run", "--foreground", "--job-id", "j1").answer  # noqa: B018
    status = board.call("status", "j1").answer
    assert (status["state"], status["problem"]) == ("done", None)
    phases = [step["phase"] for step in status["progress"]]
    assert status["progress"][phases.index("rounds")]["done"] == 0, "a phase is told where it begins"
    assert phases[-1] == "sampler", "what sampling costs is measured last"
    assert board.call("status", "j1", "--since", "2").answer["progress"] == status["progress"][2:]
    record = board.record("j1")
    assert (record.run_id, record.agent_id, record.job) == ("j1", board.archive.hash12, job)
    assert record.problem is None
    assert len(record.runner_details["harness_latencies_s"]) == 1000
    for network in record.networks:
        assert network.problem is None
        assert network.memory is not None
        assert network.memory.peak_rss_bytes is not None
        assert [turn.round for turn in network.rounds] == [0, 1, 2, 3, 4]
        assert all(len(turn.latencies_s) == 7 and min(turn.latencies_s) > 0 for turn in network.rounds)
    starts = sorted((turn.start_s, turn.round, turn.position) for n in record.networks for turn in n.rounds)
    assert [start[1:] for start in starts] == [(r, p) for r in range(5) for p in range(2)]
    assert not (board.root / "jobs" / "j1" / "reserve").exists()


def test_an_ended_job_is_not_run_again(board: Board) -> None:
    board.put_null_job("j1")
    board.call("run", "--foreground", "--job-id", "j1")
    assert board.call("run", "--job-id", "j1").problem["code"] == "job-ended"


def removed(cleaned: dict[str, Any]) -> list[tuple[str, str]]:
    return [(entry["kind"], entry["name"]) for entry in cleaned["entries"]]


def test_a_detached_job_is_found_again_cancelled_and_cleaned(board: Board) -> None:
    board.put_null_job("long", rounds=FOR_EVER)
    board.put_null_job("other")
    pid = board.call("run", "--job-id", "long").answer["pid"]
    assert os.getsid(pid) != os.getsid(0)
    assert os.getpgid(pid) == pid

    assert board.wait("long", phase="rounds")["state"] == "running"
    busy = board.call("run", "--job-id", "other").problem
    assert busy["code"] == "busy"
    assert "'long'" in busy["message"]

    cleaned = board.call("clean").answer
    assert removed(cleaned) == [("jobs", "other")]
    assert cleaned["running"] == "long"

    assert board.call("cancel", "long").answer == {"job_id": "long", "state": "cancelled"}
    assert start_ticks(pid) is None
    status = board.call("status", "long").answer
    assert (status["state"], status["problem"]["code"]) == ("cancelled", "cancelled")
    record = board.record("long")
    assert record.problem is not None
    assert record.problem.code == "cancelled"
    assert all(network.rounds and network.problem is None for network in record.networks)

    (board.root / "agents" / "sis_agent-0123456789ab.pyz").write_bytes(b"an older agent")
    cleaned = board.call("clean", "--kind", "jobs", "--kind", "agents").answer
    assert removed(cleaned) == [("jobs", "long"), ("agents", "sis_agent-0123456789ab.pyz")]
    assert removed(board.call("clean").answer) == [("bundles", "b1")]
    assert board.archive.path.exists()


def test_a_job_that_never_ran_is_cancelled(board: Board) -> None:
    board.put_null_job("j1")
    assert board.call("cancel", "j1").answer["state"] == "cancelled"
    assert board.call("run", "--job-id", "j1").problem["code"] == "job-ended"


@pytest.mark.fault("lock of a process that is gone", "board is free")
@pytest.mark.parametrize("ticks_off", [0, 1])
def test_a_stale_lock_does_not_hold_the_board(board: Board, ticks_off: int) -> None:
    gone = subprocess.Popen(["sleep", "60"])
    ticks = start_ticks(gone.pid)
    assert ticks is not None
    # Either the owner has ended, or its pid is now a stranger's, who started at another time.
    if ticks_off == 0:
        gone.kill()
        gone.wait()
    owner = {"pid": gone.pid, "start_ticks": ticks + ticks_off, "job_id": "before"}
    (board.root / "lock").write_text(json.dumps(owner))
    board.put_null_job("j1")
    board.call("run", "--foreground", "--job-id", "j1")
    assert board.call("status", "j1").answer["state"] == "done"
    gone.kill()
    gone.wait()


@pytest.mark.fault("worker killed", "costs one network")
def test_a_killed_worker_costs_one_network(board: Board) -> None:
    job = board.put_null_job("j1", networks=("a", "b", "c"), rounds=5_000, inferences_per_round=1)
    pid = board.call("run", "--job-id", "j1").answer["pid"]
    assert board.wait("j1", phase="rounds")["state"] == "running"
    (worker,) = children(pid)
    os.kill(worker, signal.SIGKILL)
    assert board.wait("j1")["state"] == "done"
    networks = board.record("j1").networks
    (victim,) = [network for network in networks if network.problem is not None]
    assert victim.problem is not None
    assert victim.problem.code == "worker-died"
    assert "SIGKILL" in victim.problem.message
    assert victim.golden is None
    assert 0 < len(victim.rounds) < job.rounds
    assert all(len(network.rounds) == job.rounds for network in networks if network is not victim)


def test_a_killed_job_is_reported_and_its_worker_ends(board: Board) -> None:
    board.put_null_job("j1", rounds=FOR_EVER)
    board.put_null_job("j2")
    pid = board.call("run", "--job-id", "j1").answer["pid"]
    board.wait("j1", phase="rounds")
    (worker,) = children(pid)
    os.kill(pid, signal.SIGKILL)
    status = board.wait("j1")
    assert (status["state"], status["problem"]["code"]) == ("failed", "job-lost")
    record = board.record("j1")
    assert record.problem is not None
    assert record.problem.code == "job-lost"
    assert all(network.memory is not None for network in record.networks), "what was finished is in its record"
    end_s = time.monotonic() + 10
    while start_ticks(worker) is not None and time.monotonic() < end_s:
        time.sleep(0.05)
    assert start_ticks(worker) is None
    board.call("run", "--foreground", "--job-id", "j2")
    assert board.call("status", "j2").answer["state"] == "done"


@pytest.mark.fault("time limit reached", "what was measured stays")
def test_the_time_limit_keeps_what_was_measured(board: Board) -> None:
    for limit_s in (1.5, 6.0, 24.0):  # a busy machine may need longer to come to the rounds
        job_id = f"limit-{limit_s}"
        board.put_null_job(job_id, rounds=FOR_EVER, time_limit_s=limit_s)
        board.call("run", "--job-id", job_id)
        status = board.wait(job_id)
        assert (status["state"], status["problem"]["code"]) == ("failed", "time-limit")
        kept = [len(network.rounds) for network in board.record(job_id).networks]
        if any(kept):
            break
    assert all(kept)


@pytest.mark.fault("disk fills in mid-job", "reported")
def test_a_full_disk_is_reported(board: Board) -> None:
    board.put_null_job("j1")
    (board.root / "jobs" / "j1" / "progress.jsonl").symlink_to("/dev/full")
    board.call("run", "--foreground", "--job-id", "j1")
    status = json.loads((board.root / "jobs" / "j1" / "state.json").read_text())
    assert (status["state"], status["problem"]["code"]) == ("failed", "disk-full")


def test_the_agent_runs_by_a_relative_path_from_any_folder(board: Board) -> None:
    board.put_null_job("j1")
    # A module of the standard library's name in the current folder must not be imported.
    (board.root / "json.py").write_text("raise SystemExit('a stranger was imported')")
    relative = board.archive.path.relative_to(board.root)
    words = [board.python, str(relative), "--root", ".", "run", "--foreground", "--job-id", "j1"]
    done = subprocess.run(words, cwd=board.root, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    assert board.call("status", "j1").answer["state"] == "done"


def test_files_for_a_push_that_resumes(board: Board) -> None:
    (board.root / "bundles" / "b1" / "model.part").write_bytes(b"half")
    files = board.call("files", "bundles/b1").answer["files"]
    assert sorted(files) == ["inputs", "logits", "model"]
    assert files["model"]["size_bytes"] == len(b"not read")
    assert board.call("files", "bundles/none").answer == {"files": {}}
    assert board.call("files", "../..").problem["code"] == "bad-name"


@pytest.mark.fault("job unreadable on the board", "one sentence")
def test_bad_input_is_a_sentence(board: Board) -> None:
    def problem_of(job_id: str) -> tuple[str, str]:
        answer = board.call("run", "--job-id", job_id)
        assert "Traceback" not in answer.log
        return answer.problem["code"], answer.problem["message"]

    board.put_null_job("twice", networks=("a", "a"))
    board.put_null_job("none", networks=())
    board.put_null_job("zero", rounds=0)
    board.put_null_job("runner", runner="abacus")
    board.put_null_job("bundle", bundle_id="b2")
    board.put_null_job("outside", golden_inputs="../../lock")
    board.put_null_job("broken")
    (board.root / "jobs" / "broken" / "job.json").write_text("{")
    (board.root / "lock").write_text("")
    assert problem_of("missing")[0] == "no-job"
    assert problem_of("../x")[0] == "bad-name"
    assert problem_of("twice")[0] == "bad-job"
    assert problem_of("none")[0] == "bad-job"
    assert "rounds" in problem_of("zero")[1]
    known = "onnxruntime, tensorrt, tensorrt_rtx, trtexec, tflite, null"
    assert problem_of("runner") == ("unknown-runner", f"unknown runner 'abacus'; known: {known}")
    assert problem_of("bundle")[0] == "bad-bundle"
    assert "not inside" in problem_of("outside")[1]
    assert problem_of("broken")[0] == "bad-job"
    assert board.call("status", "missing").problem["code"] == "no-job"


def test_a_board_without_a_runtime_says_what_to_install(board: Board) -> None:
    lack = board.call("facts").answer["runners"]["onnxruntime"]
    if lack == "available":
        pytest.skip("this interpreter has onnxruntime")
    board.put_null_job("j1", runner="onnxruntime")
    problem = board.call("run", "--job-id", "j1").problem
    assert problem["code"] == "no-runtime"
    assert "pip install" in problem["message"]


def test_a_wrong_command_line(board: Board) -> None:
    words = [board.python, str(board.archive.path)]
    for wrong in ([], ["dance"], ["run"]):
        done = subprocess.run(words + wrong, capture_output=True, text=True, timeout=30)
        assert done.returncode == 2
        assert "usage:" in done.stderr
