"""`sis-edge meter` as a user has it, and runs that are measured for it."""

import csv
from pathlib import Path

import pytest
from command import sis_edge_here
from tiny_bundle import tiny_bundle, tiny_profile

from sis_edge.board.deploy import deploy
from sis_edge.board.jobs import METER_BLOCK_S, MeasuringOptions, job_for
from sis_edge.results import energy, store
from sis_edge.transport import LocalTransport
from tests.results.test_meter import recording, run


def write(path: Path, scale: float = 1.0) -> None:
    made = recording(4.5)
    with path.open("w", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(["when", "power"])
        rows.writerows(zip(made.times_s, made.power_w * scale, strict=True))


def test_a_recording_becomes_a_run_beside_the_old_one(tmp_path: Path) -> None:
    path = store.save(run(), tmp_path / "runs")
    before = path.read_bytes()
    write(tmp_path / "plug.csv", scale=1e3)
    words = ("--time-column", "when", "--power-column", "power", "--unit", "mW")
    done = sis_edge_here("meter", str(path), "plug.csv", *words, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "scope: wall" in done.stdout
    assert path.read_bytes() == before
    runs = store.load_all(tmp_path / "runs").runs
    assert len(runs) == 2
    found = energy.per_inference(runs[1])["nin"]
    assert found.gross_j == pytest.approx(0.18, rel=0.02)
    assert None not in (found.gross_low, found.gross_high, found.net_low, found.net_high)
    assert (found.scope, found.source) == ("wall", "external meter (plug.csv)")


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        ([], "no column 'time_s'; it has: when, power"),
        (["--time-column", "when", "--power-column", "power", "--unit", "BTU"], "known: W, mW, uW"),
        (
            ["--time-column", "when", "--power-column", "power", "--offset", "12"],
            "has no sample of the time of this run",
        ),
    ],
)
def test_mistakes_are_a_sentence_and_nothing_is_stored(tmp_path: Path, words: list[str], sentence: str) -> None:
    path = store.save(run(), tmp_path / "runs")
    write(tmp_path / "plug.csv")
    done = sis_edge_here("meter", str(path), "plug.csv", *words, cwd=tmp_path)
    assert done.returncode == 2
    assert sentence in " ".join(done.stderr.split())
    assert "Traceback" not in done.stderr
    assert list((tmp_path / "runs").iterdir()) == [path]


@pytest.mark.slow
def test_blocks_are_run_for_a_meter_where_the_board_has_no_sensor(tmp_path: Path) -> None:
    profile = tiny_profile()
    settings = profile.power.model_copy(update={"sources": ["ina3221"], "idle_s": 1.0, "block_s": 0.2, "blocks": 1})
    profile = profile.model_copy(update={"power": settings})
    bundle = tiny_bundle(tmp_path / "bundle")
    record = deploy(bundle, LocalTransport(tmp_path / "home"), profile, options=MeasuringOptions(external_meter=True))
    assert record.power.status == "unavailable"
    assert [window.name for window in record.windows] == ["rounds", "idle_before", "energy", "idle_after"]  # one block
    assert {block.network for block in record.energy_blocks} == {"dense", "sparse"}
    assert min(block.end_s - block.start_s for block in record.energy_blocks) >= METER_BLOCK_S
    plain = job_for(bundle, profile).power
    assert plain is not None
    assert (plain.external_meter, plain.block_s) == (False, 0.2)
