"""The sentence at the top of a report: what a reader may quote, and nothing that a run does not support."""

from dataclasses import replace

import pytest

from report.conftest import only, report_of, sections
from sis_edge.report.markdown import escape, to_markdown
from sis_edge.report.sections.answer import answer, key_figures
from sis_edge.results.rows import Figure, Row
from sis_edge.results.statistics import Interval


def rows_of(name: str = "board", **changes) -> list[Row]:
    """The rows of a run, as if it were neither simulated nor emulated and its verdict VALID."""
    known = {"simulated": False, "emulated": False} | changes
    level = known.pop("level", "VALID")
    return [
        replace(row, run=replace(row.run, **known), verdict=replace(row.verdict, level=level))
        for row in sections(name).rows
    ]


def said(rows: list[Row]) -> str:
    return answer(rows, "my board").sentence


def speed(row: Row, estimate: float, low: float, high: float) -> Row:
    return replace(row, speed_up=replace(row.speed_up, estimate=Figure(estimate), interval=Figure(Interval(low, high))))


def drop(row: Row, low: float, estimate: float, high: float) -> Row:
    known = replace(row.accuracy.device_drop, estimate=Figure(estimate), interval=Figure(Interval(low, high)))
    return replace(row, accuracy=replace(row.accuracy, device_drop=known))


def test_it_has_network_speed_up_accuracy_energy_and_verdict() -> None:
    row = sections("board").rows[-1]
    low, high = row.speed_up.interval.value.low, row.speed_up.interval.value.high
    assert said(rows_of()) == (
        f"cifar10-sis3 is {row.speed_up.estimate.value:.3f}× as fast as nin on my board (95% interval {low:.3f} to "
        f"{high:.3f}), costs 3.11 points of accuracy (95% interval 0.46 to 5.91), and takes 32.5 mJ instead of 108 mJ "
        "net energy per inference (module); verdict: VALID."
    )


@pytest.mark.parametrize(
    ("ends", "words"),
    [
        ((-0.01, 0.002, 0.02), "has no significant drop of accuracy (0.20 points, 95% interval −1.00 to 2.00)"),
        ((-0.03, -0.02, -0.01), "gains 2.00 points of accuracy (95% interval 1.00 to 3.00)"),
        ((0.01, 0.02, 0.03), "costs 2.00 points of accuracy (95% interval 1.00 to 3.00)"),
    ],
)
def test_it_says_what_the_accuracy_does_and_whether_that_is_significant(ends, words) -> None:
    nin, *_, three = rows_of()
    assert f", {words}, " in said([nin, drop(three, *ends)])


def test_what_is_unknown_is_said_to_be() -> None:
    assert "), energy unknown; verdict" in said(rows_of("plain"))
    nin, *_, three = rows_of("plain")
    none = replace(three.accuracy, drop_from=Figure.unknown("x"), device=Figure.unknown("x"), host=Figure.unknown("x"))
    assert "), at unknown accuracy cost, energy unknown; verdict" in said([nin, replace(three, accuracy=none)])
    figures = {each.label: each.value for each in key_figures(answer([nin, replace(three, accuracy=none)], "b"))}
    assert figures["Accuracy drop from nin"] == figures["Net energy per inference"] == "unknown"


@pytest.mark.parametrize(("high", "doubt"), [(1.02, ", not significant"), (0.99, "")])
def test_no_gain_is_said_plainly(high, doubt) -> None:
    nin, *_, three = rows_of()
    assert said([nin, speed(three, 0.985, 0.93, high)]) == (
        "No network is faster than nin on my board: the fastest other one, cifar10-sis3, has 0.98× its speed "
        f"(95% interval 0.93 to {high:.2f}{doubt}); verdict: VALID."
    )


def test_a_faster_network_that_costs_more_is_named_too() -> None:
    nin, one, _, three = rows_of()
    text = said([nin, drop(one, -0.001, 0.001, 0.01), three])
    assert text.startswith("cifar10-sis1 is 1.1")
    assert "; the fastest, cifar10-sis3, is 3.3" in text
    assert "as fast and costs 3.11 points of accuracy" in text


@pytest.mark.parametrize(("level", "before"), [("SUSPECT", "SUSPECT, not to be"), ("QUICK", "QUICK, too short")])
def test_a_doubtful_run_says_so_first(level, before) -> None:
    assert said(rows_of(level=level)).startswith(before)


def test_an_invalid_run_has_no_number_to_quote() -> None:
    found = answer(rows_of(level="INVALID"), "my board")
    assert found.sentence == "INVALID: this run on my board has no speed-up to quote; measure again."
    assert found.best is None
    assert key_figures(found) == ()


def test_simulated_and_emulated_come_first() -> None:
    assert said(rows_of(simulated=True)).startswith("Simulated, not measured: cifar10-sis3 is 3.3")
    assert said(rows_of(simulated=True, level="INVALID")).startswith("Simulated, not measured: INVALID")
    assert "×" not in said(rows_of(emulated=True))
    assert answer(rows_of(emulated=True), "my board").best is None


def test_a_run_without_a_speed_up_says_why() -> None:
    assert said(rows_of("alone", level="VALID")) == (
        "No speed-up is known on my board: the run has no dense network to compare with; verdict: VALID."
    )
    assert said([]) == "No network was measured on my board."


def test_several_runs_are_one_sentence() -> None:
    three = report_of("plain", "board", "throttled").answer
    assert three.startswith("None of 3 runs has a verdict to rely on")  # one SUSPECT, two simulated
    assert three.endswith("verdicts: 1 SUSPECT, 1 VALID as far as seen, 1 INVALID; 2 are simulated.")
    assert report_of("board", "throttled").answer.startswith(
        "Simulated, not measured: 1 of 2 runs has a verdict to rely on and a network faster than the reference, by 3.3"
    )


@pytest.mark.parametrize("name", ["plain", "throttled", "emulated"])
def test_a_report_in_markdown_begins_with_it(name) -> None:
    text = to_markdown(only(name), [[]])
    assert text.split("\n\n")[1] == f"**{escape(sections(name).answer.sentence)}**"
