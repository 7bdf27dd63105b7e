"""Accuracy on the board over median latency: what a network costs, and what it buys."""

from collections.abc import Sequence
from typing import Any

from sis_edge.report import rows as show
from sis_edge.report.charts.base import BLUE, ORANGE, WIDTH, Chart, finished, known
from sis_edge.report.charts.labels import Point, place
from sis_edge.results.comparison import Row

TITLE = "Accuracy against latency"
HEIGHT = 300  # pixels, without the room for names


def accuracy_latency(rows: Sequence[Row], mark: str | None) -> Chart | None:
    """The chart, or None where no network has both numbers."""
    measured = [row for row in rows if row.latency_p50_s is not None and row.device_accuracy is not None]
    if not measured:
        return None
    points = [_point(row) for row in measured]
    right = 1.12 * max(point["p90_ms"] for point in points)
    low, high = min(point["low"] for point in points), max(point["high"] for point in points)
    margin = 0.06 * max(high - low, 0.5)
    bottom, top = low - margin, high + margin
    per_pixel = (top - bottom) / HEIGHT
    places = place(
        [
            Point(
                point["network"],
                point["latency_ms"] / right * WIDTH,
                (top - point["high"]) / per_pixel,
                (top - point["low"]) / per_pixel,
            )
            for point in points
        ],
        WIDTH,
    )
    for point, spot in zip(points, places, strict=True):
        point |= {"name_ms": spot.x / WIDTH * right, "name_accuracy": top - spot.y * per_pixel}
    above = max(0.0, 12 - min(spot.y for spot in places))
    below = max(0.0, 12 + max(spot.y for spot in places) - HEIGHT)
    images = show.span([row.device_test_images or 0 for row in measured])
    samples = show.span([row.samples for row in measured])
    missing = [row.network for row in rows if row not in measured]
    words = "; ".join(f"{point['network']} {point['accuracy_text']}, {point['latency_text']}" for point in points)
    return Chart(
        name="accuracy-latency",
        title=TITLE,
        caption="Up and to the left is better. Upright whiskers: 95% interval of the accuracy "
        f"(n = {images} images). The tail to the right reaches p90 (n = {samples} inferences)"
        f"{'' if all(row.latency_p90_s is not None for row in measured) else ', where the sample carries it'}."
        f"{' Not measured: ' + ', '.join(missing) + '.' if missing else ''}",
        alt=f"Scatter chart of accuracy against median latency{f', {mark}' if mark else ''}: {words}.",
        spec=finished(
            _layers(points, right, bottom - below * per_pixel, top + above * per_pixel),
            TITLE,
            mark,
            HEIGHT + above + below,
        ),
    )


def _point(row: Row) -> dict[str, Any]:
    latency_s, accuracy = known(row.latency_p50_s), known(row.device_accuracy)
    return {
        "network": row.network,
        "kind": "dense" if row.is_dense else "SiS",
        "latency_ms": 1e3 * latency_s,
        "p90_ms": 1e3 * (latency_s if row.latency_p90_s is None else row.latency_p90_s),
        "accuracy": 100 * accuracy,
        "low": 100 * known(row.device_accuracy_low),
        "high": 100 * known(row.device_accuracy_high),
        "accuracy_text": f"{show.percent(accuracy)} of {row.device_test_images:,} images",
        "latency_text": f"{show.seconds(latency_s)} (n = {row.samples:,})",
    }


def _layers(points: list[dict[str, Any]], right: float, bottom: float, top: float) -> Any:
    import altair as alt

    across = alt.Scale(domain=[0, right], nice=False)
    up = alt.Scale(domain=[bottom, top], nice=False, zero=False)
    x = alt.X("latency_ms:Q", title="Median latency of one call (ms)", scale=across)
    y = alt.Y("accuracy:Q", title="Accuracy on the board (%)", scale=up)
    low = alt.Y("low:Q", title="Accuracy on the board (%)", scale=up)
    kinds = ["dense", "SiS"]
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
