"""A report of tables alone, as a page and as Markdown, with charts and the numbers for programs."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from sis_edge.files.atomic import write_text
from sis_edge.report.charts import Chart, svg
from sis_edge.report.html import tables_page
from sis_edge.report.markdown import tables_markdown
from sis_edge.report.table import Table


@dataclass(frozen=True)
class Page:
    """What people read; `answer` is the sentence at the top."""

    title: str
    notes: Sequence[str]
    tables: Sequence[Table]
    charts: Sequence[Chart] = ()
    answer: str = ""


def write(page: Page, data: Mapping[str, str], folder: Path) -> list[Path]:
    """Write `index.html`, `report.md`, the files of `data` by name, and the charts as SVG; raises DiskError.

    All texts are made before the first file is written.
    """
    charts = page.charts
    texts = {
        "index.html": tables_page(page.title, page.notes, page.tables, charts, (*data, "report.md"), page.answer),
        "report.md": tables_markdown(page.title, [*filter(None, [page.answer]), *page.notes], page.tables, charts),
        **data,
        **{f"{chart.name}.svg": svg(chart) for chart in charts},
    }
    return [write_text(folder / name, text) for name, text in texts.items()]
