from pathlib import Path

import numpy as np
import pytest

from sis_agent.schema import EnergyBlock, Power, PowerRequest, PowerTrace, Window
from sis_edge.errors import UsageError
from sis_edge.results import energy, meter
from sis_edge.results.schema import StoredRun

from .factory import stored_run
from .meter_runs import generated

BLOCKS = [EnergyBlock("nin", at, 7 + 2.1 * at, 9 + 2.1 * at, 100) for at in range(4)]
WINDOWS = [Window("idle_before", 1.0, 6.9), Window("idle_after", 17.0, 23.0)]


def run() -> StoredRun:
    found = stored_run(names=("nin",), rounds=6)
    record = found.record._replace(energy_blocks=BLOCKS, windows=WINDOWS, duration_s=25.0)
    return found.model_copy(update={"record": record})


def recording(offset_s: float, step_s: float = 0.1, until_s: float = 60.0, seed: int = 0) -> meter.Recording:
    times_s = np.arange(0, until_s, step_s)
    works = (times_s - offset_s >= 6.95) & (times_s - offset_s <= 15.4)
    noise = np.random.default_rng(seed).normal(0, 0.05, len(times_s))
    return meter.Recording("meter.csv", times_s + 1.7e9, np.where(works, 9.0, 4.0) + noise)


@pytest.mark.parametrize("offset_s", [0.0, 3.337, 21.9])
def test_clocks_are_aligned_by_what_both_have_seen(offset_s: float) -> None:
    found = meter.align(run().record, recording(offset_s))
    assert found.offset_s - 1.7e9 == pytest.approx(offset_s, abs=0.1)
    assert found.correlation > 0.95


def test_energy_from_the_meter() -> None:
    attached = meter.attach(run(), recording(12.34), "wall")
    found = energy.per_inference(attached)["nin"]
    assert found.gross_j == pytest.approx(9.0 * 2 / 100, rel=0.02)
    assert found.net_j == pytest.approx(5.0 * 2 / 100, rel=0.03)
    assert (found.scope, found.source) == ("wall", "external meter (meter.csv)")
    assert attached.record.run_id == f"{run().record.run_id}-meter"
    StoredRun.from_json(attached.to_json(), "a run with a meter")


def test_a_meter_that_is_too_slow_gives_no_energy_and_is_refused() -> None:
    with pytest.raises(UsageError, match=r"meter.csv gives no energy: .* too slow"):
        meter.attach(run(), recording(3.0, step_s=1.0), "wall")
    with pytest.raises(UsageError, match="scope is empty"):
        meter.attach(run(), recording(3.0), " ")


def test_units_of_power() -> None:
    assert [meter.watts(unit) for unit in ("W", "mW", "uW")] == [1.0, 1e-3, 1e-6]
    with pytest.raises(UsageError, match="known: W, mW, uW"):
        meter.watts("kW")


def test_a_recording_of_something_else_is_refused() -> None:
    flat = meter.Recording("flat.csv", np.arange(0, 60, 0.1), np.random.default_rng(0).normal(5, 0.1, 600))
    with pytest.raises(UsageError, match="does not show"):
        meter.align(run().record, flat)
    with pytest.raises(UsageError, match="lasts"):
        meter.align(run().record, recording(0.0, until_s=5.0))
    bare = stored_run(names=("nin",), rounds=6).record
    with pytest.raises(UsageError, match="no idle window"):
        meter.align(bare, recording(0.0))
    with pytest.raises(UsageError, match="no sample of the time"):
        meter.attach(run(), recording(0.0), "wall", offset_s=0.0)


