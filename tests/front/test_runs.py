"""Stored runs as objects: those of today and those recorded by an older version."""

import builtins
import gzip
import html
import sys
from pathlib import Path

import pytest

import sis_edge
from sis_edge.errors import RecordError, UsageError
from sis_edge.results.rows import fields

RECORDED = Path(__file__).parents[1] / "recorded"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The recorded runs as an older version stored them, and a file that is none."""
    place = tmp_path_factory.mktemp("runs")
    for number, name in enumerate(("x86-64", "jetson-nano", "jetson-orin-nano")):
        text = gzip.decompress((RECORDED / f"run-1-{name}.json.gz").read_bytes())
        (place / f"2026112{number}T000000Z.json").write_bytes(text)
    (place / "20261130T000000Z.json").write_text("{")
    return place


@pytest.fixture(scope="module")
def runs(folder: Path) -> sis_edge.Runs:
    return sis_edge.load_runs(folder)


def test_a_sequence_of_runs_with_a_warning_for_what_is_none(runs: sis_edge.Runs, folder: Path) -> None:
    assert len(runs) == len(list(runs)) == 3
    assert isinstance(runs[0], sis_edge.Run)
    assert len(runs[1:]) == 2
    assert runs[1:].warnings == runs.warnings
    (warning,) = runs.warnings
    assert "20261130T000000Z.json" in warning
    assert len(sis_edge.load_runs(runs[0].path)) == 1
    with pytest.raises(RecordError):
        sis_edge.load_runs(folder / "20261130T000000Z.json")


def test_a_run_says_what_it_found(runs: sis_edge.Runs) -> None:
    run = next(run for run in runs if not run.simulated)
    assert run.verdict.level in ("VALID", "VALID as far as seen", "SUSPECT", "INVALID")
    rows = {row.identity.label: row for row in run.rows()}
    for name, (speed_up, low, high) in run.speed_ups().items():
        assert rows[name].speed_up.estimate.value == speed_up
        assert low is None or (high is not None and low <= speed_up <= high)
        assert str(run.speed_ups()[name]).startswith(f"{speed_up:.2f}×"[:3])
    assert "nin" not in run.speed_ups(), "the reference has none over itself"


def test_in_a_terminal_and_in_a_notebook(runs: sis_edge.Runs) -> None:
    for run in runs:
        text, page = repr(run), run._repr_html_()
        words = " ".join(text.split())
        assert run.run_id in text.splitlines()[0]
        assert ("SIMULATED" in text) is ("SIMULATED" in page) is run.simulated
        assert text.splitlines()[1].startswith(f"{run.verdict.level}: ")
        for reason in run.verdict.reasons:
            assert " ".join(reason.sentence[1:].split()) in words
            assert html.escape(reason.sentence[1:]) in page
        assert run.verdict.unseen[0] in words
        assert repr(run.verdict) == str(run.verdict) in text
        assert max(map(len, repr(run.verdict).splitlines())) <= 80
        for row in run.rows():
            assert row.problem is None or " ".join(f"{row.identity.label}: {row.problem}".split()) in words
            assert row.identity.label in text
            assert html.escape(row.identity.label) in page
        table = text[text.index("\nnetwork ") :].splitlines()[1 : 3 + len(run.rows())]
        assert max(map(len, table)) <= 90
        assert ("net energy" in text) is any(row.energy.net_j.value is not None for row in run.rows())
    assert repr(runs).count(" run ") >= 3
    assert runs._repr_html_().count("<table>") == 3
    assert (repr(runs[:0]), runs[:0]._repr_html_()) == ("no runs", "<p>no runs</p>")


def test_a_data_frame_has_the_columns_of_the_csv(runs: sis_edge.Runs) -> None:
    frame = runs.to_pandas()
    assert list(frame.columns) == [*fields.NAMES, "reasons"]
    assert len(frame) == sum(len(run.rows()) for run in runs)
    assert len(runs[0].to_pandas()) == len(runs[0].rows())
    known = frame[frame.speed_up_low.notna()]
    assert len(known) > 3
    assert (known.speed_up_low <= known.speed_up).all()
    for _, row in frame[frame.speed_up.isna()].iterrows():
        assert row.reasons["speed_up"]


def test_without_pandas_it_says_what_to_install(runs: sis_edge.Runs, monkeypatch: pytest.MonkeyPatch) -> None:
    real = builtins.__import__

    def without(name: str, *rest: object) -> object:
        if name == "pandas":
            raise ImportError(name)
        return real(name, *rest)  # type: ignore[arg-type]

    monkeypatch.delitem(sys.modules, "pandas", raising=False)
    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(UsageError, match=r"to_pandas needs pandas, which is not installed: `.*install .*pandas`"):
        runs.to_pandas()


def test_one_run_against_another_and_why_they_differ(runs: sis_edge.Runs) -> None:
    run = next(run for run in runs if not run.simulated)
    own = sis_edge.compare(run)
    found = own.differences(force=True)
    assert found.is_one_run
    assert "Latency p50" in repr(found)
    assert "RunComparison(" not in repr(found)
    assert max(map(len, repr(found).splitlines())) <= 100
    assert found._repr_markdown_().startswith("#")
    explained = sis_edge.compare(*runs[:2]).explain() if len(runs) > 1 else own.explain()
    assert "Explanation(" not in repr(explained)
    assert "latenc" in repr(explained)
    assert explained._repr_markdown_().startswith("#")
    assert [network.latency.method for network in found.networks] == ["paired by round"] * len(found.networks)
    assert {network.b for network in found.networks} == set(run.speed_ups())
    assert len(repr(found)) < 10_000, "the raw samples are not shown"
    cause = own.explain().cause
    assert cause is not None
    assert cause.factor.code in ("precision", "structure", "form")
    with pytest.raises(UsageError, match="not 3; choose two"):
        sis_edge.compare(runs).differences()
    other = next(run for run in runs if run.simulated)
    with pytest.raises(RecordError, match="cannot be compared"):
        sis_edge.compare(run, other).differences()


def test_runs_compared(runs: sis_edge.Runs, tmp_path: Path) -> None:
    found = sis_edge.compare(runs[0], runs[1:])
    assert [run.run_id for run in found.runs] == [run.run_id for run in runs]
    assert len(found.rows) == sum(len(run.rows()) for run in runs)
    text = repr(found)
    assert all(run.run_id in text for run in runs)
    assert found._repr_html_().count("<tr>") == 1 + len(found.rows)
    page = found.report(tmp_path / "compared")
    assert page.name == "index.html"
    assert page.exists()
    assert runs[0].report(tmp_path / "one").exists()
