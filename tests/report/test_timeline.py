import re
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from results.factory import board_run

from report.conftest import RUNS, sections
from report.picture import SPACE, parsed, texts, words
from sis_agent.schema import JobInterruption
from sis_edge.report.charts import charts
from sis_edge.report.charts.series import GAP, MOST, curve, power, states
from sis_edge.report.charts.timeline import LEAST_SPAN

times = st.lists(st.floats(0, 1e4), min_size=1, max_size=2000, unique=True)


@settings(max_examples=40)
@given(times)
def test_thinning_loses_no_extreme_and_no_gap(found) -> None:
    points = [(t_s, 7.0 * t_s % 11) for t_s in found]
    made = curve("a", points)
    assert min(bucket.low for bucket in made.buckets) == min(value for _, value in points)
    assert max(bucket.high for bucket in made.buckets) == max(value for _, value in points)
    assert made.points == len(points)
    assert len(made.buckets) <= MOST + len(made.pieces)
    for piece in made.pieces:
        at = [bucket.t_s for bucket in piece]
        assert at == sorted(at)
        assert all(bucket.low <= bucket.middle <= bucket.high for bucket in piece)


def test_a_gap_and_an_interruption_end_a_line() -> None:
    points = [(float(t_s), 1.0) for t_s in range(20) if not 8 <= t_s < 8 + GAP]
    assert [len(piece) for piece in curve("a", points).pieces] == [8, 8]
    joined = [(float(t_s), 1.0) for t_s in range(20) if not 8 <= t_s < 7 + GAP]
    assert [len(piece) for piece in curve("a", joined).pieces] == [17]
    assert [len(piece) for piece in curve("a", joined, [3.5]).pieces] == [4, 13]
    assert not curve("a", joined).is_thinned


def test_few_points_are_drawn_one_by_one_and_many_as_bands() -> None:
    few, many = (curve("a", [(float(t_s), t_s % 5.0) for t_s in range(count)]) for count in (MOST, 10 * MOST))
    assert all(bucket.low == bucket.high for bucket in few.buckets)
    assert many.is_thinned
    assert {(bucket.low, bucket.high) for bucket in many.buckets} == {(0.0, 4.0)}


def timeline_of(run):
    found = sections("throttled").rows
    return next(chart for chart in charts(found, None, "", run) if chart.name == "timeline")


def test_the_timeline_draws_what_was_recorded() -> None:
    run = RUNS["throttled"]
    named = dict(states(run.record)) | dict(power(run.record))
    assert list(named) == [
        "Temperature, hottest zone (°C)",
        "CPU clock (GHz)",
        "GPU clock (GHz)",
        "Power, module (W)",
    ]
    assert len(named["CPU clock (GHz)"]) == len(run.record.states)
    assert max(value for _, value in named["CPU clock (GHz)"]) == pytest.approx(1.728)
    chart = timeline_of(run)
    shown = words(parsed(chart))
    assert {*named, "nin", "cifar10-sis3", "throttled", "rounds", "energy"} <= set(shown)
    assert "the board reported throttling" in chart.caption
    assert "CPU clock (GHz) 1.15 to 1.73" in chart.alt


def test_panels_share_one_axis_of_time() -> None:
    """The clock falls where the rounds become slow: at the same pixel."""
    root = parsed(timeline_of(RUNS["throttled"]))
    lines = [
        [tuple(map(float, pair.split())) for pair in element.get("d")[1:].split("L")]
        for element in root.iter(f"{SPACE}path")
        if element.get("fill") == "none"
    ]
    changes = []
    for points in (lines[0], lines[5]):  # nin, and the clock of the processor
        reach = max(y for _, y in points) - min(y for _, y in points)
        steps = [((before + x) / 2, abs(y - before_y)) for (before, before_y), (x, y) in pairwise(points)]
        changes.append([x for x, height in steps if height > reach / 2])
    assert len(changes[0]) == len(changes[1]) == 2
    assert changes[0] == pytest.approx(changes[1], abs=12)  # a round takes as long


def test_the_timeline_leaves_out_what_was_not_recorded() -> None:
    chart = timeline_of(RUNS["plain"])
    assert "neither temperature, clocks nor power" in chart.caption
    assert not any("GHz" in text or "°C" in text for text in words(parsed(chart)))
    assert "throttling" not in chart.caption
    busy = [name for name, points in (*states(RUNS["busy"].record), *power(RUNS["busy"].record)) if len(points) > 1]
    assert len(busy) == 2


def test_an_interruption_is_marked_and_no_line_crosses_it() -> None:
    record = RUNS["throttled"].record
    cut = JobInterruption(60.0, 8, 0, "2026-11-22T20:50:12", "2026-11-22T21:50:12", True, "the board restarted")
    run = RUNS["throttled"].model_copy(update={"record": record._replace(interruptions=[cut])})
    whole, parts = (parsed(timeline_of(each)) for each in (RUNS["throttled"], run))
    lines = [sum(each.get("fill") == "none" for each in root.iter(f"{SPACE}path")) for root in (whole, parts)]
    assert lines[1] == 2 * lines[0]
    assert [each.get("stroke-dasharray") for each in parts.iter(f"{SPACE}line")].count("3 3") == 1
    assert "interrupted" in timeline_of(run).caption


def test_counted_energy_is_drawn_as_power() -> None:
    record = board_run("x86-rapl").record
    ((name, points),) = power(record)
    assert name.startswith("Power, ")
    counted = record.power.traces[0].energy_j["package-0"][-1]
    mean = sum(value for _, value in points) / len(points)
    assert mean == pytest.approx(counted / record.duration_s, rel=0.05)


def test_rails_without_a_rule_for_the_total_are_drawn_each() -> None:
    record = RUNS["board"].record
    found = power(record._replace(power=record.power._replace(total_rails=[], scope=None)))
    assert [name for name, _ in found] == [f"Power, {rail}, scope unknown (W)" for rail in record.power.traces[0].rails]


def test_small_noise_does_not_look_like_drift() -> None:
    root = parsed(timeline_of(RUNS["plain"]))
    labels = [text.words for text in texts(root) if re.fullmatch(r"[+−]\d+%", text.words)]
    assert labels
    assert all(float(label[1:-1]) >= LEAST_SPAN for label in labels)
