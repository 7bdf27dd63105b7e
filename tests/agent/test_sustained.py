"""Sustained work of a whole job by the real agent: windows, rests, and a job that is killed in the middle of it."""

import os
import signal
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from sis_agent.measure.going_on import differences
from sis_agent.measure.journal import Heading, KeptResults
from sis_agent.measure.results import Results
from sis_agent.measure.sustained import CUT_OFF, cut_s
from sis_agent.schema import Facts, LatencyCounts, RestRequest, SustainedRequest, SustainedRun, SustainedWindow

from .board import POWER, Board, children
from .interpreters import OLDEST_AND_NEWEST, find
from .test_going_on import cut, lost

ZONE = "sys/class/thermal/thermal_zone0"
CPU = "sys/devices/system/cpu/cpu0/cpufreq/scaling_cur_freq"


@pytest.fixture
def warm(sysroot: str) -> Path:
    """A board with a sensor of power, one of temperature and a clock."""
    root = Path(sysroot)
    for name, text in ((f"{ZONE}/type", "cpu-thermal"), (f"{ZONE}/temp", "51500"), (CPU, "1500000")):
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text + "\n")
    return root


@pytest.fixture
def in_memory(tmp_path: Path) -> Iterator[Board]:
    """A board whose disk is quick: a slow one gets a line for several windows."""
    memory = Path("/dev/shm")
    with tempfile.TemporaryDirectory(dir=memory if os.access(memory, os.W_OK) else tmp_path) as made:
        board = Board(Path(made) / "root", sys.executable)
        board.put_empty_bundle()
        yield board


@pytest.mark.parametrize("version", OLDEST_AND_NEWEST)
def test_each_network_works_alone_in_windows(tmp_path: Path, warm: Path, version: str) -> None:
    board = Board(tmp_path / "root", find(version))
    board.put_empty_bundle()
    power = POWER._replace(idle_s=0.0, block_s=0.05, blocks=1)
    board.put_null_job("j1", power=power, sustained=SustainedRequest(1.2, 0.6), rest=RestRequest(cool_to_c=60.0))
    board.call("--sysroot", str(warm), "run", "--foreground", "--job-id", "j1")
    record = board.record("j1")
    assert record.problem is None
    assert sorted(run.network for run in record.sustained_runs) == ["a", "b"]
    assert [(run.run, run.reason) for run in record.sustained_runs] == [(0, None), (1, None)]
    runs = [window.run for window in record.sustained_windows]
    assert runs == sorted(runs)
    assert set(runs) == {0, 1}
    for at in (0, 1):
        first, *_ = (window for window in record.sustained_windows if window.run == at)
        assert first.end_s - first.start_s >= 0.5, "a window lasts 0.6 s, and longer on a busy machine"
    for window in record.sustained_windows:
        assert sum(window.service.counts) > 0
        assert window.latency is None
        assert window.power_w in ({"VDD_IN": 6.0}, {"VDD_IN": None})
    assert any(window.power_w == {"VDD_IN": 6.0} for window in record.sustained_windows)
    read = [window for window in record.sustained_windows if window.states]
    assert read
    assert {(window.temperature_c, window.cpu_frequency_hz) for window in read} == {(51.5, 1.5e9)}
    assert [(rest.run, rest.target_c, rest.end_c, rest.reached) for rest in record.rests] == [
        (None, 60.0, 51.5, True),
        (0, 60.0, 51.5, True),
        (1, 60.0, 51.5, True),
    ]
    last_s = max(window.end_s for window in record.windows)
    assert record.sustained_windows[0].start_s > last_s, "all else comes before"
    inside = [state for state in record.states if last_s < state.t_s < record.sustained_windows[-1].end_s]
    assert len(inside) <= 2, "samples of it are kept as means only"


def test_a_board_that_does_not_cool_down_is_measured_all_the_same_and_that_is_said(board: Board, warm: Path) -> None:
    board.put_null_job("j1", networks=("a",), rest=RestRequest(0.1, cool_to_c=40.0, limit_s=0.2))
    board.call("--sysroot", str(warm), "run", "--foreground", "--job-id", "j1")
    (rest,) = board.record("j1").rests
    assert (rest.run, rest.target_c, rest.start_c, rest.end_c, rest.zone) == (None, 40.0, 51.5, 51.5, "cpu-thermal")
    assert rest.reached is False
    assert rest.end_s - rest.start_s >= 0.3


