"""Runs as data frames, whose columns and types do not depend on what was measured; charts for a notebook."""

from pathlib import Path

import pandas
import pytest
from recordings import old_run

import sis_edge
from sis_edge.errors import UsageError
from sis_edge.front.charts import RunChart
from sis_edge.query import rows
from sis_edge.results.rows.fields import FIELDS

FRAMES = ("networks", "rounds", "samples")


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> sis_edge.Runs:
    place = tmp_path_factory.mktemp("runs")
    for name in ("run-1-jetson-nano", "run-5-x86-64"):
        old_run(name, place)
    return sis_edge.load_runs(place)


@pytest.mark.parametrize("of", FRAMES)
def test_no_one_and_many_runs_have_the_same_columns_and_types(runs: sis_edge.Runs, of) -> None:
    none, one, many = runs[:0].to_pandas(of), runs[0].to_pandas(of), runs.to_pandas(of)
    assert len(none) == 0 < len(one) < len(many)
    assert none.dtypes.to_dict() == one.dtypes.to_dict() == many.dtypes.to_dict()
    pandas.testing.assert_frame_equal(many, pandas.concat([one, runs[1].to_pandas(of)], ignore_index=True))
    pandas.testing.assert_frame_equal(many, sis_edge.compare(runs).to_pandas(of))


def test_a_network_s_unknown_values_are_missing_and_have_reasons(runs: sis_edge.Runs) -> None:
    frame = runs.to_pandas()
    kinds = {float: "float64", int: "Int64", bool: "boolean", str: "object"}
    for field in FIELDS:
        expected = "datetime64[ns, UTC]" if field.name == "stored_at" else kinds[field.type]
        assert str(frame[field.name].dtype) == expected, field.name
    assert frame.latency_p50_s.min() > 0
    for _, row in frame.iterrows():
        assert {name for name in frame.columns if name != "reasons" and pandas.isna(row[name])} == row.reasons.keys()
    assert frame.stored_at.is_monotonic_increasing
    both = frame[frame.is_dense].run_id, frame[~frame.is_dense].run_id
    assert set(both[0]) == set(both[1]) == {run.run_id for run in runs}


def test_samples_are_those_of_the_rounds(runs: sis_edge.Runs) -> None:
    turns, samples = runs.to_pandas("rounds"), runs.to_pandas("samples")
    assert not samples.isna().any().any()
    by = ["run_id", "network", "round"]
    measured = samples.groupby(by).latency_s.agg(["size", "median"])
    known = turns[turns.inferences > 0].set_index(by).sort_index()
    assert (measured["size"] == known.inferences).all()
    assert measured["median"].to_numpy() == pytest.approx(known.median_s.to_numpy())
    path = runs[1].path
    assert path is not None
    expected = pandas.DataFrame(list(rows.samples(path, runs[1].stored)))
    pandas.testing.assert_frame_equal(runs[1].to_pandas("samples"), expected, check_dtype=False)


def test_another_frame_is_named(runs: sis_edge.Runs) -> None:
    with pytest.raises(UsageError, match="unknown frame 'rows'; known: networks, rounds, samples"):
        runs.to_pandas("rows")  # type: ignore[arg-type]


def test_charts_show_themselves_and_are_saved(runs: sis_edge.Runs, tmp_path: Path) -> None:
    for run in runs:
        found = run.charts()
        assert {"latencies", "timeline"} <= found.keys()
        for name, chart in found.items():
            assert isinstance(chart, RunChart)
            assert (chart.name, chart._repr_svg_()[:5], "var(--" in chart.svg) == (name, "<svg ", False)
            assert chart.caption.startswith("SIMULATED. ") is run.simulated
            assert chart.caption.endswith(f"Run {run.run_id}, verdict {run.verdict.level}.")
            assert chart.caption in repr(chart)
    chart = found["latencies"]
    assert chart.save(tmp_path / "a" / "x.SVG").read_text() == chart.svg
    assert chart.save(str(tmp_path / "x.pdf")).read_bytes().startswith(b"%PDF-")
    with pytest.raises(UsageError, match=r"a chart cannot be saved as x\.png; use a name that ends in \.svg or \.pdf"):
        chart.save(tmp_path / "x.png")
    assert run.report(tmp_path / "r", for_paper=True) == tmp_path / "r" / "index.html"
    assert (tmp_path / "r" / "paper" / "all.tex").is_file()
