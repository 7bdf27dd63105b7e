"""Reports: pure functions of stored runs.

Formatters return text; `write` is the only one that touches files. Drawing and templates are loaded when a report
is written, not when this package is.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sis_edge.results.schema import StoredRun

__all__ = ["check", "write"]


ROOM_BYTES = 10_000_000
"""A report of several runs with their charts."""


def check(folder: Path) -> None:
    """Raise DiskError where no report could be written to the folder: to be asked before a run is measured for it."""
    from sis_edge.files.disk import check_room

    check_room(folder, ROOM_BYTES)


def write(runs: "Sequence[StoredRun]", folder: Path, seed: int = 0) -> list[Path]:
    """Write `index.html`, `report.md`, `results.csv`, `results.json` and the charts as SVG; returns their paths.

    All texts are made before the first file is written, and each file is replaced as a whole. Charts that an earlier
    report left in the folder, and that this one has not, are removed; nothing else is. Raises RecordError where there
    is no run, DiskError where the folder cannot be written.
    """
    from sis_edge.files.atomic import write_text
    from sis_edge.report import files
    from sis_edge.report.charts import charts, svg
    from sis_edge.report.csv import to_csv
    from sis_edge.report.document import document
    from sis_edge.report.html import to_html
    from sis_edge.report.json import to_json
    from sis_edge.report.markdown import to_markdown

    report = document(runs, seed)
    several = len(report.sections) > 1
    drawn = [
        charts(section.rows, section.mark, f"-{number}" if several else "", section.run.record)
        for number, section in enumerate(report.sections, 1)
    ]
    texts = {
        "index.html": to_html(report, drawn),
        "report.md": to_markdown(report, drawn),
        "results.csv": to_csv([row for section in report.sections for row in section.rows]),
    }
    pictures = {f"{chart.name}.svg": svg(chart) for group in drawn for chart in group}
    left_over = files.written_before(folder) - pictures.keys()
    texts["results.json"] = to_json(report, files.digests(pictures))
    written = [write_text(folder / name, text) for name, text in (texts | pictures).items()]
    files.remove(folder, left_over)
    return written
