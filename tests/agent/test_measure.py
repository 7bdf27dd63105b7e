"""A whole job by the real agent: its length, its energy blocks, its pinning, its memory in fresh processes."""

import os
import signal
import sys
from pathlib import Path

import pytest

from sis_agent.schema import PowerRequest

from .board import FOR_EVER, Board, children
from .interpreters import find
from .networks import write_bundle

POWER = PowerRequest(total_rails=["VDD_IN"], scope="module input", idle_s=1.0, block_s=0.3, blocks=3)
SENSOR = {"name": "ina3221", "in1_label": "VDD_IN", "in1_input": "5000", "curr1_input": "1200"}


@pytest.fixture
def board(tmp_path: Path) -> Board:
    found = Board(tmp_path / "root", sys.executable)
    found.put_empty_bundle()
    return found


@pytest.fixture
def sysroot(tmp_path: Path) -> str:
    """A board with a sensor that always says 6 W."""
    folder = tmp_path / "sysroot/sys/class/hwmon/hwmon1"
    folder.mkdir(parents=True)
    for name, text in SENSOR.items():
        (folder / name).write_text(text + "\n")
    return str(tmp_path / "sysroot")


@pytest.mark.parametrize("version", ["3.6", "3.13"])
def test_blocks_for_energy_between_two_rests(tmp_path: Path, sysroot: str, version: str) -> None:
    board = Board(tmp_path / "root", find(version))
    board.put_empty_bundle()
    board.put_null_job("j1", networks=("a", "b", "c"), power=POWER)
    board.call("--sysroot", sysroot, "run", "--foreground", "--job-id", "j1")
    record = board.record("j1")
    assert (record.problem, record.ended_by, record.simulated) == (None, "length", True)
    assert [window.name for window in record.windows] == ["rounds", "idle_before", "energy", "idle_after"]
    times = [time_s for window in record.windows for time_s in (window.start_s, window.end_s)]
    assert times == sorted(times)
    rounds, before, energy, after = record.windows
    assert before.end_s - before.start_s >= 1
    assert after.end_s - after.start_s >= 1
    turns = [turn.start_s for network in record.networks for turn in network.rounds]
    assert rounds.start_s <= min(turns)
    assert max(turns) <= rounds.end_s
    # Every network once in each block, in an order that is drawn anew, one after the other.
    blocks = record.energy_blocks
    assert [block.block for block in blocks] == [0, 0, 0, 1, 1, 1, 2, 2, 2]
    orders = [[block.network for block in blocks[at : at + 3]] for at in (0, 3, 6)]
    assert all(sorted(order) == ["a", "b", "c"] for order in orders)
    assert all(block.end_s - block.start_s > 0.3 - 1e-9 and block.inferences > 0 for block in blocks)
    stamps = [time_s for block in blocks for time_s in (block.start_s, block.end_s)]
    assert [energy.start_s, *stamps, energy.end_s] == sorted([energy.start_s, *stamps, energy.end_s])
    assert (record.power.status, record.power.scope, record.power.total_rails) == (
        "measured",
        "module input",
        ["VDD_IN"],
    )
    trace = record.power.traces[0]
    assert set(trace.power_w["VDD_IN"]) == {6.0}
    assert trace.times_s[0] < before.start_s
    assert trace.times_s[-1] > after.end_s
    assert record.sampling.cpu_s is not None


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


def test_a_worker_killed_in_a_block_costs_one_network(board: Board, sysroot: str) -> None:
    board.put_null_job("j1", networks=("a", "b", "c"), power=POWER._replace(block_s=1.0, blocks=4, idle_s=0.0))
    pid = board.call("--sysroot", sysroot, "run", "--job-id", "j1").answer["pid"]
    board.wait("j1", phase="energy")
    (worker,) = children(pid)
    os.kill(worker, signal.SIGKILL)
    assert board.wait("j1")["state"] == "done"
    record = board.record("j1")
    (victim,) = [network.name for network in record.networks if network.problem is not None]
    counts = {name: sum(block.network == name for block in record.energy_blocks) for name in "abc"}
    assert counts.pop(victim) < 4
    assert set(counts.values()) == {4}
    assert all(len(network.rounds) == 3 for network in record.networks)


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


def test_a_turn_of_the_agents_own_choice_is_recorded(board: Board) -> None:
    board.put_null_job("j1", rounds=2, inferences_per_round=0)
    board.call("run", "--foreground", "--job-id", "j1")
    record = board.record("j1")
    assert record.runner_details["turn_inferences"] == {"a": 1000, "b": 1000}  # nothing takes no time: the most
    assert {len(turn.latencies_s) for network in record.networks for turn in network.rounds} == {1000}


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


def test_a_core_that_is_not_there_is_told_at_once(board: Board) -> None:
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


def test_memory_of_fresh_processes_agrees(board: Board) -> None:
    """Of real sessions of ONNX Runtime: peaks of five processes lie within 2% of each other."""
    pytest.importorskip("onnxruntime")
    job = write_bundle(board.root / "bundles" / "real")
    board.put_job("j1", job._replace(memory_repeats=5, rounds=1))
    board.call("run", "--foreground", "--job-id", "j1")
    for network in board.record("j1").networks:
        assert network.memory is not None
        peaks = network.memory.repeats_peak_rss_bytes
        assert len(peaks) == 5
        assert peaks[0] == network.memory.peak_rss_bytes
        assert max(peaks) <= 1.02 * min(peaks)
        assert network.memory.device_reason is not None


@pytest.mark.parametrize("version", ["3.6", "3.13"])
def test_pairs_of_turns_with_the_sampler_and_without(tmp_path: Path, version: str) -> None:
    board = Board(tmp_path / "root", find(version))
    board.put_empty_bundle()
    board.put_null_job("j1", networks=("a", "b"), reference="b", sampler_pairs=4)
    board.call("run", "--foreground", "--job-id", "j1")
    record = board.record("j1")
    sampling = record.sampling
    assert [pair.network for pair in sampling.pairs] == ["b"] * 4
    assert all(pair.with_latencies_s and pair.without_latencies_s for pair in sampling.pairs)
    assert sampling.cpu_s is not None
    assert sampling.wall_s is not None
    assert 0 < sampling.cpu_s < sampling.wall_s < record.duration_s
