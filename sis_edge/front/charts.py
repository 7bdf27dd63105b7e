"""The charts of a run for a notebook and for files."""

from dataclasses import dataclass
from pathlib import Path

from sis_edge.errors import UsageError
from sis_edge.files.atomic import write_bytes
from sis_edge.files.paths import AnyPath
from sis_edge.report.charts import Chart, svg
from sis_edge.report.charts import charts as drawn
from sis_edge.report.document import section
from sis_edge.report.paper.captions import of_run
from sis_edge.report.paper.pdf import pdf
from sis_edge.results.schema import StoredRun


@dataclass(frozen=True)
class RunChart:
    """A chart of one run, which a notebook shows; `caption` stands alone, and begins with SIMULATED where it is."""

    name: str
    title: str
    caption: str
    _chart: Chart

    @property
    def svg(self) -> str:
        """The picture as SVG text, on white."""
        return svg(self._chart)

    def save(self, path: AnyPath) -> Path:
        """Write the picture, as SVG or PDF by the file's ending; raises DiskError, and UsageError for another ending
        and for PDF without the extra `pdf`.
        """
        place = Path(path)
        if place.suffix.lower() == ".svg":
            return write_bytes(place, self.svg.encode())
        if place.suffix.lower() == ".pdf":
            return write_bytes(place, pdf(self._chart))
        raise UsageError(f"a chart cannot be saved as {place.name}; use a name that ends in .svg or .pdf")

    def _repr_svg_(self) -> str:
        """How a notebook shows it."""
        return self.svg

    def __repr__(self) -> str:
        return f"{self.name}: {self.caption}"


def run_charts(run: StoredRun) -> dict[str, RunChart]:
    """The charts of a run that it has the data for, by name, as in its report."""
    found = section(run)
    return {
        chart.name: RunChart(chart.name, chart.title, of_run(found, chart.title, chart.caption).words, chart)
        for chart in drawn(found.rows, found.mark, "", run)
    }
