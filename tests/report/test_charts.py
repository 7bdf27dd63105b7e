import json
import xml.etree.ElementTree as ET

import pytest
from hypothesis import given
from hypothesis import strategies as st
from results.factory import board_run

from report.conftest import RUNS, sections
from sis_edge.report.charts import charts, styled, svg
from sis_edge.report.charts.environment import environment
from sis_edge.report.charts.labels import CHARACTER, LINE, Point, place

points = st.lists(
    st.builds(
        lambda name, x, top, length: Point(name, x, top, top + length),
        st.text("abcdefgh-", min_size=1, max_size=20),
        st.floats(0, 430),
        st.floats(0, 300),
        st.floats(0, 200),
    ),
    min_size=1,
    max_size=8,
)


@given(points)
def test_names_cover_neither_each_other_nor_whiskers(whiskers) -> None:
    spots = place(whiskers, 430)
    for at, (point, spot) in enumerate(zip(whiskers, spots, strict=True)):
        half = CHARACTER * len(point.name) / 2
        assert half - 1e-9 <= spot.x <= 430 - half + 1e-9
        for other, (whisker, place_) in enumerate(zip(whiskers, spots, strict=True)):
            if other == at:
                assert not point.top < spot.y < point.foot
                continue
            reach = half + CHARACTER * len(whisker.name) / 2
            assert abs(spot.x - place_.x) >= reach or abs(spot.y - place_.y) >= LINE
            assert abs(spot.x - whisker.x) >= half or not whisker.top < spot.y < whisker.foot


def drawn_of(name: str):
    found = sections(name)
    return charts(found.rows, found.mark)


@pytest.mark.parametrize(
    ("name", "count"), [("plain", 2), ("paper", 2), ("broken", 2), ("alone", 0), ("nothing", 0), ("hostile", 1)]
)
def test_only_what_was_measured_is_drawn(name, count) -> None:
    # "alone" has 10 samples, too few for a median, and nothing to be compared with.
    assert len(drawn_of(name)) == count


def texts(picture: str) -> list[str]:
    return [element.text or "" for element in ET.fromstring(picture).iter("{http://www.w3.org/2000/svg}text")]


def test_a_picture_names_its_networks_and_units_and_loads_nothing() -> None:
    scatter, speed = (svg(chart) for chart in drawn_of("plain"))
    assert {"nin", "cifar10-sis1", "cifar10-sis2", "cifar10-sis3"} <= set(texts(scatter))
    assert "Median latency of one call (ms)" in texts(scatter)
    assert "Accuracy on the board (%)" in texts(scatter)
    assert "Speed-up over the dense network (times)" in texts(speed)
    for picture in (scatter, speed):
        assert "NaN" not in picture
        assert "http" not in picture.replace("http://www.w3.org/", "")


def test_a_picture_is_no_wider_than_its_place_on_the_page() -> None:
    for chart in drawn_of("simulated"):
        root = ET.fromstring(svg(chart))
        width, height = float(root.get("width")), float(root.get("height"))
        assert (root.get("viewBox")) == f"0 0 {width:g} {height:g}"
        assert width < 560


def test_a_simulated_runs_pictures_say_so() -> None:
    for chart in drawn_of("simulated"):
        assert "SIMULATED" in texts(svg(chart))
        assert "simulated" in chart.alt
    assert not any("SIMULATED" in texts(svg(chart)) for chart in drawn_of("plain"))


def test_the_inline_picture_takes_the_pages_colours() -> None:
    chart = drawn_of("plain")[0]
    assert "currentColor" in svg(chart, inline=True)
    assert "currentColor" not in svg(chart)
    assert styled(chart, inline=False)["config"]["background"] == "#ffffff"


def test_definitions_hold_the_rows_values() -> None:
    rows = {row.identity.label: row for row in sections("plain").rows}
    text = json.dumps([chart.spec for chart in drawn_of("plain")])
    found = {point["network"]: point for chart in drawn_of("plain") for point in _points(chart.spec)}
    assert found["cifar10-sis3"]["speed_up"] == rows["cifar10-sis3"].speed_up.estimate.value
    assert found["cifar10-sis3"]["ceiling"] == rows["cifar10-sis3"].structure.ceiling.value
    assert str(100 * rows["nin"].accuracy.device.value) in text


def _points(spec):
    return [point for values in spec["datasets"].values() for point in values if "network" in point]


def test_names_of_pictures_tell_runs_apart() -> None:
    found = sections("plain")
    assert [chart.name for chart in charts(found.rows, None, "-2")] == ["accuracy-latency-2", "speed-up-2"]


def drawn_points(chart, panel: int) -> list[dict]:
    data = chart.spec["vconcat"][panel]["layer"][-1]["data"]
    return data["values"] if "values" in data else chart.spec["datasets"][data["name"]]


def test_the_timeline_draws_what_was_recorded() -> None:
    run = RUNS["throttled"].record
    chart = environment(run, "simulated")
    panels = chart.spec["vconcat"]
    titles = [panel["layer"][-1]["encoding"]["y"]["title"] for panel in panels]
    assert titles == ["CPU clock (GHz)", "Temperature (°C)", "Power, module (W)"]
    clocks = drawn_points(chart, 0)
    assert len(clocks) == len(run.states)
    assert max(point["value"] for point in clocks) == pytest.approx(1.728)
    assert "Red along the top" in chart.caption
    assert chart.spec["title"]["subtitle"] == "SIMULATED"
    ET.fromstring(svg(chart))


def test_the_timeline_leaves_out_what_was_not_recorded() -> None:
    assert environment(RUNS["plain"].record, None) is None
    assert len(environment(RUNS["busy"].record, None).spec["vconcat"]) == 2


def test_counted_energy_is_drawn_as_power() -> None:
    record = board_run("x86-rapl").record
    power = drawn_points(environment(record, None), -1)
    assert len(power) <= 401
    counted = record.power.traces[0].energy_j["package-0"][-1]
    mean = sum(point["value"] for point in power) / len(power)
    assert mean == pytest.approx(counted / record.duration_s, rel=0.05)


def test_rails_without_a_rule_for_the_total_are_drawn_each() -> None:
    run = RUNS["board"].record
    chart = environment(run._replace(power=run.power._replace(total_rails=[], scope=None)), None)
    line = chart.spec["vconcat"][-1]["layer"][-1]
    assert {point["line"] for point in drawn_points(chart, -1)} == set(run.power.traces[0].rails)
    assert line["encoding"]["y"]["title"] == "Power, scope unknown (W)"
