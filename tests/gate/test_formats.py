"""What CI systems read: JUnit XML, Markdown, and github-action-benchmark's JSON."""

import json
from dataclasses import replace
from functools import cache
from typing import Any
from xml.etree import ElementTree

import pytest

from gate.runs import SHOWN, gate_run, stored
from sis_agent.schema import Accuracy
from sis_edge.gate.findings import findings
from sis_edge.gate.formats.benchmark import benchmark
from sis_edge.gate.formats.junit import junit
from sis_edge.gate.formats.markdown import markdown
from sis_edge.gate.limits import Limits
from sis_edge.gate.result import GateResult, Rules

RIGHT = Accuracy(1000, 900, list(range(100)))


made = cache(gate_run)


def result(slower: float = 0.05, shown: str = "net", **changes: Any) -> GateResult:
    run = made(slower).model_copy()
    records = [record._replace(accuracy=RIGHT) for record in run.record.networks]
    run = run.model_copy(update={"record": run.record._replace(networks=records)})
    found = findings(run, run, [(shown, SHOWN[0][1])], Limits(own={"accuracy": 0.001}))
    return replace(
        GateResult("main:build/x", "build/x", True, Rules(), tuple(found), (stored(run),), ("a|note",)), **changes
    )


def test_junit_has_a_case_for_every_metric_and_counts_them() -> None:
    root = ElementTree.fromstring(junit(result()))
    suite = root.find("testsuite")
    for element in (root, suite):
        counts = {name: int(element.get(name)) for name in ("tests", "failures", "errors", "skipped")}
        assert counts == {"tests": 5, "failures": 1, "errors": 0, "skipped": 2}
    cases = {case.get("name"): [child.tag for child in case] for case in suite.iter("testcase")}
    assert cases == {"latency": ["failure"], "energy": ["skipped"], "memory": [], "accuracy": ["skipped"], "size": []}
    failure = suite.find("testcase[@name='latency']/failure")
    assert failure.get("type") == "regressed"
    assert failure.get("message").startswith("latency +")
    assert "limit 2%" in failure.get("message")
    assert "build/x" in suite.find("system-out").text


def test_what_is_required_and_not_measured_is_a_failure() -> None:
    strict = result(0.0, rules=Rules(required=frozenset({"energy"}), undecided_fails=True))
    suite = ElementTree.fromstring(junit(strict)).find("testsuite")
    cases = [case for case in suite.iter("testcase") if case.find("failure") is not None]
    failed = {case.get("name"): case[0].get("type") for case in cases}
    assert failed == {"energy": "not measured", "accuracy": "undecided"}


def test_names_from_a_bundle_cannot_break_the_formats() -> None:
    hostile = "a<b>&\"'|`\x1b[31m\ufffe"
    suite = ElementTree.fromstring(junit(result(shown=hostile))).find("testsuite")
    assert suite.find("testcase").get("classname").startswith("a<b>&\"'|`")
    table = [line for line in markdown(result(shown=hostile)).splitlines() if line.startswith("| ")]
    assert len(table) == 7
    assert {line.replace("\\|", "").count("|") for line in table} == {8}
    json.loads(benchmark(result(shown=hostile)))


def test_markdown_says_it_first_and_folds_the_notes() -> None:
    text = markdown(result())
    assert text.startswith("## sis-edge gate FAILED: 1 regressed, 1 undecided, 1 not measured, 2 ok\n")
    assert "| net | latency | " in text
    assert "| **REGRESSED** |" in text
    assert "- net energy not measured: unavailable" in text
    assert "<details><summary>Notes (1)</summary>\n\n- a\\|note\n\n</details>" in text
    assert markdown(result(0.0)).startswith("## sis-edge gate PASSED: ")


def test_the_benchmark_s_json_has_what_was_measured_as_smaller_is_better() -> None:
    entries = json.loads(benchmark(result()))
    assert [(each["name"], each["unit"]) for each in entries] == [
        ("net: latency (median)", "ms"),
        ("net: peak memory", "kB"),
        ("net: error (top-1)", "%"),
        ("net: file size", "kB"),
    ]
    by_name = {each["name"]: each["value"] for each in entries}
    assert by_name["net: error (top-1)"] == pytest.approx(10)
    assert by_name["net: latency (median)"] == pytest.approx(5.25, rel=0.1)
    assert by_name["net: file size"] == pytest.approx(188)
    assert entries[0]["extra"].startswith("regressed; +")
