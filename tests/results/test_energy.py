"""Energy against an analytic truth: a simulated sensor, read by the real sampler on a fake clock."""

from collections.abc import Callable
from dataclasses import dataclass
from math import cos, pi

import numpy as np
import pytest
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st

from sis_agent.measure.sampler import Recorder
from sis_agent.power.base import Source
from sis_agent.schema import EnergyBlock, NetworkRecord, Power, PowerTrace, Record, Window
from sis_edge.results import energy

from .factory import stored_run

ZERO_S = 500.0


@dataclass(frozen=True)
class Load:
    """Power [W]: rest, from `on_s` to `off_s` work on top, and a ripple and a drift all the time."""

    rest_w: float
    work_w: float
    on_s: float
    off_s: float
    ripple_w: float
    ripple_hz: float
    drift_w_per_s: float

    def energy_j(self, time_s: float) -> float:
        """The integral of power from 0 to a time."""
        worked_s = min(max(time_s - self.on_s, 0.0), self.off_s - self.on_s)
        turn = 2 * pi * self.ripple_hz
        ripple_j = self.ripple_w * (1 - cos(turn * time_s)) / turn
        return self.rest_w * time_s + self.work_w * worked_s + ripple_j + self.drift_w_per_s * time_s**2 / 2


class Sensor(Source):
    """A sensor that shows, from each update on, the mean power since the one before. It updates out of step."""

    kind = "simulated"

    def __init__(self, load: Load, update_s: float, phase: float, clock: Callable[[], float]) -> None:
        super().__init__(["VDD_IN"], [], update_s)
        self._load, self._update_s, self._phase, self._clock = load, update_s, phase, clock

    def read(self) -> dict[str, float | None]:
        step = int((self._clock() - ZERO_S) / self._update_s + 1 + self._phase)
        end_s = (step - self._phase) * self._update_s - self._update_s
        joules = self._load.energy_j(end_s) - self._load.energy_j(end_s - self._update_s)
        return {"VDD_IN": joules / self._update_s}


class Counter(Sensor):
    """The same as a counter of energy."""

    counts_energy = True

    def read(self) -> dict[str, float | None]:
        return {"VDD_IN": self._load.energy_j(self._clock() - ZERO_S)}


def sampled(load: Load, update_s: float, phase: float, until_s: float, kind: type[Sensor] = Sensor) -> PowerTrace:
    now = [ZERO_S]
    recorder = Recorder(kind(load, update_s, phase, lambda: now[0]), ZERO_S, lambda: now[0])
    while now[0] - ZERO_S < until_s:
        recorder.sample()
        now[0] += recorder.interval_s
    recorder.sample(is_last=True)
    return recorder.trace()


LOADS = st.builds(
    Load,
    rest_w=st.floats(1, 5),
    work_w=st.floats(0, 5),
    on_s=st.just(1.0),
    off_s=st.floats(1.2, 6),
    ripple_w=st.floats(0, 0.1),
    ripple_hz=st.floats(0.1, 5),
    drift_w_per_s=st.floats(-0.05, 0.05),
)


def error(load: Load, trace: PowerTrace, window: Window) -> float:
    total = energy.Total(trace, ["VDD_IN"])
    assert total.fault(window) is None
    truth_j = load.energy_j(window.end_s) - load.energy_j(window.start_s)
    return abs(total.energy_j(window) / truth_j - 1)


@settings(deadline=None, max_examples=60)
@given(load=LOADS, update_s=st.floats(0.001, 0.036), phase=st.floats(0, 0.99), length_s=st.floats(1, 5))
@example(load=Load(1.0, 3.0, 1.0, 1.5, 0.0, 1.0, 0.0), update_s=0.03125, phase=0.0, length_s=1.0)  # reads in step
@example(load=Load(1.0, 5.0, 1.0, 2.0, 0.0, 1.0, 0.0), update_s=0.036, phase=0.5, length_s=1.0)  # ends with the window
def test_windows_of_a_second_and_more_are_within_1_percent(
    load: Load, update_s: float, phase: float, length_s: float
) -> None:
    # The window begins with the work, and may end with it, so the sensor's averages straddle its edges. A change that
    # is not at the edge and nearer to it than two updates is beyond any sensor that averages.
    assume(not 1e-9 < 1 + length_s - load.off_s < 2 * update_s)
    # Within the window an average tells no better than to half an update when the load changed.
    window = Window("block", 1.0, 1.0 + length_s)
    lost_j = load.work_w * update_s / 2 if load.off_s < window.end_s else 0.0
    assume(lost_j <= 0.01 * (load.energy_j(window.end_s) - load.energy_j(window.start_s)))
    trace = sampled(load, update_s, phase, 1 + length_s + 0.2)
    assert error(load, trace, window) <= 0.01