def test_csv_files(tmp_path: Path) -> None:
    path = tmp_path / "meter.csv"
    path.write_text("time_s, power_w\n0, 5.0\n1, 5.5\n1, 9\n2, 6.0\n")
    found = meter.read_csv(path)
    assert found.times_s.tolist() == [0, 1, 2]
    assert found.power_w.tolist() == [5.0, 5.5, 6.0]
    path.write_text("when,mW\n2026-01-01T00:00:00+00:00,5000\n2026-01-01T00:00:01+00:00,6000\n")
    found = meter.read_csv(path, time="when", power="mW", watts=1e-3)
    assert np.diff(found.times_s).tolist() == [1]
    assert found.power_w.tolist() == [5, 6]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "no column 'time_s'; it has: none"),
        ("time_s,volts\n1,2\n", "no column 'power_w'; it has: time_s, volts"),
        ("time_s,power_w\n1,2\n2,much\n", "line 3: could not convert"),
        ("time_s,power_w\n1,2\n", "at least"),
        ("time_s,power_w\n2,2\n1,2\n", "order"),
        ("time_s,power_w\n2\n", "line 2"),
    ],
)
def test_bad_csv_files_are_a_sentence(tmp_path: Path, text: str, words: str) -> None:
    path = tmp_path / "meter.csv"
    path.write_text(text)
    with pytest.raises(UsageError, match=words):
        meter.read_csv(path)
    with pytest.raises(UsageError, match="cannot be read"):
        meter.read_csv(tmp_path / "none.csv")


def test_the_truth_of_generated_runs_lies_in_the_intervals() -> None:
    """Of the 200 that the slow test and `benchmarks/meter.py` have."""
    inside, known = inside_of(range(6))
    assert known >= 6 * 3 * 2
    assert inside >= 0.95 * known


@pytest.mark.slow
def test_the_truth_of_200_generated_runs_lies_in_the_intervals() -> None:
    inside, known = inside_of(range(100, 200))
    more, others = inside_of(range(300, 400))
    assert inside + more >= 0.95 * (known + others)


def inside_of(seeds: range) -> tuple[int, int]:
    """How many gross and net energies lie within their intervals, of how many; no run may be refused."""
    inside = known = 0
    for seed in seeds:
        made = generated(seed)
        found = energy.per_inference(meter.attach(made.run, made.recording, "wall"))
        for name, each in found.items():
            for low, truth_j, high in (
                (each.gross_low, made.gross_j[name], each.gross_high),
                (each.net_low, made.net_j[name], each.net_high),
            ):
                assert low is not None, (seed, name, each.reason)
                assert high is not None
                known += 1
                inside += low <= truth_j <= high
    return inside, known


def test_lag_and_drift_are_found() -> None:
    made = generated(1, 1000.0)
    found = meter.align(made.run.record, made.recording)
    middle_s = made.run.record.duration_s / 2
    expected_s = made.offset_s + (1 + made.drift) * middle_s
    assert found.offset_s + (1 + found.drift) * middle_s == pytest.approx(expected_s, abs=0.005)
    assert found.drift == pytest.approx(made.drift, abs=2e-4)
    times_s = np.array([expected_s])
    assert found.job_s(times_s)[0] == pytest.approx(middle_s, abs=0.005)


def test_two_runs_in_one_recording_are_ambiguous() -> None:
    made = generated(2, 50.0)
    once = made.recording
    later_s = once.times_s - once.times_s[0] + once.times_s[-1] + 1
    twice = meter.Recording("twice.csv", np.append(once.times_s, later_s), np.append(once.power_w, once.power_w))
    with pytest.raises(UsageError, match=r"fits the run at two places, .* --offset"):
        meter.align(made.run.record, twice)
    offset_s = meter.align(made.run.record, once).offset_s
    found = energy.per_inference(meter.attach(made.run, twice, "wall", offset_s=offset_s))
    assert all(each.gross_j == pytest.approx(made.gross_j[name], rel=0.02) for name, each in found.items())


