"""The measured speed-up with its interval, and the ceiling that the ratio of multiply-accumulates sets."""

from collections.abc import Sequence
from typing import Any

from sis_edge.report import rows as show
from sis_edge.report.charts.base import BLUE, ORANGE, Chart, finished
from sis_edge.results.rows import Row

TITLE = "Speed-up against its ceiling"
BAND = 62  # pixels, the height of one network's line
MEASURED, CEILING = "measured, with its 95% interval", "ceiling (MAC ratio), counted"


def speed_up(rows: Sequence[Row], mark: str | None) -> Chart | None:
    """The chart, or None where no network has a speed-up."""
    points = [_point(row, row.speed_up.estimate.value) for row in rows if row.speed_up.estimate.value is not None]
    if not points:
        return None
    counts = [row.speed_up.rounds.value for row in rows]
    rounds = show.span([count for count in counts if count is not None])
    if all(point["ceiling"] is None for point in points):
        return _without_ceiling(rows, points, rounds, mark)
    words = "; ".join(f"{point['network']} {point['text']}, ceiling {point['ceiling_text']}" for point in points)
    return Chart(
        name="speed-up",
        title=TITLE,
        caption="Dashed: the dense network's speed. The ceiling is counted, not measured: multiply-accumulates of "
        "the dense network over those left after compaction. "
        f"n = {rounds} rounds.",
        alt=f"Chart of the speed-up of each network{f', {mark}' if mark else ''}: {words}.",
        spec=finished(_layers(points), TITLE, mark, BAND * len(points)),
    )


def _without_ceiling(rows: Sequence[Row], points: list[dict[str, Any]], rounds: str, mark: str | None) -> Chart:
    """The same for networks of which nobody counted what they compute."""
    reference = next((row.identity.label for row in rows if row.identity.is_reference), "the reference")
    words = "; ".join(f"{point['network']} {point['text']}" for point in points)
    return Chart(
        name="speed-up",
        title="Speed-up",
        caption=f"Dashed: the speed of {reference}. n = {rounds} rounds.",
        alt=f"Chart of the speed-up of each network{f', {mark}' if mark else ''}: {words}.",
        spec=finished(_layers(points, f"Speed-up over {reference} (times)"), "Speed-up", mark, BAND * len(points)),
    )


def _point(row: Row, estimate: float) -> dict[str, Any]:
    interval = row.speed_up.interval
    words = interval.map(show.speed_up_interval)
    return {
        "network": row.identity.label,
        "speed_up": estimate,
        "low": estimate if interval.value is None else interval.value.low,
        "high": estimate if interval.value is None else interval.value.high,
        "ceiling": row.structure.ceiling.value,
        "text": f"{show.speed_up(estimate, interval.value)} [{words.value or words.reason}]",
        "ceiling_text": row.structure.ceiling.map(show.ratio).value or "none",
    }


def _layers(points: list[dict[str, Any]], title: str = "Speed-up over the dense network (times)") -> Any:
    import altair as alt

    right = 1.08 * max(1.0, *(max(point["ceiling"] or 0.0, point["high"]) for point in points))
    scale = alt.Scale(domain=[0, right], nice=False)
    names = alt.Y(
        "network:N",
        sort=[point["network"] for point in points],
        title=None,
        axis=alt.Axis(labelFontWeight="bold", ticks=False, grid=False),
    )
    kinds = [MEASURED, CEILING] if any(point["ceiling"] is not None for point in points) else [MEASURED]
    colour = alt.Color(
        "kind:N",
        scale=alt.Scale(domain=kinds, range=[BLUE, ORANGE][: len(kinds)]),
        legend=alt.Legend(orient="top", title=None, symbolType="square", symbolStrokeWidth=0, symbolOpacity=1),
    )
    tooltip = [
        alt.Tooltip("network:N", title="network"),
        alt.Tooltip("text:N", title="speed-up"),
        alt.Tooltip("ceiling_text:N", title="ceiling"),
    ]
    measured = alt.Chart({"values": [point | {"kind": MEASURED} for point in points]})
    counted = alt.Chart({"values": [point | {"kind": CEILING} for point in points if point["ceiling"] is not None]})
    dense = alt.Chart({"values": [{"dense": 1}]})

    def x(name: str) -> Any:
        return alt.X(f"{name}:Q", title=title, scale=scale, axis=alt.Axis(tickCount=6))

    return alt.layer(
        dense.mark_rule(strokeDash=[4, 4], color="#888888").encode(x=x("dense")),
        measured.mark_bar(size=14, opacity=0.35).encode(x=x("speed_up"), y=names, color=colour, tooltip=tooltip),
        counted.mark_tick(thickness=4, size=26).encode(x=x("ceiling"), y=names, color=colour, tooltip=tooltip),
        measured.mark_rule(strokeWidth=3).encode(x=x("low"), x2="high:Q", y=names, color=colour),
        measured.mark_point(filled=True, size=80, opacity=1).encode(
            x=x("speed_up"), y=names, color=colour, tooltip=tooltip
        ),
    )
