"""Which change is within its limit, which is beyond it, and which is neither."""

import pytest

from sis_edge.errors import UsageError
from sis_edge.gate.decision import GateFinding, change_text, confirmed, decide, doubtful
from sis_edge.gate.limits import limits, required
from sis_edge.gate.result import Rules
from sis_edge.results.changes import METRICS, MetricChange
from sis_edge.results.changes.change import Processes
from sis_edge.results.statistics import Interval

LATENCY, SIZE = METRICS["latency"], METRICS["size"]


def change(low: float, high: float, estimate: float | None = None, **more: object) -> MetricChange:
    middle = (low + high) / 2 if estimate is None else estimate
    return MetricChange(5e-3, 5e-3 * (1 + middle), middle, Interval(low, high), 30, "rounds", **more)


def finding(low: float, high: float, name: str = "latency", limit: float = 0.02) -> GateFinding:
    return decide("net", METRICS[name], change(low, high), limit)


@pytest.mark.parametrize(
    ("low", "high", "state"),
    [
        (0.0201, 0.04, "regressed"),
        (0.02, 0.04, "undecided"),  # the limit itself is accepted
        (0.0199, 0.04, "undecided"),
        (-0.01, 0.0201, "undecided"),
        (-0.01, 0.02, "ok"),
        (-0.5, -0.4, "ok"),
    ],
)
def test_only_a_whole_interval_decides(low: float, high: float, state: str) -> None:
    assert finding(low, high).state == state


def test_without_an_interval_nothing_is_decided() -> None:
    few = MetricChange(1.0, 2.0, 1.0, None, 5, "rounds", "6 rounds for an interval, and there are 5")
    found = decide("net", LATENCY, few, 0.02)
    assert (found.state, found.reason) == ("undecided", "needs 6 rounds for an interval, and there are 5")


def test_what_was_not_measured_is_a_state_of_its_own_and_stops_where_it_is_required() -> None:
    found = decide("net", METRICS["energy"], "no power sensor can be read", 0.02)
    assert (found.state, found.reason, found.change.value) == ("not measured", "no power sensor can be read", None)
    assert not Rules().stops(found)
    assert Rules(required=frozenset({"energy"})).stops(found)
    assert Rules().stops(decide("net", LATENCY, "the base: it crashed", 0.02))  # latency always is


def test_undecided_stops_only_where_the_user_says_so() -> None:
    assert not Rules().stops(finding(0.0, 0.04))
    assert Rules(undecided_fails=True).stops(finding(0.0, 0.04))
    assert not Rules(undecided_fails=True).stops(finding(0.0, 0.01))


@pytest.mark.parametrize(
    ("name", "state"), [("latency", "undecided"), ("energy", "undecided"), ("memory", "regressed")]
)
def test_an_invalid_run_decides_no_time_and_no_energy(name: str, state: str) -> None:
    assert decide("net", METRICS[name], change(0.1, 0.2), 0.02, doubt="the run is INVALID: it throttled").state == state


def test_a_regression_counts_when_a_second_job_has_it_too() -> None:
    red, green = finding(0.03, 0.05), finding(-0.01, 0.01)
    assert doubtful([green, red])
    assert not doubtful([green, finding(0.1, 0.2, "size")])  # bytes do not change by measuring again
    (both,) = confirmed([red], [finding(0.025, 0.04)])
    assert both.state == "regressed"
    assert both.reason == "confirmed by a second measurement: +3.2% [+2.5, +4.0]"
    (once,) = confirmed([red], [green])
    assert once.state == "undecided"
    assert once.reason == "a second measurement did not confirm it: 0.0% [−1.0, +1.0]"
    (nearly,) = confirmed([red], [finding(0.01, 0.05)])
    assert nearly.state == "undecided"
    (lost,) = confirmed([red], [decide("net", LATENCY, "its worker died", 0.02)])
    assert (lost.state, "its worker died" in lost.reason) == ("undecided", True)


def test_a_second_measurement_makes_nothing_worse() -> None:
    green, size = finding(-0.01, 0.01), finding(0.1, 0.2, "size")
    assert confirmed([green, size], [finding(0.03, 0.05), finding(0.1, 0.2, "size")]) == (green, size)


@pytest.mark.parametrize(
    ("found", "words"),
    [
        # half of the interval is 1%, the limit is 0.5% away: four times as many
        (change(0.005, 0.025), "about 120 rounds"),
        (change(0.015, 0.035), "about 120 rounds"),
        (change(0.01, 0.03), "more than 100,000 rounds, since the change is about as large as the limit"),
        (change(0.0, 0.024, 0.012, processes=Processes(3, 0.011)), "about 4 processes, since they differ more"),
        (change(0.0, 0.03, 0.015, processes=Processes(3, 0.003)), "about 410 rounds"),
    ],
)
def test_how_much_would_have_to_be_measured(found: MetricChange, words: str) -> None:
    assert found.needed(0.02).startswith(words)


def test_changes_as_text() -> None:
    assert change_text(LATENCY, change(0.025, 0.04, 0.031)) == "+3.1% [+2.5, +4.0]"
    assert change_text(SIZE, change(0.1, 0.1)) == "+10.0%"
    assert change_text(METRICS["accuracy"], change(0.005, 0.02, 0.012)) == "−1.2 [−2.0, −0.5]"


@pytest.mark.parametrize(
    ("text", "latency", "accuracy"),
    [
        ("2%", 0.02, 0.02),
        ("0.03", 0.03, 0.03),
        ("latency=5%", 0.05, 0.02),
        ("1%, accuracy=0.5%", 0.01, 0.005),
        ("0", 0, 0),
    ],
)
def test_limits(text: str, latency: float, accuracy: float) -> None:
    found = limits(text)
    assert (found.of("latency"), found.of("accuracy")) == (pytest.approx(latency), pytest.approx(accuracy))


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("much", "--max-regress is 'much', and must be shares from 0 on, such as 2%"),
        ("-1%", "must be shares from 0 on"),
        ("nan", "must be shares from 0 on"),
        ("", "must be shares from 0 on"),
        ("latency=", "must be shares from 0 on"),
        ("latenzy=2%", "unknown metric in --max-regress 'latenzy'; did you mean latency?"),
        ("latency=2%,latency=3%", "--max-regress has latency twice"),
        ("2%,3%", "two limits for all metrics"),
    ],
)
def test_wrong_limits(text: str, words: str) -> None:
    with pytest.raises(UsageError) as raised:
        limits(text)
    assert words in str(raised.value)


def test_an_unknown_required_metric() -> None:
    with pytest.raises(UsageError, match="unknown metric in --require 'power'"):
        required("latency,power")
