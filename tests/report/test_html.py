import csv
import hashlib
import io
import json
import re
from base64 import b64encode

import pytest

from report.conftest import HOSTILE, RUNS, only, report_of
from report.page import Page
from sis_edge.report.csv import to_csv
from sis_edge.report.document import document
from sis_edge.report.html import parts, to_html

SCALES = {
    "ns": 1e-9,
    "µs": 1e-6,
    "ms": 1e-3,
    "s": 1,
    "µJ": 1e-6,
    "mJ": 1e-3,
    "J": 1,
    "B": 1,
    "kB": 1e3,
    "MB": 1e6,
    "GB": 1e9,
    "k": 1e3,
    "M": 1e6,
    "%": 1e-2,
}


@pytest.fixture(scope="module")
def text(every, drawn) -> str:
    return to_html(every, drawn)


@pytest.fixture(scope="module")
def page(text) -> Page:
    return Page(text)


def numbers(text: str) -> list[tuple[float, float]]:
    """Every number of a text, and half a unit of its last digit."""
    found = []
    for sign, digits, decimals, exponent, unit in re.findall(
        r"([−-]?)(\d[\d,]*)(?:\.(\d+))?(e[+-]?\d+)?(?:\s?([nµm]?s\b|[µm]?J\b|[kMG]?B\b|[kM]\b|%))?", text
    ):
        scale = SCALES.get(unit, 1) * float(f"1{exponent}")
        value = float(f"{digits.replace(',', '')}.{decimals or 0}") * (-1 if sign else 1)
        found.append((value * scale, 0.5001 * 10 ** -len(decimals) * scale))
    return found


def test_every_number_on_the_page_is_the_csvs(page, every) -> None:
    rows = [row for section in every.sections for row in section.rows]
    lines = {(line["run_id"], line["network"]): line for line in csv.DictReader(io.StringIO(to_csv(rows)))}
    compared = set()
    for given, cells in page.tables:
        if given.get("data-table") in (None, "timed-calls"):  # whose lines are parts of a call, and no networks
            continue
        for row in cells[1:]:
            line = lines[given["data-run"], row[0][1]]
            for fields, shown in row[1:]:
                known = [line[name] for name in fields]
                if known[0] == "":
                    reason = json.loads(line["reasons"])[fields[0]]
                    assert shown in (reason, "reference") or re.fullmatch(r"– \[[a-z]\]", shown)
                elif re.fullmatch(r"-?[\d.]+(e-?\d+)?", known[0]):
                    scale = 0.01 if "accuracy_drop" in fields[0] else 1
                    for value, (number, half) in zip(known, numbers(shown), strict=True):
                        assert number * scale == pytest.approx(float(value), abs=half * scale)
                        compared.add(fields[0])
    assert {"latency_p50_s", "latency_p99_s", "speed_up", "speed_up_low", "accuracy_drop_low", "macs"} <= compared
    assert {"peak_rss_bytes", "device_accuracy_low", "paper_accuracy", "golden_max_abs_difference"} <= compared
    assert {"energy_gross_j", "energy_gross_low_j", "energy_net_j", "energy_net_low_j"} <= compared


def test_the_page_loads_nothing(text, page) -> None:
    assert [
        each for each in page.loaded if not each.startswith("#")
    ] == []  # "#": a gradient of the page's own pictures
    assert all(link.startswith("#") for link in page.links)
    assert "default-src 'none'" in text
    styles = "".join(re.findall(r"<style.*?</style>", text, re.S))
    assert "url(" not in styles
    assert "@import" not in styles


def test_only_the_page_s_own_script_runs(text, page) -> None:
    (script,) = page.scripts
    digest = b64encode(hashlib.sha256(script.encode()).digest()).decode()
    assert f"script-src 'sha256-{digest}'; " in text
    assert [name for name, _ in page.attributes if name.startswith("on")] == []
    assert not any(value and value.strip().lower().startswith("javascript:") for _, value in page.attributes)


def test_files_beside_the_page_are_offered_where_there_are_any() -> None:
    page = Page(to_html(only("plain"), [[]], ["results.csv", "report.md"]))
    assert [link for link in page.links if not link.startswith("#")] == ["results.csv", "report.md"]
    assert "Download" not in Page(to_html(only("plain"), [[]])).words


@pytest.mark.parametrize("names", [["plain"], ["broken"], ["plain", "hostile", "board"]])
def test_every_link_of_the_page_leads_somewhere(names) -> None:
    page = Page(to_html(report_of(*names), [[] for _ in names]))
    assert len(page.links) > 10
    assert {link.removeprefix("#") for link in page.links} <= set(page.ids)


def test_headings_do_not_skip_a_level(page) -> None:
    levels = [level for level, _ in page.headings]
    for before, after in zip([0, *levels], levels, strict=False):
        assert after <= before + 1
    assert levels.count(1) == 1


