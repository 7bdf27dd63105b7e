"""A simulated board that throttles, in real time: the agent sees it, and the networks become slower."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from tiny_bundle import tiny_bundle, tiny_profile

from sis_edge import simulated
from sis_edge.board.deploy import deploy
from sis_edge.board.jobs import MeasuringOptions
from sis_edge.board.sustained import SustainedOptions
from sis_edge.results.sustained.histogram import count
from sis_edge.results.sustained.throttle import throttle
from sis_edge.simulated.mover import WORKER, JobWatch, is_held


@pytest.mark.slow
def test_the_agent_sees_a_board_that_throttles(tmp_path: Path) -> None:
    with simulated.board("orin-nano-hot-sim", thermal_speed_up=200.0) as board:
        tiny = tiny_profile()
        power = board.profile.power.model_copy(update={"idle_s": 1.0, "block_s": 0.2, "blocks": 1})
        parts = {"measuring": tiny.measuring, "runtime": tiny.runtime, "power": power}
        profile = board.profile.model_copy(update=parts)
        options = MeasuringOptions(sustained=SustainedOptions(time_s=5.0, cool_to_c=55.0))
        record = deploy(tiny_bundle(tmp_path / "b"), board.transport, profile, networks=["dense"], options=options)
    assert record.problem is None
    assert record.simulated
    (run,) = record.sustained_runs
    assert run.reason is None
    rest = record.rests[-1]
    assert (rest.run, rest.target_c, rest.reached) == (0, 55.0, True)
    windows = record.sustained_windows
    found = throttle(windows)
    assert found.time_s is not None
    assert found.cause == "CPU clock"
    assert any(sign.startswith("cpu-throttle-alert up") for sign in found.signs)
    assert (windows[0].temperature_c or 0) < (windows[-1].temperature_c or 0)
    watts = [window.power_w["VDD_IN"] or 0 for window in windows]
    assert watts[-1] < 0.95 * max(watts)
    assert all(count(window.service) for window in windows), "its worker is held for a part of the time only"
    assert not record.states or record.states[-1].t_s < windows[0].start_s


@pytest.mark.parametrize("share", [1.0, 0.85, 0.55])
def test_a_worker_runs_for_the_share_of_its_clock(share: float) -> None:
    moments_s = [1234.5 + at * 1e-4 for at in range(2000)]  # ten beats
    assert sum(not is_held(now_s, share) for now_s in moments_s) / 2000 == pytest.approx(share, abs=0.005)


def test_only_a_worker_is_held_and_it_goes_on_afterwards(tmp_path: Path) -> None:
    words = [sys.executable, "-c", "import time; time.sleep(60)"]
    with (
        subprocess.Popen([*words, WORKER.decode()]) as worker,
        subprocess.Popen([*words, "somebody else"]) as other,
    ):
        try:
            watch = JobWatch(tmp_path)
            watch._workers = [worker.pid, other.pid]
            watch.hold(True)
            assert _becomes(worker.pid, "T")
            assert _state(other.pid) != "T"
            watch.hold(True)
            assert watch.look(time.monotonic()), "a board that holds its worker is at work"
            watch.hold(False)
            assert _becomes(worker.pid, "S")
        finally:
            for each in (worker, other):
                os.kill(each.pid, signal.SIGKILL)


def _state(pid: int) -> str:
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]


def _becomes(pid: int, state: str) -> bool:
    for _ in range(200):
        if _state(pid) == state:
            return True
        time.sleep(0.01)
    return False
