from itertools import combinations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from report.conftest import RUNS, sections
from report.picture import marks, parsed, texts, words
from sis_edge.report.charts import charts
from sis_edge.report.charts.accuracy_latency import front
from sis_edge.report.charts.drawing import shortened, width_of, wrapped
from sis_edge.report.charts.labels import Box, Named, place
from sis_edge.report.charts.scale import Scale
from sis_edge.report.charts.scatter import Axis, Dot, Scatter
from sis_edge.results.statistics import Interval

values = st.floats(0.01, 100)
points = st.lists(st.tuples(values, values), min_size=1, max_size=12)


def beats(one, other) -> bool:
    return one != other and one[0] <= other[0] and one[1] >= other[1]


@given(points)
def test_the_front_is_what_no_other_beats(found) -> None:
    best = front(found)
    for at, point in enumerate(found):
        assert (at in best) is not any(beats(other, point) for other in found)
    assert [found[at][0] for at in best] == sorted(found[at][0] for at in best)


def scatter_of(name: str):
    found = sections(name)
    return charts(found.rows, None, "", found.run)[0], found.rows


def test_points_lie_where_their_values_say() -> None:
    chart, rows = scatter_of("plain")
    known = {row.identity.label: (row.latency.p50_s.value, row.accuracy.device.value) for row in rows}
    placed = {text.split(":")[0]: (x, y) for text, x, y in marks(parsed(chart))}
    assert set(placed) == set(known)
    names = sorted(known, key=lambda name: known[name][0])
    # Three points on a straight line of values are on a straight line of pixels: both axes are linear here.
    for axis, sign in ((0, 1), (1, -1)):
        first, second, third = (known[name][axis] for name in names[:3])
        one, two, three = (placed[name][axis] for name in names[:3])
        assert (two - one) / (three - one) == pytest.approx((second - first) / (third - first), abs=0.01)
        assert (three - one) * (third - first) * sign > 0
    assert "Median latency of one call (ms)" in words(parsed(chart))
    assert "Accuracy on the board (%)" in words(parsed(chart))


def test_the_front_is_drawn_and_named_and_what_is_beaten_is_hollow() -> None:
    chart, _ = scatter_of("plain")
    assert "cifar10-sis3, cifar10-sis2, nin" in chart.caption
    assert "Pareto front" in words(parsed(chart))
    fills = {}
    for element in parsed(chart).iter():
        title = element.find("{http://www.w3.org/2000/svg}title")
        if title is not None:
            fills[title.text.split(":")[0]] = (element.get("fill"), element.get("stroke"))
    assert "--ground" in fills["cifar10-sis1"][0]
    assert "--muted" in fills["cifar10-sis1"][1]
    assert all("--series-1" in fills[name][0] for name in ("cifar10-sis3", "cifar10-sis2", "nin"))


def test_both_intervals_are_whiskers() -> None:
    dots = [
        Dot("a", 2.0, 50.0, "a: 1", "red", Interval(1.5, 4.0), Interval(40.0, 55.0)),
        Dot("b", 9, 70, "b: 2", "red"),
    ]
    drawing = Scatter(dots, Axis("x", from_zero=True), Axis("y"))
    root = parsed(type("Chart", (), {"draw": staticmethod(drawing.draw)}))
    at = {text: (x, y) for text, x, y in marks(root)}
    lines = [
        [float(each.get(name)) for name in ("x1", "y1", "x2", "y2")]
        for each in root.iter("{http://www.w3.org/2000/svg}line")
        if each.get("stroke") == "red"
    ]
    (upright,) = [line for line in lines if line[0] == line[2]]
    (flat,) = [line for line in lines if line[1] == line[3]]
    per_x = (at["b: 2"][0] - at["a: 1"][0]) / 7
    assert (flat[0] - at["a: 1"][0], flat[2] - at["a: 1"][0]) == pytest.approx((-0.5 * per_x, 2 * per_x), abs=0.2)
    per_y = (at["b: 2"][1] - at["a: 1"][1]) / 20
    assert (upright[1] - at["a: 1"][1], upright[3] - at["a: 1"][1]) == pytest.approx((-10 * per_y, 5 * per_y), abs=0.2)


names = st.text("abcdefgh-", min_size=1, max_size=80)
scattered = st.lists(st.tuples(values, values, names), min_size=1, max_size=20)