def test_a_page_of_one_run_has_its_parts_right_below_the_title_in_the_order_of_a_reader() -> None:
    from sis_edge.report.charts import charts

    found = only("board").sections[0]
    page = Page(to_html(only("board"), [charts(found.rows, found.mark, "", found.run)]))
    assert {level for level, _ in page.headings} == {1, 2}
    titles = [title.partition(" (")[0].strip() for _, title in page.headings[1:]]
    body = ["Result", "Each network in words", "Charts", "Latency and speed-up", "Accuracy", "Energy", "Start"]
    last = ["Memory by runtime", "Accuracy on the host", "Structure", "What is inside the timed call", "Checks"]
    folded = ["Board", "How it was measured", "Environment before and after", "Provenance", "Reproduce"]
    assert titles == [*body, *last, *folded, "How to read the numbers"]
    assert page.words.index("Accuracy against latency") < page.words.index("Each network compared with")
    assert [title.strip() for title in page.folded] == ["Each network in words", *titles[12:]]


def test_energy_that_was_not_measured_is_an_appendix() -> None:
    body, appendices = parts(only("plain").sections[0])
    assert [table.name for table in appendices] == ["energy"]
    assert "energy" in [table.name for table in parts(only("board").sections[0])[0]]
    assert {table.name for table in (*body, *appendices)} == {table.name for table in only("plain").sections[0].tables}


def test_a_page_of_several_runs_has_the_overview_first_and_each_run_folded() -> None:
    names = ["plain", "simulated", "broken"]
    page = Page(to_html(report_of(*names), [[] for _ in names]))
    assert [title for level, title in page.headings if level < 3][1] == "Best network of each run"
    assert page.links[page.links.index("#run-1") :][:3] == ["#run-1", "#run-2", "#run-3"]
    runs = [title for title in page.folded if " on QEMU" in title]
    assert ["simulated" in title for title in runs] == [False, True, False]
    assert ["INVALID" in title for title in runs] == [False, False, True]
    assert ["local: cifar10-sis3, 3.2" in title for title in runs] == [True, True, False]
    levels = [level for level, _ in page.headings]
    assert set(levels) == {1, 2, 3, 4}


def test_identifiers_are_unique_and_regions_are_named(page) -> None:
    assert len(set(page.ids)) == len(page.ids)
    assert page.regions
    assert all(page.regions)


def test_hostile_text_stays_text(text, page) -> None:
    assert "<script>alert" not in text
    assert " ".join(HOSTILE.split()) in " ".join(page.words.split())


@pytest.mark.parametrize(("name", "mark"), [("simulated", "simulated"), ("emulated", "emulated")])
def test_the_marks_are_on_every_table_row_and_chart_and_in_the_title(name, mark) -> None:
    from sis_edge.report.charts import charts

    report = only(name)
    found = report.sections[0]
    page = Page(to_html(report, [charts(found.rows, found.mark, "", found.run)]))
    assert page.figures
    assert all(mark in figure for figure in page.figures)
    of_data = [marks for (given, _), marks in zip(page.tables, page.row_marks, strict=True) if "data" in given["class"]]
    assert len(of_data) == len(found.tables)
    assert all(row == [mark] for rows in of_data for row in rows[1:])
    assert page.title.startswith(f"{mark.upper()}: ")
    plain = Page(to_html(only("plain"), [[]]))
    assert mark not in plain.words.lower()
    assert not any(row for rows in plain.row_marks for row in rows)


def test_a_profile_that_was_never_tried_marks_every_row() -> None:
    run = RUNS["plain"].model_copy(update={"profile_verified": False})
    report = document([run])
    page = Page(to_html(report, [[]]))
    assert page.title.startswith("UNVERIFIED PROFILE: ")
    rows = [row for rows in page.row_marks for row in rows if row]
    assert rows == [["unverified profile"]] * len(rows)
    assert len(rows) == sum(len(table.cells) for table in report.sections[0].tables)


def test_a_box_filters_the_tables_of_many_networks_and_runs_only() -> None:
    names = ["plain"] * 7
    assert "data-filter=" not in to_html(only("plain"), [[]])
    assert re.findall(r'data-filter="([^"]*)"', to_html(report_of(*names), [[]] * 7)) == ["runs"]


def test_pictures_are_on_the_page_as_they_are(text, drawn) -> None:
    assert text.count("<svg") == 2 * sum(map(len, drawn)) > 0


def test_what_is_not_drawn_has_a_reason() -> None:
    page = Page(to_html(only("nothing"), [[]]))
    assert page.figures == []
    assert "No chart “Speed-up against its ceiling”: no network has a speed-up." in page.words


def test_the_page_says_what_how_and_from_where(page) -> None:
    words = " ".join(page.words.split())
    for part in (
        "Intel(R) Xeon(R) CPU @ 2.80GHz",
        "30, with 20 inferences of every network in each",
        "random within each round (seed 0)",
        "perf_counter_ns",
        "cpu-thermal 46.5 °C",
        "cpu-thermal 58.0 °C",
        "fedcba9876543210",
        "torch 2.13.0",
        "onnxruntime 1.23.2",
        "sis-edge build --profile local",
        "not comparable with the paper's CIFAR-10 and SVHN figures",
        "hierarchical bootstrap",
    ):
        assert part in words


def test_commands_in_sentences_are_code(text: str) -> None:
    """Not words between backticks, which are Markdown's."""
    shown = re.sub(r"<(script|pre|svg)\b.*?</\1>", "", text, flags=re.DOTALL)
    reasons = re.findall(r'<ul class="reasons">(.*?)</ul>', shown, re.DOTALL)
    assert any("<code>" in reason for reason in reasons)
    assert not [reason for reason in reasons if "`" in reason]
