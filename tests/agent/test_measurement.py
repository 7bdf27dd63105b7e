"""A whole job by the real agent: how it ends, its cores, what it refuses, and what it keeps when it is ended."""

import os
from pathlib import Path

import pytest

from .board import FOR_EVER, POWER, Board, children


def test_no_sensor_means_no_blocks_a_reason_and_states_all_the_same(board: Board, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    board.put_null_job("j1", power=POWER)
    board.call("--sysroot", str(tmp_path / "empty"), "run", "--foreground", "--job-id", "j1")
    record = board.record("j1")
    assert (record.power.status, record.energy_blocks) == ("unavailable", [])
    assert "no power sensor" in (record.power.reason or "")
    assert [window.name for window in record.windows] == ["rounds"]
    assert len(record.states) >= 2
    assert record.states[-1].t_s > record.windows[0].end_s


@pytest.mark.slow
def test_a_cancel_in_a_rest_keeps_the_rounds(board: Board, sysroot: str) -> None:
    board.put_null_job("j1", power=POWER._replace(idle_s=600.0))
    board.call("--sysroot", sysroot, "run", "--job-id", "j1")
    board.wait("j1", phase="idle_before")
    assert board.call("cancel", "j1").answer["state"] == "cancelled"
    record = board.record("j1")
    assert record.problem is not None
    assert record.problem.code == "cancelled"
    assert record.ended_by == "length"
    assert all(len(network.rounds) == 3 for network in record.networks)
    assert record.power.traces[0].times_s


def test_the_length_is_that_of_the_slower_wish(board: Board) -> None:
    board.put_null_job("j1", rounds=2, inferences_per_round=10, min_inferences=250)
    board.call("run", "--foreground", "--job-id", "j1")
    record = board.record("j1")
    assert [len(network.rounds) for network in record.networks] == [25, 25]
    assert record.ended_by == "length"


def test_a_job_that_does_not_come_to_its_end_says_so(board: Board) -> None:
    board.put_null_job("j1", rounds=FOR_EVER, time_limit_s=1.5)
    board.call("run", "--foreground", "--job-id", "j1")
    assert board.record("j1").ended_by == "problem"


def test_the_worker_is_kept_on_its_cores(board: Board) -> None:
    core = max(os.sched_getaffinity(0))
    board.put_null_job("j1", rounds=FOR_EVER, cores=[core])
    pid = board.call("run", "--job-id", "j1").answer["pid"]
    board.wait("j1", phase="rounds")
    (worker,) = children(pid)
    assert os.sched_getaffinity(worker) == {core}
    assert os.sched_getaffinity(pid) == os.sched_getaffinity(0)
    board.call("cancel", "j1")


def test_a_core_that_is_not_there_is_reported_at_once(board: Board) -> None:
    board.put_null_job("j1", cores=[4096])
    problem = board.call("run", "--job-id", "j1").problem
    assert problem["code"] == "bad-cores"
    assert "4096" in problem["message"]


@pytest.mark.parametrize(
    ("fields", "text"),
    [
        ({"target_ci": 0.01}, "needs a reference"),
        ({"target_ci": 1.5, "reference": "a"}, "target_ci is 1.5"),
        ({"reference": "z"}, "none of the job's networks"),
        ({"memory_repeats": 0}, "memory_repeats"),
        ({"min_time_s": -1.0}, "min_time_s"),
        ({"cores": [-1]}, "a core is -1"),
        ({"power": POWER._replace(blocks=0)}, "power.blocks"),
    ],
)
def test_a_job_that_cannot_be_meant(board: Board, fields: dict[str, object], text: str) -> None:
    board.put_null_job("j1", **fields)
    problem = board.call("run", "--job-id", "j1").problem
    assert problem["code"] == "bad-job"
    assert text in problem["message"]