def test_the_correlation_has_a_limit() -> None:
    """Noise of the board itself, slow as blocks are: a little is taken, much is no pattern any more."""
    for noise_w, is_taken in ((0.8, True), (2.5, False)):
        clean = recording(5.0)
        steps = np.random.default_rng(0).normal(0, noise_w, len(clean.times_s) // 10 + 1)
        noisy = meter.Recording("noisy.csv", clean.times_s, clean.power_w + np.repeat(steps, 10)[: len(clean.times_s)])
        if is_taken:
            assert meter.LEAST_CORRELATION <= meter.align(run().record, noisy).correlation < 0.99
        else:
            with pytest.raises(UsageError, match=r"does not show the job's rest and work \(best correlation 0\.[5-7]"):
                meter.align(run().record, noisy)


def test_a_recording_upside_down_does_not_show_the_job() -> None:
    clean = recording(5.0)
    with pytest.raises(UsageError, match="does not show"):
        meter.align(run().record, meter.Recording("down.csv", clean.times_s, 13.0 - clean.power_w))


def with_sensor(idle_w: float, work_w: float, **limits: float) -> StoredRun:
    """The run with a sensor of the board's own, or with limits in its profile."""
    found = run()
    times_s = np.arange(0, 25, 0.05)
    works = (times_s >= 6.95) & (times_s <= 15.4)
    watts = np.where(works, work_w, idle_w) + np.random.default_rng(1).normal(0, 0.01, len(times_s))
    trace = PowerTrace("ina3221", ["VDD_IN"], times_s.tolist(), {"VDD_IN": watts.tolist()}, {}, None, 0.05)
    power = Power("measured", None, [trace], ["VDD_IN"], "module") if idle_w else found.record.power
    job = found.record.job._replace(power=PowerRequest(**limits))  # type: ignore[arg-type]
    return found.model_copy(update={"record": found.record._replace(power=power, job=job)})


def scaled(factor: float) -> meter.Recording:
    made = recording(5.0)
    return meter.Recording("meter.csv", made.times_s, made.power_w * factor)


@pytest.mark.parametrize(
    ("factor", "words"),
    [
        (1.0, None),
        (1.3, None),  # a supply's losses
        (1e3, r"1,\d+ times as much: milliwatts read as watts \(--unit mW\)"),
        (1e6, "microwatts read as watts"),
        (1e-3, "watts read as milliwatts"),
        (1 / 5.1, r"0\.2\d+ times as much: a current in amperes, at 4\.\d+ V, read as watts"),
        (1 / 12, "a current in amperes, at"),
    ],
)
def test_watts_are_held_against_the_board_s_own_sensor(factor: float, words: str | None) -> None:
    of_board = with_sensor(3.5, 8.0)
    if words is None:
        assert energy.per_inference(meter.attach(of_board, scaled(factor), "wall"))["nin"].gross_j is not None
        return
    with pytest.raises(UsageError, match=words):
        meter.attach(of_board, scaled(factor), "wall")


def test_a_rise_that_is_not_the_board_s_is_refused() -> None:
    """A meter with another load on it: the level could be, the rise cannot."""
    made = recording(5.0)
    with pytest.raises(UsageError, match=r"rises by 0\.\d+ times what the board's own sensor rose by"):
        meter.attach(with_sensor(3.5, 8.0), meter.Recording("m", made.times_s, 4 + made.power_w / 5.1), "wall")


@pytest.mark.parametrize(
    ("limits", "factor", "words"),
    [
        ({}, 1e3, "times the most that any board takes: milliwatts read as watts"),
        ({"max_w": 20.0}, 1e3, r"this board can take \(by its profile 20 W\): milliwatts"),
        ({"floor_w": 3.0}, 1 / 5.1, r"0\.26\d? times the least that this board takes \(by its profile 3 W\)"),
        ({"floor_w": 3.0, "max_w": 20.0}, 1.0, None),
        ({}, -1.0, "does not show"),
    ],
)
def test_watts_are_held_against_the_board_s_limits(limits: dict[str, float], factor: float, words: str | None) -> None:
    if words is None:
        assert meter.attach(with_sensor(0, 0, **limits), scaled(factor), "wall").record.power.scope == "wall"
        return
    with pytest.raises(UsageError, match=words):
        meter.attach(with_sensor(0, 0, **limits), scaled(factor), "wall")


def test_the_limits_of_the_board_s_own_sensor_are_not_the_meter_s() -> None:
    """At the wall a power supply takes its part too: somewhat more than the module may draw is no fault."""
    attached = meter.attach(with_sensor(0, 0, max_w=5.0), recording(5.0), "wall")
    assert energy.per_inference(attached)["nin"].gross_j == pytest.approx(9.0 * 2 / 100, rel=0.02)


def test_a_fast_meter_s_samples_are_thinned_for_the_run() -> None:
    made = generated(3, 5000.0)
    trace = meter.attach(made.run, made.recording, "wall").record.power.traces[0]
    assert len(made.recording.times_s) > 400_000
    assert len(trace.times_s) <= 100_000
    assert trace.update_interval_s is not None
    assert trace.sample_interval_s <= trace.update_interval_s < 0.2
