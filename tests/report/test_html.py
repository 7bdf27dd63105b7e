import csv
import io
import json
import re

import pytest

from report.conftest import HOSTILE, only
from report.page import Page
from sis_edge.report.csv import to_csv
from sis_edge.report.html import to_html

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
        if "data-table" not in given:
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
    assert all(link.startswith("#") for link in page.links)
    assert "default-src 'none'" in text
    styles = "".join(re.findall(r"<style.*?</style>", text, re.S))
    assert "url(" not in styles
    assert "@import" not in styles


def test_headings_do_not_skip_a_level(page) -> None:
    for before, after in zip([0, *page.headings], page.headings, strict=False):
        assert after <= before + 1
    assert page.headings.count(1) == 1


def test_a_page_of_one_run_has_its_parts_right_below_the_title() -> None:
    page = Page(to_html(only("plain"), [[]]))
    assert page.headings[:2] == [1, 2]
    assert set(page.headings) == {1, 2}


def test_identifiers_are_unique_and_regions_are_named(page) -> None:
    assert len(set(page.ids)) == len(page.ids)
    assert page.regions
    assert all(page.regions)


def test_hostile_text_stays_text(text, page) -> None:
    assert "<script>alert" not in text
    assert " ".join(HOSTILE.split()) in " ".join(page.words.split())


def test_a_hostile_name_cannot_end_the_charts_script() -> None:
    from sis_edge.report.charts import Chart
    from sis_edge.report.html import _embedded

    chart = Chart("a", "t", "c", "alt", {"data": {"values": [{"network": "</script><!--"}]}})
    assert "<" not in _embedded(chart)
    assert json.loads(_embedded(chart))["data"]["values"][0]["network"] == "</script><!--"


def test_the_marks_are_on_every_table_and_chart_of_a_simulated_run() -> None:
    from sis_edge.report.charts import charts

    report = only("simulated")
    text = to_html(report, [charts(report.sections[0].rows, report.sections[0].mark)])
    page = Page(text)
    assert len(page.figures) == 2
    assert all("simulated" in figure for figure in page.figures)
    tables = text.count("data-table=")
    assert len(re.findall(r'class="part">[^<]+ <span class="mark">simulated</span>', text)) == tables
    assert "simulated" not in Page(to_html(only("plain"), [[]])).words


def test_chart_definitions_are_data_that_parses(page, drawn) -> None:
    specs = [json.loads(body) for given, body in page.scripts if given.get("type") == "application/json"]
    assert len(specs) == sum(map(len, drawn)) > 0
    assert all(spec["$schema"].startswith("https://vega.github.io/schema/vega-lite/") for spec in specs)


def test_without_a_chart_the_page_carries_no_script() -> None:
    page = Page(to_html(only("nothing"), [[]]))
    assert page.scripts == []
    assert "There is no chart" in page.words


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
