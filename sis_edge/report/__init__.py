"""Reports: pure functions of stored runs.

Formatters return text; `write` is the only one that touches files. Drawing and templates are loaded when a report
is written, not when this package is.
"""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sis_edge.report.overview import AllRuns
    from sis_edge.results.schema import StoredRun

__all__ = ["check", "write", "write_all"]


ROOM_BYTES = 10_000_000
"""A report of several runs with their charts."""


def check(folder: Path) -> None:
    """Raise DiskError where no report could be written to the folder: to be asked before a run is measured for it."""
    from sis_edge.files.disk import check_room

    check_room(folder, ROOM_BYTES)


def write(runs: "Sequence[StoredRun]", folder: Path, seed: int = 0, *, for_paper: bool = False) -> list[Path]:
    """Write `index.html`, `report.md`, `results.csv`, `results.json` and the charts as SVG; returns their paths.

    Runs with sustained work have `sustained.csv`, too, a line for each window. `for_paper` adds `paper/`:
    tables as LaTeX and CSV, charts as PDF and SVG, with their captions.

    All texts are made before the first file is written, and each file is replaced as a whole. Charts that an earlier
    report left in the folder, and that this one has not, are removed; nothing else is. Raises RecordError where there
    is no run, DiskError where the folder cannot be written, UsageError where what makes PDFs is not installed.
    """
    from sis_edge.files.atomic import write_text
    from sis_edge.report import files
    from sis_edge.report.charts import charts, svg
    from sis_edge.report.csv import to_csv
    from sis_edge.report.document import document
    from sis_edge.report.html import to_html
    from sis_edge.report.json import to_json
    from sis_edge.report.markdown import to_markdown
    from sis_edge.report.paper.folder import paper, write_paper
    from sis_edge.report.sustained_csv import sustained_csv

    report = document(runs, seed)
    several = len(report.sections) > 1
    drawn = [
        charts(section.rows, section.mark, f"-{number}" if several else "", section.run)
        for number, section in enumerate(report.sections, 1)
    ]
    windows = sustained_csv(runs)
    beside = ("results.csv", *(() if windows is None else ("sustained.csv",)), "results.json", "report.md")
    texts = {
        "index.html": to_html(report, drawn, beside),
        "report.md": to_markdown(report, drawn),
        "results.csv": to_csv([row for section in report.sections for row in section.rows]),
    }
    pictures = {f"{chart.name}.svg": svg(chart) for group in drawn for chart in group}
    if windows is not None:
        texts["sustained.csv"] = windows
    left_over = files.written_before(folder) - pictures.keys()
    texts["results.json"] = to_json(report, files.digests(pictures))
    pieces = paper(report, drawn) if for_paper else {}
    written = [write_text(folder / name, text) for name, text in (texts | pictures).items()]
    files.remove(folder, left_over)
    return [*written, *write_paper(pieces, folder)] if for_paper else written


def write_all(
    runs_dir: Path,
    folder: Path,
    *,
    every_page: bool = False,
    show_progress: Callable[[str, int, int], None] = lambda label, done, total: None,
) -> "AllRuns":
    """Write one overview of all runs of a folder, with a page for each of the newest, or for `every_page`.

    `show_progress` hears what is done of what, and of how many. Raises RecordError where no run can be read, DiskError.
    """
    from sis_edge.report import overview

    return overview.write_all(runs_dir, folder, None if every_page else overview.NEW_PAGES, show_progress)