@pytest.mark.parametrize("phase", [0.0, 0.25, 0.5, 0.75])
@pytest.mark.parametrize("update_s", [0.009, 0.02, 0.036])
def test_a_block_between_two_rests_loses_nothing_at_its_edges(update_s: float, phase: float) -> None:
    load = Load(1.0, 5.0, 1.0, 2.0, 0.0, 1.0, 0.0)
    trace = sampled(load, update_s, phase, 2.2)
    assert error(load, trace, Window("block", 1.0, 2.0)) == pytest.approx(0, abs=1e-6)


@pytest.mark.parametrize("phase", [0.0, 0.25, 0.5, 0.75])
@pytest.mark.parametrize("drift_w_per_s", [5.0, -2.0])
def test_power_that_changes_all_the_time_is_not_late(drift_w_per_s: float, phase: float) -> None:
    load = Load(8.0, 0.0, 1.0, 2.0, 0.0, 1.0, drift_w_per_s)
    trace = sampled(load, 0.036, phase, 2.2)
    assert error(load, trace, Window("block", 1.0, 2.0)) < 0.005  # late by a whole update it is off by 1%


def test_power_between_samples_is_a_straight_line() -> None:
    times_s = [at / 8 for at in range(17)]
    trace = PowerTrace("s", ["VDD_IN"], times_s, {"VDD_IN": list(times_s)}, {}, None, 1 / 8)
    found = energy.Total(trace, ["VDD_IN"]).energy_j(Window("block", 0.5, 1.5))
    assert found == pytest.approx(1.0)


@settings(deadline=None, max_examples=60)
@given(load=LOADS, update_s=st.floats(0.001, 0.01), phase=st.floats(0, 0.99))
def test_windows_of_200_ms_are_within_3_percent(load: Load, update_s: float, phase: float) -> None:
    trace = sampled(load, update_s, phase, 1.4)
    assert error(load, trace, Window("block", 1.0, 1.2)) <= 0.03


@settings(deadline=None, max_examples=30)
@given(load=LOADS, length_s=st.floats(1, 5))
def test_counters_of_energy_are_as_good(load: Load, length_s: float) -> None:
    trace = sampled(load, 0.05, 0.0, 1 + length_s + 0.2, Counter)
    assert trace.power_w == {}
    assert error(load, trace, Window("block", 1.0, 1.0 + length_s)) <= 0.01


def test_a_counter_s_reads_are_of_the_time_when_they_are_read() -> None:
    """However seldom it counts: nothing is averaged, so that a block loses nothing to the rests at both its edges."""
    load = Load(rest_w=1, work_w=10, on_s=1.0, off_s=2.0, ripple_w=0, ripple_hz=1, drift_w_per_s=0)
    trace = sampled(load, 0.1, 0.0, 3.0, Counter)._replace(update_interval_s=0.1)
    assert error(load, trace, Window("block", 1.0, 2.0)) <= 0.02


def trace_of(
    watts: Callable[[np.ndarray], np.ndarray], until_s: float, step_s: float = 0.05, seed: int | None = None
) -> PowerTrace:
    times_s = np.arange(0, until_s, step_s)
    values = watts(times_s)
    if seed is not None:
        values = values * np.random.default_rng(seed).normal(1, 0.01, len(times_s))
    return PowerTrace("s", ["VDD_IN"], times_s.tolist(), {"VDD_IN": values.tolist()}, {}, None, step_s)


def record_of(trace: PowerTrace, blocks: list[EnergyBlock], windows: list[Window], **changes: object) -> Record:
    power = Power("measured", None, [trace], ["VDD_IN"], "module input")
    names = sorted({block.network for block in blocks})
    base = stored_run(names=("nin",), rounds=6).record
    networks = [NetworkRecord(name, 1) for name in names]
    return base._replace(power=power, energy_blocks=blocks, windows=windows, networks=networks)._replace(**changes)


IDLE = [Window("idle_before", 0.5, 10.0), Window("idle_after", 30.5, 40.0)]
BLOCKS = [EnergyBlock("nin", block, 11 + 3 * block, 13 + 3 * block, 100) for block in range(6)]


def busy(times_s: np.ndarray) -> np.ndarray:
    return np.where((times_s >= 10.5) & (times_s <= 30.0), 6.0, 2.0)


