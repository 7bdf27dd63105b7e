"""What a report says of sustained work: tables, chart, CSV, JSON; and nothing of it in other reports."""

import csv
import io
import json
import xml.etree.ElementTree as ET
from pathlib import Path

import pytest
from results.sustained_runs import sustained_run

from report.conftest import only, sections
from report.page import Page
from sis_agent.schema import SustainedRequest
from sis_edge import report
from sis_edge.report.charts import CHARTS, left_out, svg
from sis_edge.report.charts.subject import Subject
from sis_edge.report.document import Report, section
from sis_edge.report.json import to_json
from sis_edge.report.sections.reproduce import reproduce
from sis_edge.report.sections.sustained import sustained_method
from sis_edge.report.sustained import sustained_tables
from sis_edge.report.sustained_csv import NAMES, sustained_csv
from sis_edge.report.table import Table
from sis_edge.results.comparison import compare

COOL = "orin-nano-sim"


def tables(**changes) -> dict[str, Table]:
    return {table.name: table for table in sustained_tables(sustained_run(**changes), "simulated")}


def column(table: Table, title: str) -> list[str]:
    at = [each.title for each in table.columns].index(title)
    return [row[at].text for row in table.cells]


def test_the_table_of_a_board_that_throttles() -> None:
    found = tables()
    assert list(found) == ["sustained", "sustained-energy", "sustained-ranking"]
    held = found["sustained"]
    assert held.mark == "simulated"
    assert column(held, "Network") == ["nin", "cifar10-sis3"]
    assert column(held, "Time to throttle") == ["6 min (CPU clock)"] * 2
    assert column(held, "Slow windows") == ["80%"] * 2
    assert column(held, "First minute")[0].startswith("400.")
    assert column(held, "Change [95% interval]")[0].startswith("+17.")
    assert column(held, "Temperature: start, most")[1] == "52 °C, 99 °C"
    assert "back to back for 30 min" in held.caption
    assert "below 95% of the first minute's best" in held.caption
    energy = found["sustained-energy"]
    assert column(energy, "Energy a second, first minute") == ["10.4 J/s"] * 2
    assert column(energy, "Energy a second, last minute")[0].startswith("9.5")
    ranks = found["sustained-ranking"]
    assert column(ranks, "Rank, first minute") == column(ranks, "Rank, last minute") == ["1", "2"]
    assert ranks.texts[0][2].startswith("3.33")
    assert ranks.texts[1][2] == "–"


def test_the_table_of_paced_calls() -> None:
    found = tables(board=COOL, request=SustainedRequest(300.0, 10.0, 5.0))
    paced = found["sustained-paced"]
    nin, sis3 = paced.texts
    assert nin[2] == "1,500 of 1,500 (100.00%)"
    assert sis3[1:3] == ("1,500", "0 of 1,500 (0.00%)")
    assert "count from the scheduled start" in paced.caption
    assert "5 calls a second for 5 min" in found["sustained"].caption


def test_a_short_run_names_how_long_its_ends_are() -> None:
    held = tables(board=COOL, request=SustainedRequest(60.0, 10.0))["sustained"]
    assert [each.title for each in held.columns][1:3] == ["First 10 s", "Last 10 s"]


def test_too_few_calls_for_a_percentile_and_no_sensor_are_said() -> None:
    run = sustained_run(COOL, SustainedRequest(60.0, 10.0, 5.0))
    record = run.record
    blind = record._replace(
        sustained_windows=[
            window._replace(power_w={}, temperature_c=None, cpu_frequency_hz=None)
            for window in record.sustained_windows
        ]
    )
    found = {table.name: table for table in sustained_tables(run.model_copy(update={"record": blind}))}
    assert "sustained-energy" not in found
    assert column(found["sustained"], "Temperature: start, most") == ["–", "–"]
    assert column(found["sustained-paced"], "p99 of the call") == ["insufficient"] * 2


def test_the_chart_says_in_words_what_it_shows() -> None:
    run = sustained_run()
    subject = Subject(run, compare(run), "simulated")
    kind = CHARTS["sustained"]
    assert kind.needs(subject) is None
    chart = kind.draw(subject)
    assert "nin slower from 6 min on, 1.18 times as long at the end as at the start, up to 99 °C" in chart.alt
    for inline in (False, True):
        text = svg(chart, inline)
        for picture in [text] if not inline else text.replace("<svg", "\n<svg").strip().split("\n"):
            root = ET.fromstring(picture)
            words = " ".join(root.itertext())
            for part in ("Median time of a call (ms)", "CPU clock, mean (GHz)", "hottest zone (°C)", "mean (W)"):
                assert part in words
            assert "SIMULATED" in words
            dashed = [each for each in root.iter() if each.get("stroke-dasharray")]
            assert len(dashed) == 2, "a time to throttle for each network"


