import threading
import time
from pathlib import Path

import pytest

from sis_agent.worker import costs, worker


def burn(cpu_s: float) -> None:
    end_s = time.thread_time() + cpu_s
    while time.thread_time() < end_s:
        pass


def test_the_meter_reads_before_the_first_inference_and_after_the_last() -> None:
    events: list[str] = []

    class Meter(costs.CostMeter):
        def begin(self) -> None:
            events.append("begin")

        def end(self) -> None:
            events.append("end")

    worker.time_steps(lambda: events.append("inference"), 3, Meter())
    assert events == ["begin", *["inference"] * 3, "end"]


def test_work_is_processor_time_and_sleep_is_not() -> None:
    meter = costs.CostMeter()
    worker.time_steps(lambda: burn(0.02), 2, meter)
    assert meter.costs["cpu_s"] >= 0.04
    assert meter.costs["wall_s"] >= meter.costs["cpu_s"] - 1e-4
    worker.time_steps(lambda: time.sleep(0.03), 2, meter)
    assert meter.costs["wall_s"] - meter.costs["cpu_s"] >= 0.05


def test_work_of_other_threads_is_the_process_alone() -> None:
    def step() -> None:
        other = threading.Thread(target=burn, args=(0.05,))
        other.start()
        other.join()

    meter = costs.CostMeter()
    worker.time_steps(step, 1, meter)
    assert meter.costs["process_cpu_s"] >= 0.05
    assert meter.costs["cpu_s"] < meter.costs["process_cpu_s"] - 0.03


def tasks(root: Path, **threads: str) -> str:
    for name, text in threads.items():
        (root / name).mkdir()
        (root / name / "schedstat").write_text(text)
    return str(root)


def test_the_wait_for_a_core_is_that_of_all_threads(tmp_path: Path) -> None:
    folder = tasks(tmp_path, t1="900000000 2000000 7\n", t2="100 3500000 9\n")
    (tmp_path / "ended").mkdir()
    assert costs.run_delay_s(folder) == pytest.approx(0.0055)


@pytest.mark.parametrize("text", ["", "5", "a b c"])
def test_a_wait_that_is_not_told_is_unknown(tmp_path: Path, text: str) -> None:
    assert costs.run_delay_s(tasks(tmp_path, t1=text)) is None
    assert costs.run_delay_s(str(tmp_path / "none")) is None


def test_an_unknown_wait_stays_unknown_and_a_thread_that_ended_is_no_gain() -> None:
    for readings, expected in (([None, 1.0], None), ([1.0, None], None), ([2.0, 1.5], 0.0), ([1.0, 1.25], 0.25)):
        meter = costs.CostMeter(iter(readings).__next__)
        meter.begin()
        meter.end()
        assert meter.costs["run_delay_s"] == expected