def test_without_a_temperature_there_is_no_waiting_for_one(board: Board, sysroot: str) -> None:
    board.put_null_job("j1", rest=RestRequest(cool_to_c=45.0))
    problem = board.call("--sysroot", sysroot, "run", "--foreground", "--job-id", "j1").problem
    assert problem["code"] == "no-temperature"
    assert "--rest 60s" in problem["message"]


@pytest.mark.slow
@pytest.mark.fault("agent killed in a sustained run", "its windows are kept, and the run begins anew")
def test_a_job_killed_in_a_sustained_run_keeps_its_windows_and_runs_that_network_again(
    in_memory: Board, warm: Path
) -> None:
    board = in_memory
    board.put_null_job("j1", rounds=3, sustained=SustainedRequest(0.5, 0.05, rate_hz=400.0))
    assert cut(board, "j1", warm, 2, b'"sustained_windows"')
    _, record = lost(board, "j1", warm)
    kept = record.sustained_windows
    assert kept
    assert record.sustained_runs == []
    board.call("--sysroot", str(warm), "run", "--foreground", "--job-id", "j1")
    record = board.record("j1")
    assert record.problem is None
    assert record.sustained_windows[: len(kept)] == kept
    reasons = [run.reason for run in record.sustained_runs]
    assert reasons == [CUT_OFF, None, None]
    first, again, other = record.sustained_runs
    assert first.network == again.network != other.network
    counts = [sum(window.run == run.run for window in record.sustained_windows) for run in record.sustained_runs]
    assert counts[0] == len(kept)
    assert all(1 <= count <= 10 for count in counts[1:]), "a machine that is busy ends one late"
    paced = [window for window in record.sustained_windows if window.run == again.run]
    assert sum(window.due or 0 for window in paced) == 200
    assert all(window.latency is not None and window.missed is not None for window in paced)
    assert len(record.interruptions) == 1


@pytest.mark.slow
def test_a_worker_that_dies_in_a_sustained_run_costs_that_run(board: Board, warm: Path) -> None:
    board.put_null_job("j1", sustained=SustainedRequest(4.0, 0.1))
    pid = board.call("--sysroot", str(warm), "run", "--job-id", "j1").answer["pid"]
    board.wait("j1", phase="sustained")
    while not (workers := children(pid)):  # it starts; the test's time limit ends a wait for none
        time.sleep(0.01)
    os.kill(workers[0], signal.SIGKILL)
    assert board.wait("j1")["state"] == "done"
    record = board.record("j1")
    first, second = record.sustained_runs
    assert first.reason is not None
    assert "ended by SIGKILL" in first.reason
    assert second.reason is None
    assert all(network.problem is None for network in record.networks), "the rounds of it are as good as ever"


def test_a_board_that_became_hot_may_go_on_though_it_lowered_its_highest_clock() -> None:
    """The kernel lowers it while it throttles; in rounds it is a difference, as ever."""
    before = Facts(kernel="6.1", cpu_max_frequency_hz=1.5e9)
    heading = Heading("", "a" * 64, "2026-11-29T12:00:00Z", before)
    kept = KeptResults(heading, Results(), 1.0, "2026-11-29T12:00:01Z", None, 0)
    hot = before._replace(cpu_max_frequency_hz=1.1e9)
    assert differences(kept, "a" * 64, hot) == ["highest CPU clock 1500000000.0 became 1100000000.0"]
    counts = LatencyCounts([1], [1], 1.0, 1.0, 1.0)
    kept.results.sustained_windows.append(SustainedWindow(0, "a", 0.0, 1.0, counts))
    assert differences(kept, "a" * 64, hot) == []
    assert differences(kept, "a" * 64, hot._replace(kernel="6.2")) == ["kernel 6.1 became 6.2"]


def test_the_time_of_runs_that_were_cut_off_is_not_taken_from_the_rest() -> None:
    counts = LatencyCounts([1], [1], 1.0, 1.0, 1.0)
    windows = [SustainedWindow(run, "a", float(at), at + 2.0, counts) for at, run in enumerate((0, 0, 1, 2))]
    runs = [SustainedRun(0, "a", CUT_OFF), SustainedRun(1, "a")]
    assert cut_s(windows, runs) == 3 * 2.0, "of run 0, which was run again, and of run 2, which has no end"
