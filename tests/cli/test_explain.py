"""`explain` as a user meets it."""

import csv
import io
import json
from pathlib import Path

import jsonschema
import pytest
from explaining.cases import case

from sis_edge.cli import run
from sis_edge.cli.documents import schemas
from sis_edge.results import store
from tests.cli.test_json import unexplained

Stage = pytest.CaptureFixture[str]


@pytest.fixture(autouse=True, scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a run in another power mode than the one before."""
    folder = tmp_path_factory.mktemp("explain")
    for each in case(1, seed=4).runs:
        store.save(each, folder / "runs")
    return folder


@pytest.fixture(autouse=True)
def _inside(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(place)
    monkeypatch.setenv("COLUMNS", "80")


def said(capsys: Stage, *words: str) -> str:
    assert run(["explain", "latest~1", "latest", *words]) == 0
    return capsys.readouterr().out


def test_for_people_in_80_columns(capsys: Stage) -> None:
    text = said(capsys)
    assert "Likeliest cause: power mode, " in text
    lines = text.splitlines()
    table = lines[lines.index("Differences, the likeliest cause first") :]
    assert table[3].startswith("power mode")
    assert "fits" in table[3]
    assert max(len(line) for line in table[: table.index("")] if not line.startswith("Predicted: ")) <= 80
    assert any(line.startswith("The same in both: board ") for line in lines)
    assert any(line.startswith("Note: B is INVALID: the board ran in power mode MODE_10W") for line in lines)


def test_json_csv_and_markdown(capsys: Stage) -> None:
    found = json.loads(said(capsys, "--json"))
    jsonschema.Draft202012Validator(schemas.schema("explain")).validate(found)
    assert list(unexplained(found)) == []
    assert found["cause"] == found["ranked"][0]["code"] == "power-mode"
    assert found["ratio"] > found["chance_high"] > 1 > found["chance_low"]
    rows = list(csv.DictReader(io.StringIO(said(capsys, "--format", "csv"))))
    assert (rows[0]["rank"], rows[0]["code"], rows[0]["b"]) == ("1", "power-mode", "MODE_10W")
    assert float(rows[0]["predicted"]) == pytest.approx(found["ranked"][0]["predicted"])
    assert {row["state"] for row in rows} == {"differs", "same", "unknown"}
    text = said(capsys, "--format", "markdown")
    assert text.startswith("# Why two runs differ\n")
    assert "| power mode |" in text


def test_a_run_against_itself_has_no_cause_and_an_unknown_name_ends_with_9(capsys: Stage) -> None:
    assert run(["explain", "latest:nin", "latest:nin"]) == 0
    assert "latencies differ by no more than chance" in capsys.readouterr().out
    assert run(["explain", "latest", "2031"]) == 9
    assert "there is no run '2031' in runs" in capsys.readouterr().err
