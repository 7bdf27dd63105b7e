"""Accuracy over synapses: what a structure costs in memory, and what it reaches."""

from collections.abc import Sequence
from typing import Any

from sis_edge.report.charts import Chart
from sis_edge.report.charts.base import COLOURS, finished
from sis_edge.sweep.summary import Line

TITLE = "Accuracy against synapses"
HEIGHT = 320  # pixels


def accuracy_synapses(lines: Sequence[Line], subtitle: str) -> Chart | None:
    """The chart, or None where there is no line."""
    if not lines:
        return None
    points = [_point(line) for line in lines]
    trials = [
        {**point, "accuracy": 100 * accuracy}
        for point, line in zip(points, lines, strict=True)
        for accuracy in line.accuracies
    ]
    summary = "; ".join(
        f"{point['name']} {point['synapses']:,.0f} synapses {point['accuracy']:.2f}%" for point in points
    )
    return Chart(
        name="accuracy-synapses",
        title=TITLE,
        caption="Large: the mean over seeds. Small: each seed.",
        alt=f"Scatter chart of accuracy against synapses: {summary}.",
        spec=finished(_layers(points, trials), TITLE, None, HEIGHT) | {"title": {"text": TITLE, "subtitle": subtitle}},
    )


def _point(line: Line) -> dict[str, Any]:
    formation = line.structure.formation
    return {
        "name": line.structure.name,
        "units": formation.units,
        "distribution": formation.distribution,
        "synapses": line.synapses,
        "accuracy": 100 * line.accuracy,
        "low": 100 * min(line.accuracies),
        "high": 100 * max(line.accuracies),
    }


def _layers(points: list[dict[str, Any]], trials: list[dict[str, Any]]) -> Any:
    import altair as alt

    units = list(dict.fromkeys(point["units"] for point in points))
    distributions = list(dict.fromkeys(point["distribution"] for point in points))
    x = alt.X("synapses:Q", title="Synapses (log scale)", scale=alt.Scale(type="log", nice=False, padding=20))
    from_data = alt.Scale(zero=False, padding=12)
    y = alt.Y("accuracy:Q", title="Accuracy on held-out images (%)", scale=from_data)
    low = alt.Y("low:Q", title="Accuracy on held-out images (%)", scale=from_data)
    colour = alt.Color("units:N", title="CL units", scale=alt.Scale(domain=units, range=list(COLOURS[: len(units)])))
    shape = alt.Shape("distribution:N", title="distribution", scale=alt.Scale(domain=distributions))
    tooltip = [
        alt.Tooltip("name:N", title="structure"),
        alt.Tooltip("synapses:Q", format=",.0f"),
        alt.Tooltip("accuracy:Q", title="accuracy (%)", format=".2f"),
    ]
    means, seeds = alt.Chart({"values": points}), alt.Chart({"values": trials})
    return alt.layer(
        means.mark_rule(strokeWidth=2, opacity=0.6).encode(x=x, y=low, y2="high:Q", color=colour),
        seeds.mark_point(size=18, opacity=0.6).encode(x=x, y=y, color=colour, shape=shape),
        means.mark_point(filled=True, size=110, opacity=1).encode(x=x, y=y, color=colour, shape=shape, tooltip=tooltip),
    )