def test_gross_net_and_labels() -> None:
    found = energy.of_record(record_of(trace_of(busy, 41), BLOCKS, IDLE))["nin"]
    assert found.gross_j == pytest.approx(6.0 * 2 / 100)
    assert found.net_j == pytest.approx(4.0 * 2 / 100)
    assert (found.scope, found.source, found.blocks, found.reason) == ("module input", "s", 6, None)


def test_idle_power_is_interpolated_in_time_and_its_drift_told() -> None:
    def drifting(times_s: np.ndarray) -> np.ndarray:
        return busy(times_s) + 0.02 * times_s

    record = record_of(trace_of(drifting, 41), BLOCKS, IDLE)
    rest = energy.idle(record)
    assert isinstance(rest, energy.Idle)
    assert rest.drift == pytest.approx(0.02 * 30 / (2 + 0.02 * 20.25), rel=1e-3)
    found = energy.of_record(record)["nin"]
    assert found.net_j == pytest.approx(4.0 * 2 / 100, rel=1e-6)


def test_the_interval_covers_the_truth_in_19_of_20() -> None:
    """Blocks vary by 1%, samples by 1%: the interval of 6 blocks holds the truth about as often as it says."""
    covered_gross = covered_net = 0
    trials = 300
    for seed in range(trials):
        numbers = np.random.default_rng(seed)
        level = {block.block: 6.0 * numbers.normal(1, 0.01) for block in BLOCKS}

        def watts(times_s: np.ndarray, level: dict[int, float] = level) -> np.ndarray:
            values = np.full(len(times_s), 2.0)
            for block in BLOCKS:
                values[(times_s >= block.start_s - 0.3) & (times_s <= block.end_s + 0.3)] = level[block.block]
            return values

        found = energy.of_record(record_of(trace_of(watts, 41, 0.1, seed), BLOCKS, IDLE))["nin"]
        assert found.gross_low is not None
        assert found.gross_high is not None
        assert found.net_low is not None
        assert found.net_high is not None
        covered_gross += found.gross_low <= 0.12 <= found.gross_high
        covered_net += found.net_low <= 0.08 <= found.net_high
    assert 0.91 <= covered_gross / trials <= 0.99
    assert 0.91 <= covered_net / trials <= 1.0


def test_few_blocks_have_no_interval() -> None:
    found = energy.of_record(record_of(trace_of(busy, 41), BLOCKS[:2], IDLE))["nin"]
    assert found.gross_j is not None
    assert found.gross_low is None
    assert found.reason is not None
    assert "3 energy blocks" in found.reason


def test_without_rest_there_is_no_net_energy() -> None:
    found = energy.of_record(record_of(trace_of(busy, 41), BLOCKS, IDLE[:1]))["nin"]
    assert found.gross_j is not None
    assert found.net_j is None
    assert found.reason is not None
    assert "idle_after" in found.reason


@pytest.mark.parametrize(
    ("power", "words"),
    [
        (Power("unavailable", "there is no sensor"), "unavailable (there is no sensor)"),
        (Power("measured", None, [trace_of(busy, 41)]), "no total is claimed"),
        (Power("measured", None, [trace_of(busy, 41)], ["VIN"]), "VIN"),
        (Power("measured", None, [trace_of(busy, 0.05)], ["VDD_IN"]), "fewer than two"),
    ],
)
def test_no_number_without_a_reason(power: Power, words: str) -> None:
    record = record_of(trace_of(busy, 41), BLOCKS, IDLE, power=power)
    (found,) = energy.of_record(record).values()
    assert (found.gross_j, found.net_j) == (None, None)
    assert found.reason is not None
    assert words in found.reason
    assert isinstance(energy.idle(record), str)


def test_a_slow_sensor_a_gap_and_a_failed_read_cost_the_block() -> None:
    def reason(trace: PowerTrace) -> str:
        found = energy.of_record(record_of(trace, BLOCKS[:1], IDLE))["nin"]
        assert found.gross_j is None
        return found.reason or ""

    assert "too slow" in reason(trace_of(busy, 41, 0.9))
    whole = trace_of(busy, 41)
    keep = [at for at, time_s in enumerate(whole.times_s) if not 11.5 < time_s < 12.2]
    times_s, watts = whole.times_s, whole.power_w["VDD_IN"]
    assert "gap" in reason(
        whole._replace(times_s=[times_s[at] for at in keep], power_w={"VDD_IN": [watts[at] for at in keep]})
    )
    failed = [None if 11.9 < time_s < 12.0 else value for time_s, value in zip(times_s, watts, strict=True)]
    assert "could not be read" in reason(whole._replace(power_w={"VDD_IN": failed}))
    assert "do not cover" in reason(trace_of(busy, 12.0))
