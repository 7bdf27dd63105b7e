"""Charts: pictures of one run, drawn as SVG by code of our own.

A drawing library took longer for a picture than everything else that a report does, and a page that draws anew carries
its whole code; what these charts need of one is lines, text and round numbers.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from sis_edge.report.charts import accuracy_latency, graphs, latencies, layer_times, speed_up, sustained, timeline
from sis_edge.report.charts.base import Chart, svg
from sis_edge.report.charts.subject import Subject, unverified
from sis_edge.results.rows import Row
from sis_edge.results.schema import StoredRun

__all__ = ["CHARTS", "Chart", "ChartKind", "charts", "left_out", "svg"]


@dataclass(frozen=True)
class ChartKind:
    """A chart that a page can have: its title, why a run has none (None: it can be drawn), and the chart.

    One `of_formed` networks is no matter of a run without any, nor one `of_sustained` work.
    """

    title: str
    needs: Callable[[Subject], str | None]
    draw: Callable[[Subject], Chart]
    of_formed: bool = False
    of_sustained: bool = False


CHARTS: dict[str, ChartKind] = {
    "accuracy-latency": ChartKind(accuracy_latency.TITLE, accuracy_latency.needs, accuracy_latency.draw),
    "speed-up": ChartKind(speed_up.TITLE, speed_up.needs, speed_up.draw),
    "latencies": ChartKind(latencies.TITLE, latencies.needs, latencies.draw),
    "timeline": ChartKind(timeline.TITLE, timeline.needs, timeline.draw),
    "sustained": ChartKind(sustained.TITLE, sustained.needs, sustained.draw, of_sustained=True),
    "layer-times": ChartKind(layer_times.TITLE, layer_times.needs, layer_times.draw, of_formed=True),
    "graphs": ChartKind(graphs.TITLE, graphs.needs, graphs.draw, of_formed=True),
}
"""Every chart of a page by its name, in the page's order."""


def charts(rows: Sequence[Row], mark: str | None, suffix: str, run: StoredRun) -> list[Chart]:
    """The charts of one run, without those that have nothing to draw; `suffix` ends their names.

    On each is `mark`, and where that is None, that the run's profile was never tried on such a board.
    """
    subject = Subject(run, rows, mark or unverified(run))
    return [kind.draw(subject).named(suffix) for kind in CHARTS.values() if kind.needs(subject) is None]


def left_out(rows: Sequence[Row], run: StoredRun) -> list[str]:
    """A sentence for each chart that this run has not, with the reason."""
    subject = Subject(run, rows)
    lacks_formed, lacks_sustained = not run.manifest.networks, run.record.job.sustained is None
    kinds = [
        kind
        for kind in CHARTS.values()
        if not (kind.of_formed and lacks_formed) and not (kind.of_sustained and lacks_sustained)
    ]
    reasons = ((kind.title, kind.needs(subject)) for kind in kinds)
    return [f"No chart “{title}”: {reason}." for title, reason in reasons if reason is not None]
