from pathlib import Path

import numpy as np
import pytest

from sis_agent.schema import EnergyBlock, Window
from sis_edge.errors import UsageError
from sis_edge.results import energy, meter
from sis_edge.results.schema import StoredRun

from .factory import stored_run

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
