"""Stored runs over time: who stands in one line with whom, change points, gaps, other versions."""

import csv
import io
import json
import sys
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from random import Random
from typing import Any

import jsonschema
import pytest
from command import sis_edge_here
from results.factory import facts, stored_run

from sis_edge.cli.documents import schemas
from sis_edge.cli.documents.history import history as document
from sis_edge.history import change_points, tables
from sis_edge.history.series import Series, series
from sis_edge.report.summary import RunSummary, summarize
from sis_edge.results import store

pytest.importorskip("ruptures", reason="change points need ruptures, the extra history")

BEGIN = datetime(2026, 3, 1, tzinfo=UTC)


@cache
def summary() -> RunSummary:
    """One run; the others are it with other values."""
    return summarize(stored_run(names=("nin",), rounds=6, per_round=3, facts_before=facts(hostname="desk")), "0" * 64)


def run(number: int, latency_s: float | None = 5e-3, **changes: Any) -> tuple[Path, RunSummary]:
    """The run of a day."""
    entry = json.loads(json.dumps(summary().entry))
    (columns,) = entry["networks"]
    if latency_s is not None:
        columns["latency_p50_s"] = latency_s
        columns["reasons"].pop("latency_p50_s", None)
    own = {"run_id": f"run-{number}", "stored_at": BEGIN + timedelta(days=number), "duration_s": float(number)}
    return Path(f"runs/{number}.json.gz"), summary().model_copy(
        update={"entry": entry, "verdict": "VALID", **own, **changes}
    )


def noisy(levels: Sequence[float], seed: int = 1) -> list[float]:
    random = Random(seed)
    return [level * random.gauss(1, 0.01) for level in levels]


def only(runs: Sequence[tuple[Path, RunSummary]]) -> Series:
    (found,) = series(runs)
    return found


@pytest.mark.parametrize(
    "changes",
    [
        {"board": "pi@other:22", "machine": "pi@other:22 desk"},
        {"machine": "local other-host"},
        {"profile": "raspberry-pi-5"},
        {"model": "Another board"},
        {"mark": "simulated", "simulated": True},
        {"dataset": "svhn"},
        {"threads": 2},
        {"batch_size": 8},
    ],
)
def test_runs_of_another_board_or_way_of_measuring_are_never_in_one_line(changes: dict[str, Any]) -> None:
    found = series([run(0), run(1), run(2, **changes)])
    assert sorted(len(each.points) for each in found) == [1, 2]
    assert len({each.name.title for each in found}) == 2, "a reader sees what tells them apart"


def test_a_change_of_level_is_found_where_it_is() -> None:
    found = only([run(at, latency) for at, latency in enumerate(noisy([5e-3] * 12 + [5.5e-3] * 9))])
    assert [at for at, point in enumerate(found.points) if point.shift is not None] == [12]
    assert found.points[12].shift == pytest.approx(0.1, abs=0.02)
    (table,) = tables.tables([found])
    assert "level changes: 1" in table.texts[12][-1]
    assert "% slower from here" in table.texts[12][-1]


def test_no_change_is_found_in_nearly_all_steady_series() -> None:
    for count, most in ((6, 10), (20, 2)):
        found = [change_points.find(noisy([5e-3] * count, seed)).shifts for seed in range(100)]
        assert sum(map(bool, found)) <= most


def test_invalid_runs_and_unknown_latencies_take_no_part_in_change_points() -> None:
    runs = [run(at, latency) for at, latency in enumerate(noisy([5e-3] * 8))]
    runs += [run(8 + at, 50e-3, verdict="INVALID") for at in range(8)]
    assert all(point.shift is None for point in only(runs).points)
    few = only(runs[3:])
    assert few.no_changes == "too few runs for change points (5, needs 6)"


def test_without_ruptures_the_rest_is_shown_and_the_reason(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "ruptures", None)
    found = only([run(at) for at in range(9)])
    assert len(found.points) == 9
    assert found.no_changes == "change points need ruptures (extra history; `sis-edge doctor` shows how to add it)"


def test_gaps_and_other_versions_are_marked() -> None:
    other = {**summary().versions, "kernel": "9.9", "power mode": None, "ruptures": "1"}
    found = only([run(0), run(1), run(2), run(3), run(23, versions=other), run(24, versions=other)])
    assert [point.gap for point in found.points] == [None] * 4 + [timedelta(days=20), None]
    kernel = summary().versions["kernel"] or "none"
    assert found.points[4].changed == (f"kernel {kernel} → 9.9", "ruptures none → 1")
    assert found.points[5].changed == ()
    (table,) = tables.tables([found])
    assert table.texts[4][-1].startswith("gap of 20 days; kernel ")

    narrow = tables.narrow(table)
    assert [column.title for column in narrow.columns][:2] == ["Run", "Latency"]
    assert narrow.texts[4] == table.texts[4][1:-1]
    assert narrow.notes == (f"run-23: {table.texts[4][-1]}", *table.notes)


def test_a_run_and_its_copy_with_a_meter_are_one_point() -> None:
    path, first = run(0)
    copy = first.model_copy(update={"run_id": "copy", "stored_at": first.stored_at + timedelta(hours=1)})
    assert [point.run_id for point in only([(path, copy), (path, first)]).points] == ["copy"]


def test_csv_and_json_have_what_the_table_has() -> None:
    found = only([run(at, latency) for at, latency in enumerate(noisy([5e-3] * 8 + [4e-3] * 8))])
    lines = list(csv.DictReader(io.StringIO(tables.to_csv([found]))))
    assert [float(line["latency_p50_s"]) for line in lines] == [point.latency_s for point in found.points]
    assert [bool(line["shift"]) for line in lines] == [point.shift is not None for point in found.points]
    shown = json.loads(document([found, replace(found, no_changes="none asked")]).model_dump_json())
    jsonschema.Draft202012Validator(schemas.schema("history")).validate(shown)
    assert shown["series"][0]["points"][8]["shift"] == pytest.approx(-0.2, abs=0.03)


def test_from_the_command_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SIS_EDGE_CACHE", str(tmp_path / "cache"))
    run_id = "20261122T205100Z-a1b2c3"
    store.save(stored_run(names=("nin", "cifar10-sis1"), rounds=2, per_round=3, run_id=run_id), tmp_path / "runs")
    (tmp_path / "runs/0.json").write_text("{")
    done = sis_edge_here("history", "--network", "nin", "--format", "csv", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert [line["network"] for line in csv.DictReader(io.StringIO(done.stdout))] == ["nin"]
    assert "Warning: runs/0.json is not JSON" in done.stderr
    done = sis_edge_here("history", "--format", "html", cwd=tmp_path)
    assert "cifar10-sis1" in (tmp_path / done.stdout.strip()).read_text()
    shown = sis_edge_here("history", cwd=tmp_path).stdout
    assert "nin on " in shown
    rows = [line.split() for line in shown.splitlines() if line.startswith(run_id)]
    assert len(rows) == 2, "commands take a whole id"
    assert {row[-1] for row in rows} == {"INVALID"}, "nothing is broken at 80 columns"
    done = sis_edge_here("history", "--board", "pi", "--network", "x", cwd=tmp_path)
    assert done.returncode == 9
    assert "no stored run in runs is of --board pi and --network x" in done.stderr
    assert sis_edge_here("history", "--json", "--format", "csv", cwd=tmp_path).returncode == 2
