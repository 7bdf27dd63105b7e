"""A report about accuracy alone: the tables as a page and as Markdown, the chart, and the numbers for programs."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from sis_edge.files.atomic import write_text
from sis_edge.report.charts import Chart, svg
from sis_edge.report.html import accuracy_page
from sis_edge.report.markdown import accuracy_markdown
from sis_edge.report.table import Table


@dataclass(frozen=True)
class Page:
    """What people read; `chart` is None where nothing was measured."""

    title: str
    notes: Sequence[str]
    tables: Sequence[Table]
    chart: Chart | None


def write(page: Page, data: Mapping[str, str], folder: Path) -> list[Path]:
    """Write `index.html`, `report.md`, the files of `data` by name, and the chart as SVG; raises DiskError.

    All texts are made before the first file is written.
    """
    charts = [] if page.chart is None else [page.chart]
    texts = {
        "index.html": accuracy_page(page.title, page.notes, page.tables, charts),
        "report.md": accuracy_markdown(page.title, page.notes, page.tables, charts),
        **data,
        **{f"{chart.name}.svg": svg(chart) for chart in charts},
    }
    return [write_text(folder / name, text) for name, text in texts.items()]
