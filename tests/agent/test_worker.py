import contextlib
import gc
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

import sis_agent
from sis_agent import clock
from sis_agent.protocol import ProblemError
from sis_agent.schema import JOB_VERSION, Job, NetworkJob, Preprocess
from sis_agent.worker import worker
from sis_agent.worker.process import StoppedError, StopRequest, WorkerLostError, WorkerProcess

JOB = Job(JOB_VERSION, "b1", [NetworkJob("a", "m", "l")], "i", 1e-4, Preprocess([0.5] * 3, [0.25] * 3), runner="null")
LOAD = {
    "do": "load",
    "name": "a",
    "model": "m",
    "golden_inputs": "i",
    "options": {},
    "runner": "null",
    "inputs": None,
}


@contextlib.contextmanager
def started(answer_limit_s: float = 30.0, time_limit_s: float = 30.0) -> Iterator[tuple[WorkerProcess, StopRequest]]:
    stop = StopRequest(clock.now_s() + time_limit_s)
    with WorkerProcess(JOB, stop, answer_limit_s) as process:
        yield process, stop


def test_a_worker_measures() -> None:
    with started() as (process, _):
        assert process.start["runner_details"] == {"null": {"runner": "null", "on_gpu": False}}
        assert process.start["baseline_rss_bytes"] > 0
        assert process.ask(LOAD)["load_s"] >= 0
        before_s = clock.now_s()
        turn = process.ask({"do": "run", "name": "a", "inferences": 4})
        assert len(turn["latencies_s"]) == 4
        assert before_s < turn["start_s"] < clock.now_s()  # one clock for both processes
        assert process.ask({"do": "golden", "name": "a", "images": "", "logits": "", "tolerance": 0}) is None


def test_a_failing_command_is_a_problem_and_the_worker_lives() -> None:
    with started() as (process, _):
        with pytest.raises(ProblemError) as caught:
            process.ask({"do": "run", "name": "never loaded", "inferences": 1})
        assert caught.value.problem.code == "run-failed"
        assert process.ask(LOAD)["load_s"] >= 0


def test_a_silent_worker_is_killed() -> None:
    with started(answer_limit_s=1.0) as (process, _):
        os.kill(process._process.pid, signal.SIGSTOP)
        with pytest.raises(WorkerLostError, match="was silent for 1 s at 'load'") as caught:
            process.ask(LOAD)
        assert caught.value.problem.code == "worker-silent"
        assert process._process.returncode == -signal.SIGKILL


@pytest.mark.parametrize(("number", "text"), [(signal.SIGSEGV, "SIGSEGV"), (signal.SIGKILL, "out of memory")])
def test_a_dead_worker_is_reported(number: int, text: str) -> None:
    with started() as (process, _):
        os.kill(process._process.pid, number)
        with pytest.raises(WorkerLostError, match=text) as caught:
            process.ask(LOAD)
        assert caught.value.problem.code == "worker-died"


def test_the_deadline_stops_a_wait() -> None:
    with started(time_limit_s=1.0) as (process, _):
        os.kill(process._process.pid, signal.SIGSTOP)
        with pytest.raises(StoppedError) as caught:
            process.ask(LOAD)
        assert caught.value.problem.code == "time-limit"


def test_a_stop_request_ends_a_wait() -> None:
    with started() as (process, stop):
        os.kill(process._process.pid, signal.SIGSTOP)
        os.write(stop._write_end, b"\x0f")  # what the interpreter writes there when a signal arrives
        with pytest.raises(StoppedError) as caught:
            process.ask(LOAD)
        assert caught.value.problem.code == "cancelled"


def test_what_native_code_prints_does_not_break_the_replies() -> None:
    """The runner of this child writes to descriptor 1 as a native library would."""
    code = (
        f"import os, sys; sys.path.insert(0, {str(Path(sis_agent.__file__).parents[1])!r})\n"
        "from sis_agent.worker import worker\n"
        "from sis_agent.runners import null\n"
        "load = null.NullRunner.load\n"
        "null.NullRunner.load = lambda *a: (os.write(1, b'native noise'), print('python noise'), load(*a))[-1]\n"
        "worker.main()"
    )
    commands = (
        '{"do": "start", "runners": ["null"], "threads": 1, "batch_size": 1, "cores": [], '
        '"preprocess": {"mean": [], "std": []}}\n'
        '{"do": "load", "name": "a", "model": "m", "golden_inputs": "i", "options": {}, '
        '"runner": "null", "inputs": null}\n{"do": "quit"}\n'
    )
    done = subprocess.run([sys.executable, "-c", code], input=commands, capture_output=True, text=True, timeout=30)
    assert done.returncode == 0
    assert "noise" not in done.stdout
    assert [line[:9] for line in done.stdout.splitlines()] == ['{"reply":'] * 2
    assert "native noise" in done.stderr
    assert "python noise" in done.stderr


def in_this_process(step: worker.Step) -> worker.Worker:
    """A worker whose network `a` is this step."""
    start = {"runners": ["null"], "threads": 1, "batch_size": 1, "cores": [], "preprocess": {"mean": [], "std": []}}
    found = worker.Worker(start, lambda progress: None)
    found.load("a", "m", "i", {}, "null", None)
    found._steps["a"] = step
    return found


def test_a_turn_begins_with_an_inference_that_is_not_counted() -> None:
    """The first finds the caches full of another network: here it is the slow one, and no latency has it."""
    calls: list[float] = []

    def step() -> None:
        calls.append(clock.now_s())
        if len(calls) == 1:
            time.sleep(0.05)

    turn = in_this_process(step).run("a", 4)
    assert len(calls) == 5
    assert len(turn["latencies_s"]) == 4
    assert calls[0] + 0.05 <= turn["start_s"] <= calls[1]
    assert turn["costs"]["wall_s"] >= sum(turn["latencies_s"])


def test_an_energy_block_begins_so_too() -> None:
    calls: list[float] = []
    block = in_this_process(lambda: calls.append(clock.now_s())).run_for("a", 0.0)
    assert block is not None
    assert (len(calls), block["inferences"]) == (2, 1)
    assert calls[0] <= block["start_s"] <= calls[1]


def test_timing_stops_the_collector_and_restores_it() -> None:
    seen = []
    assert gc.isenabled()
    latencies = worker.time_steps(lambda: seen.append(gc.isenabled()), 3)
    assert seen == [False] * 3
    assert gc.isenabled()
    assert len(latencies) == 3
    with pytest.raises(ZeroDivisionError):
        worker.time_steps(lambda: 1 // 0, 1)
    assert gc.isenabled()
    gc.disable()
    worker.time_steps(lambda: None, 1)
    collecting = gc.isenabled()
    gc.enable()
    assert not collecting
