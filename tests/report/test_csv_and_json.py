import csv
import io
import json

from results.factory import tensorrt_run

from sis_edge.report import document
from sis_edge.report.csv import to_csv
from sis_edge.report.json import REPORT_VERSION, to_json
from sis_edge.results.rows.fields import reasons, values


def read(text: str, kind: type | None):
    if text == "":
        return None
    if kind is bool:
        return {"true": True, "false": False}[text]
    return text if kind is None else kind(text)


def test_the_csv_round_trips(every) -> None:
    rows = [row for section in every.sections for row in section.rows]
    lines = list(csv.DictReader(io.StringIO(to_csv(rows), newline="")))
    assert len(lines) == len(rows)
    for row, line in zip(rows, lines, strict=True):
        known = values(row)
        assert list(line) == [*known, "reasons", "kinds"]
        assert {name: read(line[name], type(value)) for name, value in known.items()} == known
        assert json.loads(line["reasons"]) == reasons(row)


def test_the_json_holds_the_same_values(every) -> None:
    data = json.loads(to_json(every))
    assert data["report_version"] == REPORT_VERSION
    for section, run in zip(every.sections, data["runs"], strict=True):
        assert run["run_id"] == section.run.record.run_id
        assert run["mark"] == section.mark
        assert run["verdict"]["level"] == section.verdict.level
        assert [found["sentence"] for found in run["verdict"]["reasons"]] == [
            reason.sentence for reason in section.verdict.reasons
        ]
        for row, network in zip(section.rows, run["networks"], strict=True):
            assert network == values(row) | {"reasons": reasons(row)}


def test_the_json_keeps_every_finding_of_a_network() -> None:
    made = document.section(tensorrt_run())
    (run,) = json.loads(to_json(document.Report(made.title, (made,))))["runs"]
    both = run["findings"]["cifar10-sis1 fp16"]
    assert both.startswith(dict(made.findings[:1])["cifar10-sis1 fp16"])
    assert "the speed of nin" in both
    assert "Use the engine with sparse kernels" in both
