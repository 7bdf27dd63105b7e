"""Charts: one Vega-Lite definition each, which becomes the interactive chart of the page and an SVG file.

Nothing is loaded from a network: vl-convert carries the drawing code.
"""

from collections.abc import Callable, Sequence

from sis_agent.schema import Record
from sis_edge.report.charts.accuracy_latency import accuracy_latency
from sis_edge.report.charts.base import Chart, styled, svg
from sis_edge.report.charts.environment import environment
from sis_edge.report.charts.speed_up import speed_up
from sis_edge.results.rows import Row

CHARTS: dict[str, Callable[[Sequence[Row], str | None], Chart | None]] = {
    "accuracy-latency": accuracy_latency,
    "speed-up": speed_up,
}

__all__ = ["CHARTS", "Chart", "charts", "styled", "svg"]


def charts(rows: Sequence[Row], mark: str | None = None, suffix: str = "", record: Record | None = None) -> list[Chart]:
    """The charts that the rows of one run carry, and its record: none where nothing is there to draw.

    `suffix` ends their names.
    """
    drawn = [draw(rows, mark) for draw in CHARTS.values()]
    if record is not None:
        drawn.append(environment(record, mark))
    return [chart.named(suffix) for chart in drawn if chart is not None]
