"""Every figure of a row says where it comes from."""

import csv
import io
import json

import pytest

from results.boards import KINDS
from results.factory import board_run, stored_run
from sis_edge.report.csv import to_csv
from sis_edge.report.document import document
from sis_edge.report.json import to_json
from sis_edge.results.rows.fields import FIELDS
from sis_edge.results.rows.kinds import ON_BOARD, kind, kinds

NO_FIGURES = {"t_c", "t_p", "epochs", "batch_size", "threads", "verdict_version"}
"""Numbers that somebody chose."""


def test_every_number_has_a_word_or_was_chosen() -> None:
    numbers = {field.name for field in FIELDS if field.type in (int, float)}
    assert numbers - set(kinds({"simulated": False, "emulated": False})) == NO_FIGURES
    assert not {field.name for field in FIELDS if field.type in (str, bool)} & set(
        kinds({"simulated": False, "emulated": False})
    )
    assert all(any(field.name.startswith(begin) for field in FIELDS) for begin in ON_BOARD)


@pytest.mark.parametrize(
    ("simulated", "emulated", "word"),
    [(False, False, "measured"), (True, False, "simulated"), (False, True, "emulated"), (True, True, "simulated")],
)
def test_what_a_board_gives(simulated: bool, emulated: bool, word: str) -> None:
    found = kinds({"simulated": simulated, "emulated": emulated})
    assert {found[name] for name in ("latency_p50_s", "energy_net_low_j", "device_accuracy", "speed_up_high")} == {word}
    assert (found["host_accuracy"], found["macs"], found["paper_accuracy"]) == ("measured", "counted", "quoted")
    assert kind("network", "measured") is None


def test_files_and_tables_say_it() -> None:
    real = document([stored_run(rounds=3, per_round=3)])
    simulated = document([board_run(next(iter(KINDS)))])
    for report, word in ((real, "measured"), (simulated, "simulated")):
        (run,) = json.loads(to_json(report))["runs"]
        assert (run["kinds"]["latency_p50_s"], run["kinds"]["paper_accuracy"]) == (word, "quoted")
        lines = list(csv.DictReader(io.StringIO(to_csv(report.sections[0].rows))))
        assert {json.loads(line["kinds"])["latency_p50_s"] for line in lines} == {word}
        captions = {table.name: table.caption for table in report.sections[0].tables}
        assert f"all else {word}." in captions["result"]
