"""Accuracy on the board over median latency."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sis_edge.report import rows as show
from sis_edge.report.charts.base import BLUE, ORANGE, WIDTH, Chart, finished
from sis_edge.report.charts.labels import Point, place
from sis_edge.results.rows import Row
from sis_edge.results.statistics import Interval

TITLE = "Accuracy against latency"
HEIGHT = 300  # pixels, without the room for names


@dataclass(frozen=True)
class _Drawn:
    """A network that has both numbers."""

    row: Row
    latency_s: float
    accuracy: float
    interval: Interval
    images: int


def accuracy_latency(rows: Sequence[Row], mark: str | None) -> Chart | None:
    """The chart, or None where no network has both numbers."""
    drawn = [found for row in rows if (found := _drawn(row)) is not None]
    if not drawn:
        return None
    points = [_point(each) for each in drawn]
    right = 1.12 * max(point["p90_ms"] for point in points)
    bottom, top, height = _named(points, right)
    words = "; ".join(f"{point['network']} {point['accuracy_text']}, {point['latency_text']}" for point in points)
    return Chart(
        name="accuracy-latency",
        title=TITLE,
        caption=_caption(rows, drawn),
        alt=f"Scatter chart of accuracy against median latency{f', {mark}' if mark else ''}: {words}.",
        spec=finished(_layers(points, right, bottom, top), TITLE, mark, height),
    )


def _drawn(row: Row) -> _Drawn | None:
    latency_s, accuracy = row.latency.p50_s.value, row.accuracy.device.value
    interval, images = row.accuracy.device_interval.value, row.accuracy.device_test_images.value
    if latency_s is None or accuracy is None or interval is None or images is None:
        return None
    return _Drawn(row, latency_s, accuracy, interval, images)


def _caption(rows: Sequence[Row], drawn: Sequence[_Drawn]) -> str:
    images = show.span([each.images for each in drawn])
    samples = show.span([each.row.latency.samples for each in drawn])
    measured = [each.row for each in drawn]
    missing = [row.identity.label for row in rows if row not in measured]
    some = "" if all(row.latency.p90_s.value is not None for row in measured) else ", where the sample is large enough"
    return (
        f"Up and to the left is better. Upright whiskers: 95% interval of the accuracy (n = {images} images). The tail "
        f"to the right reaches p90 (n = {samples} inferences){some}."
        f"{' Not measured: ' + ', '.join(missing) + '.' if missing else ''}"
    )


def _point(drawn: _Drawn) -> dict[str, Any]:
    identity, latency = drawn.row.identity, drawn.row.latency
    p90_s = drawn.latency_s if latency.p90_s.value is None else latency.p90_s.value
    return {
        "network": identity.label,
        "kind": "reference" if identity.is_reference else "other",
        "latency_ms": 1e3 * drawn.latency_s,
        "p90_ms": 1e3 * p90_s,
        "accuracy": 100 * drawn.accuracy,
        "low": 100 * drawn.interval.low,
        "high": 100 * drawn.interval.high,
        "accuracy_text": f"{show.percent(drawn.accuracy)} of {drawn.images:,} images",
        "latency_text": f"{show.seconds(drawn.latency_s)} (n = {latency.samples:,})",
    }


def _named(points: list[dict[str, Any]], right: float) -> tuple[float, float, float]:
    """Give each point the place of its name; returns the ends of the accuracy axis and the chart's height in pixels."""
    low, high = min(point["low"] for point in points), max(point["high"] for point in points)
    margin = 0.06 * max(high - low, 0.5)
    bottom, top = low - margin, high + margin
    per_pixel = (top - bottom) / HEIGHT
    whiskers = [
        Point(
            point["network"],
            point["latency_ms"] / right * WIDTH if right else 0.0,
            (top - point["high"]) / per_pixel,
            (top - point["low"]) / per_pixel,
        )
        for point in points
    ]
    places = place(whiskers, WIDTH)
    for point, spot in zip(points, places, strict=True):
        point |= {"name_ms": spot.x / WIDTH * right, "name_accuracy": top - spot.y * per_pixel}
    above = max(0.0, 12 - min(spot.y for spot in places))
    below = max(0.0, 12 + max(spot.y for spot in places) - HEIGHT)
    return bottom - below * per_pixel, top + above * per_pixel, HEIGHT + above + below


def _layers(points: list[dict[str, Any]], right: float, bottom: float, top: float) -> Any:
    import altair as alt

    across = alt.Scale(domain=[0, right], nice=False)
    up = alt.Scale(domain=[bottom, top], nice=False, zero=False)
    x = alt.X("latency_ms:Q", title="Median latency of one call (ms)", scale=across)
    y = alt.Y("accuracy:Q", title="Accuracy on the board (%)", scale=up)
    low = alt.Y("low:Q", title="Accuracy on the board (%)", scale=up)
    kinds = ["reference", "other"]
    colour = alt.Color("kind:N", scale=alt.Scale(domain=kinds, range=[ORANGE, BLUE]), legend=None)
    shape = alt.Shape("kind:N", scale=alt.Scale(domain=kinds, range=["square", "circle"]), legend=None)
    tooltip = [
        alt.Tooltip("network:N", title="network"),
        alt.Tooltip("accuracy_text:N", title="accuracy"),
        alt.Tooltip("latency_text:N", title="median latency"),
    ]
    base = alt.Chart({"values": points})
    return alt.layer(
        base.mark_rule(strokeWidth=2, opacity=0.7).encode(x=x, y=low, y2="high:Q", color=colour),
        base.mark_rule(strokeWidth=2, opacity=0.7).encode(x=x, x2="p90_ms:Q", y=y, color=colour),
        base.mark_point(filled=True, size=110, opacity=1).encode(x=x, y=y, color=colour, shape=shape, tooltip=tooltip),
        base.mark_text(fontSize=12.5, fontWeight="bold").encode(
            x=alt.X("name_ms:Q", scale=across), y=alt.Y("name_accuracy:Q", scale=up), text="network:N"
        ),
    )