@settings(max_examples=20)
@given(scattered, st.sampled_from([292.0, 552.0]))
def test_every_name_is_legible_whatever_the_points(found, width) -> None:
    dots = [Dot(name, x, y, name, "red") for x, y, name in found]
    drawing = Scatter(dots, Axis("x", from_zero=True), Axis("y"))
    shown = texts(parsed(type("Chart", (), {"draw": staticmethod(drawing.draw)}), width))
    assert all(text.box.left >= -9 and text.box.right <= width + 9 for text in shown)
    listed = [text for text in shown if text.box.left == 26]
    letters = "".join(text.words for text in shown)
    for dot in dots:
        start = wrapped(dot.name, width - 26, most=4)[0]
        assert start in letters or dot.name.strip("-")[:4] in letters
    for one, two in combinations(listed, 2):
        assert not one.box.meets(two.box)


boxes = st.builds(lambda x, y, w, h: Box(x, y, x + w, y + h), *[st.floats(0, 400)] * 2, *[st.floats(1, 60)] * 2)
named = st.builds(lambda x, y, name: Named(x, y, (name,)), st.floats(0, 400), st.floats(0, 280), names)


@settings(max_examples=40)
@given(st.lists(named, min_size=1, max_size=10), st.lists(boxes, max_size=10))
def test_placed_names_cover_nothing_and_stay_inside(found, drawn) -> None:
    room = Box(0, 0, 500, 300)
    spots = place(found, drawn, room)
    if spots is None:
        return
    for spot, point in zip(spots, found, strict=True):
        assert spot.box.within(room)
        assert spot.box.right - spot.box.left == pytest.approx(point.width)
        assert not any(spot.box.meets(box) for box in drawn)
    for one, two in combinations(spots, 2):
        assert not one.box.meets(two.box)


def test_a_name_far_from_its_point_is_led_to() -> None:
    wall = [Box(60, 60, 140, 140)]
    (spot,) = place([Named(100, 100, ("far",))], wall, Box(0, 0, 300, 300))
    assert spot.is_far
    (spot,) = place([Named(100, 100, ("near",))], [], Box(0, 0, 300, 300))
    assert not spot.is_far


@settings(max_examples=50)
@given(st.text(max_size=120), st.floats(30, 400), st.integers(1, 4))
def test_wrapped_lines_fit_and_lose_nothing_unsaid(words_, room, most) -> None:
    lines = wrapped(words_, room, most=most)
    assert 1 <= len(lines) <= most
    assert all(width_of(line) <= room for line in lines)
    kept = "".join(lines).replace(" ", "")
    assert kept == "".join(words_.split()) or lines[-1].endswith("…")


def test_short_words_are_not_shortened() -> None:
    assert shortened("nin", 100) == "nin"
    assert wrapped("cifar10-sis1", 60) == ["cifar10-", "sis1"]


@pytest.mark.parametrize(
    ("low", "high", "most", "ticks"),
    [
        (0, 10.3, 6, ["0", "2", "4", "6", "8", "10"]),
        (91.2, 98.9, 6, ["92", "94", "96", "98"]),
        (0, 0.0042, 5, ["0.000", "0.001", "0.002", "0.003", "0.004"]),
        (-8, 30, 4, ["0", "10", "20", "30"]),
        (-12, 12, 3, ["−10", "0", "10"]),
        (0, 12_000, 3, ["0", "5,000", "10,000"]),
    ],
)
def test_an_axis_names_round_values(low, high, most, ticks) -> None:
    assert [text for _, text in Scale(low, high, 0, 100).ticks(most)] == ticks


def test_a_logarithmic_axis_names_powers() -> None:
    scale = Scale(0.3, 60, 0, 100, is_log=True)
    assert [text for _, text in scale.ticks(5)] == ["1", "10"] or len(scale.ticks(5)) <= 5
    assert scale(3) - scale(0.3) == pytest.approx(scale(30) - scale(3))
    assert "200k" in [text for _, text in Scale(1e5, 1e6, 0, 100, is_log=True).ticks(4)]


def test_latencies_far_apart_are_on_a_logarithmic_axis() -> None:
    dots = [Dot("a", 0.01, 50.0, "a", "red"), Dot("b", 9.0, 70, "b", "red")]
    root = parsed(type("Chart", (), {"draw": staticmethod(Scatter(dots, Axis("ms", from_zero=True), Axis("y")).draw)}))
    assert "ms, log scale" in words(root)
    assert "nin" in str(RUNS["plain"].manifest.names)
