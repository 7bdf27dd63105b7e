import os
import signal
from pathlib import Path

import pytest

from .board import POWER, Board, children
from .interpreters import OLDEST_AND_NEWEST, find


@pytest.mark.slow
def test_an_order_comes_from_the_seed(board: Board) -> None:
    def positions(job_id: str, seed: int) -> list[list[int]]:
        board.put_null_job(job_id, networks=("a", "b", "c", "d"), rounds=20, seed=seed)
        board.call("run", "--foreground", "--job-id", job_id)
        return [[turn.position for turn in network.rounds] for network in board.record(job_id).networks]

    first, again, other = positions("j1", 1), positions("j2", 1), positions("j3", 2)
    assert first == again != other
    assert all(sorted(places) == [0, 1, 2, 3] for places in zip(*first, strict=True))
    assert all(len(set(places)) > 1 for places in first)


@pytest.mark.parametrize("version", OLDEST_AND_NEWEST)
def test_rounds_are_dealt_to_fresh_processes(tmp_path: Path, version: str) -> None:
    """Each once in every block of three rounds, in an order that changes; networks keep theirs."""
    board = Board(tmp_path / "root", find(version))
    board.put_empty_bundle()
    for job_id, processes in (("j1", 3), ("j2", 1)):
        board.put_null_job(job_id, networks=("a", "b"), rounds=12, processes=processes)
        board.call("run", "--foreground", "--job-id", job_id)
    record, alone = board.record("j1"), board.record("j2")
    assert record.problem is None
    dealt = [[turn.process for turn in network.rounds] for network in record.networks]
    assert dealt[0] == dealt[1]
    blocks = [dealt[0][at : at + 3] for at in range(0, 12, 3)]
    assert all(sorted(block) == [0, 1, 2] for block in blocks)
    assert len({tuple(block) for block in blocks}) > 1
    places = [[[turn.position for turn in network.rounds] for network in each.networks] for each in (record, alone)]
    assert places[0] == places[1]
    assert {turn.process for network in alone.networks for turn in network.rounds} == {0}


@pytest.mark.parametrize("version", OLDEST_AND_NEWEST)
def test_blocks_for_energy_between_two_rests(tmp_path: Path, sysroot: str, version: str) -> None:
    board = Board(tmp_path / "root", find(version))
    board.put_empty_bundle()
    board.put_null_job("j1", networks=("a", "b", "c"), power=POWER)
    board.call("--sysroot", sysroot, "run", "--foreground", "--job-id", "j1")
    record = board.record("j1")
    assert (record.problem, record.ended_by, record.simulated) == (None, "length", True)
    between = [window for window in record.windows if window.name == "idle_between"]
    assert len(between) == 2  # of three rounds of blocks
    windows = [window for window in record.windows if window.name != "idle_between"]
    assert [window.name for window in windows] == ["rounds", "idle_before", "energy", "idle_after"]
    times = [time_s for window in windows for time_s in (window.start_s, window.end_s)]
    assert times == sorted(times)
    rounds, before, energy, after = windows
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
    rests = [(window.start_s, window.end_s) for window in between]
    works = [(block.start_s, block.end_s) for block in blocks]
    stamps = [time_s for stretch in (*works[:3], rests[0], *works[3:6], rests[1], *works[6:]) for time_s in stretch]
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


@pytest.mark.slow
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


@pytest.mark.fault("worker killed in a round", "another takes its place")
def test_a_worker_killed_in_a_round_costs_one_network_and_another_takes_its_place(board: Board) -> None:
    board.put_null_job("j1", networks=("a", "b", "c"), rounds=6000, processes=2, time_limit_s=60)
    pid = board.call("run", "--job-id", "j1").answer["pid"]
    board.wait("j1", phase="rounds")
    os.kill(children(pid)[0], signal.SIGKILL)
    assert board.wait("j1")["state"] == "done"
    record = board.record("j1")
    (victim,) = [network.name for network in record.networks if network.problem is not None]
    others = [network for network in record.networks if network.name != victim]
    assert {len(network.rounds) for network in others} == {6000}
    assert {turn.process for network in others for turn in network.rounds} == {0, 1, 2}


def test_what_follows_the_rounds_has_one_worker(board: Board, sysroot: str) -> None:
    """Each holds all networks, and a small board's memory should not be full while energy is measured."""
    board.put_null_job("j1", networks=("a",), processes=3, power=POWER._replace(block_s=1.5, blocks=2, idle_s=0.0))
    pid = board.call("--sysroot", sysroot, "run", "--job-id", "j1").answer["pid"]
    board.wait("j1", phase="energy")
    assert len(children(pid)) == 1
    assert board.wait("j1")["state"] == "done"


def test_a_turns_costs_are_recorded(board: Board) -> None:
    board.put_null_job("j1", networks=("a",), rounds=3, inferences_per_round=2000)
    board.call("run", "--foreground", "--job-id", "j1")
    for turn in board.record("j1").networks[0].rounds:
        assert turn.wall_s is not None
        assert turn.cpu_s is not None
        assert turn.process_cpu_s is not None
        assert sum(turn.latencies_s) <= turn.wall_s
        assert 0 < turn.cpu_s <= turn.process_cpu_s * 1.01
        assert turn.involuntary_switches is not None
        assert 0 <= turn.preempted < 4


def test_a_turn_of_the_agents_own_choice_is_recorded(board: Board) -> None:
    board.put_null_job("j1", rounds=2, inferences_per_round=0)
    board.call("run", "--foreground", "--job-id", "j1")
    record = board.record("j1")
    assert record.runner_details["turn_inferences"] == {"a": 1000, "b": 1000}  # nothing takes no time: the most
    assert {len(turn.latencies_s) for network in record.networks for turn in network.rounds} == {1000}


@pytest.mark.parametrize("version", OLDEST_AND_NEWEST)
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