def test_panels_without_a_value_are_left_out() -> None:
    run = sustained_run(COOL, SustainedRequest(60.0, 10.0))
    record = run.record
    bare = [
        window._replace(power_w={}, temperature_c=None, cpu_frequency_hz=None) for window in record.sustained_windows
    ]
    run = run.model_copy(update={"record": record._replace(sustained_windows=bare)})
    chart = CHARTS["sustained"].draw(Subject(run, compare(run)))
    words = " ".join(ET.fromstring(svg(chart)).itertext())
    assert "Median time of a call (ms)" in words
    assert not any(part in words for part in ("clock", "°C)", "(W)"))
    assert "no lasting slowdown" in chart.alt


def test_other_reports_have_nothing_of_it() -> None:
    plain = sections("plain")
    assert not any(table.name.startswith("sustained") for table in plain.tables)
    assert CHARTS["sustained"].needs(Subject(plain.run, plain.rows)) is not None
    assert not any("Sustained" in sentence for sentence in left_out(plain.rows, plain.run))
    assert sustained_csv([plain.run]) is None
    data = json.loads(to_json(only("plain")))["runs"][0]
    assert (data["sustained"], data["sustained_ranking"], data["verdict"]["remarks"]) == ([], [], [])


def test_csv_and_json_have_all_digits() -> None:
    run = sustained_run()
    lines = list(csv.DictReader(io.StringIO(sustained_csv([run]) or "")))
    assert len(lines) == len(run.record.sustained_windows) == 360
    assert tuple(lines[0]) == NAMES
    assert {line["network"] for line in lines} == {"nin", "cifar10-sis3"}
    first = next(line for line in lines if line["network"] == "nin")
    assert (first["start_s"], first["is_whole"], first["due"], first["latency_p50_s"]) == ("0.0", "true", "", "")
    assert float(first["energy_per_call_j"]) == pytest.approx(0.4 * 10.4, rel=0.05)
    assert float(lines[-1]["cpu_frequency_hz"]) < 1.2e9
    data = json.loads(to_json(Report("", (section(run),))))["runs"][0]
    nin = next(each for each in data["sustained"] if each["network"] == "nin")
    assert nin["throttle"]["cause"] == "CPU clock"
    assert nin["first"]["p50_s"] == pytest.approx(0.4, rel=0.01)
    assert "windows" not in nin
    assert [rank["network"] for rank in data["sustained_ranking"]] == ["cifar10-sis3", "nin"]
    assert len(data["verdict"]["remarks"]) == 2


def test_a_report_has_the_section_the_chart_and_the_file(tmp_path: Path) -> None:
    run = sustained_run(COOL, SustainedRequest(60.0, 10.0))
    written = {path.name for path in report.write([run], tmp_path)}
    assert {"sustained.svg", "sustained.csv"} <= written
    text = (tmp_path / "report.md").read_text(encoding="utf-8")
    assert "Sustained work" in text
    assert "(sustained.svg)" in text
    page = Page((tmp_path / "index.html").read_text(encoding="utf-8"))
    titles = [title.partition(" (")[0].strip() for _, title in page.headings]
    assert titles.index("Latency and speed-up") < titles.index("Sustained work") < titles.index("Accuracy")
    beside = [link for link in page.links if not link.startswith("#")]
    assert beside == ["results.csv", "sustained.csv", "results.json", "report.md"]
    assert set(beside) <= written


def test_how_to_reproduce_names_the_options() -> None:
    run = sustained_run(COOL, SustainedRequest(300.0, 10.0, 5.0), cool_to_c=46.0)
    assert "--sustain 300s --rate 5 --cool-to 46" in reproduce(run)[1]


def test_the_method_says_how_it_was_done_and_what_was_waited_for() -> None:
    said = dict(sustained_method(sustained_run(COOL, SustainedRequest(60.0, 10.0), cool_to_c=40.0)))
    assert (
        "each network alone for 1 min in a fresh process, back to back, in windows of 10.0 s" in said["Sustained work"]
    )
    assert said["Rest before the rounds"].startswith("15 min; from 45.0 to 45.0 °C (")
    assert said["Rest before nin"].endswith("to be 40.0 °C at most: NOT reached")
    reached = dict(sustained_method(sustained_run(COOL, SustainedRequest(60.0, 10.0), cool_to_c=46.0)))
    assert reached["Rest before cifar10-sis3"].endswith("to be 46.0 °C at most: reached")
    assert sustained_method(sections("plain").run) == ()
