"""`compare` as a user meets it."""

import csv
import io
import json
from pathlib import Path

import jsonschema
import pytest
from results.two_runs_of import changed, on_board, slower

from sis_edge.cli import run
from sis_edge.cli.documents import schemas
from sis_edge.results import store
from tests.cli.test_json import unexplained

Stage = pytest.CaptureFixture[str]


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with two runs that compare, the second slower, and one on more threads."""
    folder = tmp_path_factory.mktemp("compare")
    made = [on_board(seed, day=21 + seed, rounds=12, per_round=12) for seed in (1, 2, 3)]
    runs = made[0], slower(made[1], 1.3), changed(made[2], job={"threads": 4})
    for each in runs:
        store.save(each, folder / "runs")
    return folder


@pytest.fixture(autouse=True)
def _inside(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(place)
    monkeypatch.setenv("COLUMNS", "80")


def said(capsys: Stage, *words: str, code: int = 0) -> str:
    assert run(list(words)) == code
    out, err = capsys.readouterr()
    return err if code else out


def test_for_people_in_80_columns(capsys: Stage) -> None:
    text = said(capsys, "compare", "20261122", "20261123")
    assert "A: digits on raspberry-pi-5, run 20261122-000001, 2026-11-22 20:51 UTC: SUSPECT" in text
    rows = [line.split() for line in text.splitlines() if line.startswith("cifar10-sis3")]
    assert [row[-1] for row in rows] == ["slower", "significant", "equal", "significant"]
    table = [line for line in text.splitlines() if "─" in line or "cifar10" in line]
    assert max(map(len, table)) <= 80
    assert "a drift of the board does not cancel" in text
    own = said(capsys, "compare", "latest~1", "latest~1")
    assert "nin -> cifar10-sis3" in own
    assert "Latency p50, paired by round" in own


def test_what_is_refused_and_what_force_does(capsys: Stage) -> None:
    error = said(capsys, "compare", "20261122", "latest", code=9)
    assert error == (
        "Error: run 20261122-000001 (A) and run 20261124-000003 (B) cannot be compared:\n"
        "- the number of threads is 1 in A and 4 in B\n--force compares them anyway\n"
    )
    assert "Not comparable: the number of threads is 1 in A and 4 in B." in said(
        capsys, "compare", "20261122", "latest", "--force"
    )


def test_csv_and_markdown(capsys: Stage) -> None:
    rows = list(csv.DictReader(io.StringIO(said(capsys, "compare", "20261122", "20261123", "--format", "csv"))))
    assert len(rows) == 16
    assert rows[0]["obstacles"].startswith("A is SUSPECT: ")
    (latency,) = (row for row in rows if (row["network_b"], row["quantity"]) == ("nin", "latency_p50_s"))
    assert float(latency["change_low"]) < 1.3 < float(latency["change_high"])
    assert float(latency["b"]) / float(latency["a"]) == pytest.approx(1.3, rel=0.05)
    (memory,) = (row for row in rows if (row["network_b"], row["quantity"]) == ("nin", "peak_rss_bytes"))
    assert (memory["change"], memory["change_low"]) == ("1.0", "")
    assert set(json.loads(memory["reasons"])) == {"change_low", "change_high"}
    text = said(capsys, "compare", "20261122", "latest", "--force", "--format", "markdown")
    assert text.startswith("# Comparison of runs\n")
    assert "Not comparable: the number of threads is 1 in A and 4 in B." in text
    assert text.count("| nin |") == 4


def test_json_is_as_its_schema_says(capsys: Stage) -> None:
    found = json.loads(said(capsys, "compare", "20261122", "latest", "--force", "--json"))
    jsonschema.Draft202012Validator(schemas.schema("compare")).validate(found)
    assert list(unexplained(found)) == []
    assert [each["code"] for each in found["obstacles"] if each["is_refused"]] == ["threads"]
    assert [each["quantity"] for each in found["networks"][0]["quantities"]] == [
        *("latency_p50_s", "energy_net_j", "peak_rss_bytes", "device_accuracy")
    ]
    assert "exclude each other" in said(capsys, "compare", "latest", "latest", "--json", "--format", "csv", code=2)
