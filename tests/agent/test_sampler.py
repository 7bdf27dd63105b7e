"""The sampler against a fake clock, and as a real thread."""

import time
from pathlib import Path

import pytest

from sis_agent.commands import Commands
from sis_agent.measure.sampler import DEFAULT_INTERVAL_S, Recorder, Sampler
from sis_agent.power.base import Source
from sis_agent.schema import StateSample


class Clock:
    """A clock that is moved by hand."""

    def __init__(self, start_s: float = 1000.0) -> None:
        self.now_s = start_s

    def __call__(self) -> float:
        return self.now_s


class Steps(Source):
    """A sensor that updates in steps; its value is the number of the update."""

    kind = "steps"

    def __init__(self, clock: Clock, update_s: float | None, constant: bool = False) -> None:
        super().__init__(["A"], ["NC"], update_s)
        self.clock, self.constant, self.reads = clock, constant, 0

    def read(self) -> dict[str, float | None]:
        self.reads += 1
        step = (self.clock() - 1000.0) // (self.update_interval_s or 1.0)
        return {"A": 5.0 if self.constant else float(step)}


def run(sampler: Sampler, clock: Clock, until_s: float) -> None:
    while clock.now_s < until_s:
        clock.now_s = max(sampler.step(), clock.now_s + 1e-6)


def test_reads_come_twice_an_update_and_repeats_are_left_out() -> None:
    clock = Clock()
    source = Steps(clock, 0.5)
    recorder = Recorder(source, 1000.0, clock)
    assert recorder.interval_s == 0.25
    for index in range(41):
        clock.now_s = 1000.0 + index * 0.25
        recorder.sample()
    trace = recorder.trace()
    assert trace.power_w["A"] == [float(step) for step in range(21)]
    assert trace.duplicates == 20
    assert trace.sample_interval_s == 0.25
    assert trace.skipped_rails == ["NC"]


def test_a_power_that_stands_still_is_no_duplicate() -> None:
    clock = Clock()
    recorder = Recorder(Steps(clock, 0.5, constant=True), 1000.0, clock)
    for index in range(41):
        clock.now_s = 1000.0 + index * 0.25
        recorder.sample()
    assert len(recorder.trace().times_s) == 21


def test_without_an_update_interval_nothing_is_left_out() -> None:
    clock = Clock()
    recorder = Recorder(Steps(clock, None, constant=True), 1000.0, clock)
    assert recorder.interval_s == DEFAULT_INTERVAL_S
    for _ in range(5):
        clock.now_s += 0.05
        recorder.sample()
    assert len(recorder.trace().times_s) == 5


def test_states_once_a_second_and_the_end_is_kept() -> None:
    clock = Clock()
    source = Steps(clock, 0.5, constant=True)
    sampler = Sampler([source], StateSample, 999.0, clock)
    run(sampler, clock, 1010.0)
    sampler.finish()
    samples = sampler.stop()
    stamps = [state.t_s for state in samples.states]
    assert 5 <= len(stamps) <= 13
    assert stamps == sorted(stamps)
    assert stamps[0] == 1.0
    assert samples.traces[0].times_s[-1] == pytest.approx(clock.now_s - 999.0)


def test_a_pause_is_no_part_of_the_sampling() -> None:
    clock = Clock()
    source = Steps(clock, None)
    sampler = Sampler([source], StateSample, 1000.0, clock)
    run(sampler, clock, 1010.0)
    reads = source.reads
    for _ in range(10):
        with sampler.paused():
            clock.now_s += 1.0
        run(sampler, clock, clock.now_s + 1.0)
    samples = sampler.stop()
    # As many in ten seconds of turns between pauses as in ten seconds without any: none is caught up on.
    assert source.reads == pytest.approx(2 * reads, abs=10)
    assert samples.traces[0].sample_interval_s == pytest.approx(DEFAULT_INTERVAL_S, rel=0.05)
    assert samples.wall_s == pytest.approx(20.0, abs=1.0)


def test_no_read_begins_in_a_pause() -> None:
    source = Steps(Clock(), 0.01)
    sampler = Sampler([source], None, 0.0)
    sampler.start()
    while source.reads < 3:
        time.sleep(0.001)
    with sampler.paused():
        reads = source.reads
        time.sleep(0.1)
        assert source.reads == reads
    while source.reads < reads + 3:
        time.sleep(0.001)
    sampler.stop()


def test_tools_that_the_state_needs_are_a_cost_of_sampling(tmp_path: Path) -> None:
    """Such as a Raspberry Pi's vcgencmd, a process for every state: its time counts, and it is asked less often."""
    clock = Clock()
    tools = [5.0]  # of reads before the sampling

    def read_state(t_s: float) -> StateSample:
        tools[0] += 0.03
        return StateSample(t_s)

    sampler = Sampler([], read_state, 1000.0, clock, lambda: tools[0])
    run(sampler, clock, 1100.0)
    samples = sampler.stop()
    assert 10 <= len(samples.states) <= 13, "0.3% of a core are 10 s for 0.03 s"
    assert samples.cpu_s == pytest.approx(0.03 * len(samples.states), rel=0.2)
    board = tmp_path / "usr/bin"
    board.mkdir(parents=True)
    (board / "burn").write_text("#!/bin/sh\ni=0; while [ $i -lt 20000 ]; do i=$((i + 1)); done\n")
    (board / "burn").chmod(0o755)
    commands = Commands(str(tmp_path))
    finished = commands.finish("burn")
    assert finished is not None
    assert commands.cpu_s == finished.cpu_s > 0


class Dear(Steps):
    """A read that takes another process a fifth of a second of the processor."""

    def read(self) -> dict[str, float | None]:
        self.cpu_s += 0.2
        return super().read()


def test_a_dear_source_is_read_seldom() -> None:
    clock = Clock()
    source = Dear(clock, None)
    sampler = Sampler([source], None, 1000.0, clock)
    run(sampler, clock, 1600.0)
    samples = sampler.stop()
    assert source.reads >= 3
    assert samples.traces[0].sample_interval_s > 1.0
    assert source.cpu_s / 600.0 <= 0.01


def test_a_thread_of_its_own() -> None:
    clock = Clock()
    sampler = Sampler([Steps(clock, None)], None, clock(), clock)
    sampler.start()
    samples = sampler.stop()
    assert len(samples.traces[0].times_s) >= 1
    assert samples.cpu_s > 0


def test_what_goes_wrong_while_sampling_is_reported() -> None:
    def fail(t_s: float) -> StateSample:
        raise RuntimeError("the sensor caught fire")

    sampler = Sampler([], fail, 0.0)
    sampler.start()
    with pytest.raises(RuntimeError, match="caught fire"):
        sampler.stop()
