"""A report over all stored runs: one page of tables, with a link to the page of each run.

Runs are read one after the other and their samples are not held, so that memory grows by some kilobytes a run.
"""

import json
import zlib
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import chain
from pathlib import Path

from sis_edge.errors import RecordError
from sis_edge.files.atomic import write_pieces, write_text
from sis_edge.report import files, run_pages, summaries
from sis_edge.report import rows as show
from sis_edge.report.csv import heading, networks_csv
from sis_edge.report.html import tables_page
from sis_edge.report.json import of_entries
from sis_edge.report.markdown import tables_markdown
from sis_edge.report.sections import answers
from sis_edge.report.summary import RunSummary
from sis_edge.report.table import Cell, Column, Table, text_cells
from sis_edge.results import store
from sis_edge.results.verdict import ACCEPTED

NEW_PAGES = 10
"""Pages that one report makes, the newest runs' first: drawing one takes longer than reading a hundred runs."""


FILES = ("report.md", "results.csv", "results.json")


@dataclass(frozen=True)
class Listed:
    """A run as a line; its texts for `results.csv` and `results.json` are compressed: those of all runs are held."""

    path: Path
    key: str
    stored_at: datetime
    cells: tuple[str, ...]
    line: answers.RunLine
    board: tuple[str, str]
    mark: str | None
    verdict: str
    csv: bytes
    json: bytes


@dataclass(frozen=True)
class AllRuns:
    """What was written, the runs' files, and a sentence for each file that is no run."""

    written: tuple[Path, ...]
    runs: tuple[Path, ...]
    warnings: tuple[str, ...]


def write_all(
    runs_dir: Path,
    folder: Path,
    new_pages: int | None = NEW_PAGES,
    show_progress: Callable[[str, int, int], None] = lambda label, done, total: None,
) -> AllRuns:
    """Write the overview of all runs of a folder, and pages of single runs where there is none or an outdated one.

    At most `new_pages` are made, None: all; the others' lines have no link. `show_progress` hears what is done of what,
    and of how many. Raises RecordError where no run can be read, DiskError.
    """
    listed, warnings = _listed(store.files(runs_dir), show_progress)
    if not listed:
        raise RecordError(
            f"none of the {len(warnings)} files in {runs_dir} is a readable run; the first: {warnings[0]}"
        )
    pages = folder / run_pages.FOLDER
    missing = [run for run in listed if not run_pages.is_current(pages / run_pages.page_name(run.path), run.key)]
    made = missing[: len(missing) if new_pages is None else new_pages]
    new = []
    for done, run in enumerate(made, 1):
        new.append(run_pages.write(store.load(run.path), run.key, pages / run_pages.page_name(run.path)))
        show_progress("draw pages", done, len(made))
    without = {run.path for run in missing[len(made) :]}
    run_pages.remove_others(pages, {run_pages.page_name(run.path) for run in listed})
    written = _write_tables(listed, without, warnings, folder)
    return AllRuns((*written, *new), tuple(run.path for run in reversed(listed)), tuple(warnings))


def _listed(paths: Sequence[Path], show_progress: Callable[[str, int, int], None]) -> tuple[list[Listed], list[str]]:
    """The runs, each once and the newest first, and a warning for each file that is none."""
    warnings: list[str] = []

    def lines() -> Iterator[tuple[store.MeasuredOnce, datetime, Listed]]:
        for done, path in enumerate(paths, 1):
            show_progress("read runs", done, len(paths))
            try:
                summary = summaries.of_file(path)
            except RecordError as error:
                warnings.append(str(error))
            else:
                yield summary.measured_once, summary.stored_at, _line(path, summary)

    return sorted(store.each_once(lines()), key=lambda run: run.stored_at, reverse=True), warnings


def _line(path: Path, summary: RunSummary) -> Listed:
    board = f"{summary.model} ({summary.mark.upper()})" if summary.mark else summary.model
    return Listed(
        path=path,
        key=summary.key,
        stored_at=summary.stored_at,
        cells=(
            summary.run_id,
            summary.stored_at.strftime("%Y-%m-%d %H:%M"),
            f"{summary.model} ({summary.profile})",
            summary.dataset or summary.bundle,
            f"{' and '.join(summary.runtimes)}, {show.plural(summary.threads, 'thread')}, batch {summary.batch_size}",
        ),
        line=summary.line,
        board=(board, summary.profile),
        mark=summary.mark,
        verdict=summary.verdict,
        csv=_packed(networks_csv(summary.networks)),
        json=_packed(json.dumps(summary.entry, indent=1, ensure_ascii=False, allow_nan=False)),
    )


def _packed(text: str) -> bytes:
    return zlib.compress(text.encode(), 1)


def _unpacked(data: bytes) -> str:
    return zlib.decompress(data).decode()


COLUMNS = (
    *(Column(title, is_number=False) for title in ("Run", "Stored", "Board (profile)", "Data", "Runtime")),
    *answers.COLUMNS,
)


def _write_tables(
    listed: Sequence[Listed], without: set[Path], warnings: Sequence[str], folder: Path
) -> Iterator[Path]:
    title = f"{show.plural(len(listed), 'stored run')} on {show.plural(len({run.board for run in listed}), 'board')}"
    if marks := sorted({run.mark for run in listed if run.mark}):
        some = "" if all(run.mark for run in listed) else "some "
        title += f" ({some}{' or '.join(marks)})"
    notes: list[str] = []
    if without:
        notes.append(f"Runs without a page yet: {len(without):,}; `sis-edge report --all --all-pages` draws them.")
    notes += [f"Not read: {warning}" for warning in warnings]
    tables = [_runs(listed, without), _boards(listed)]
    left_over = files.written_before(folder)
    said = answers.sentence([run.line for run in listed])
    yield write_text(folder / "index.html", tables_page(title, notes, tables, [], FILES, said))
    yield write_text(folder / "report.md", tables_markdown(title, [said, *notes], tables, []))
    oldest = list(reversed(listed))
    yield write_pieces(folder / "results.csv", chain((heading(),), (_unpacked(run.csv) for run in oldest)))
    yield write_pieces(folder / "results.json", of_entries(title, (_unpacked(run.json) for run in oldest)))
    files.remove(folder, left_over)


def _boards(listed: Sequence[Listed]) -> Table:
    titles = ("Board", "Profile", "Runs", "Accepted", "First", "Last")
    columns = tuple(Column(title, title in ("Runs", "Accepted")) for title in titles)
    runs, accepted = (
        Counter(run.board for run in listed),
        Counter(run.board for run in listed if run.verdict in ACCEPTED),
    )
    last = {run.board: run.stored_at for run in reversed(listed)}
    first = {run.board: run.stored_at for run in listed}
    cells = text_cells(
        (*board, str(runs[board]), str(accepted[board]), f"{first[board]:%Y-%m-%d}", f"{last[board]:%Y-%m-%d}")
        for board in sorted(runs)
    )
    caption = "Accepted runs are VALID, or VALID as far as their board shows it."
    return Table("Boards", caption, columns, cells, name="boards")


def _runs(listed: Sequence[Listed], without: set[Path]) -> Table:
    cells = tuple(
        (
            Cell(run.cells[0], link=None if run.path in without else run_pages.link(run.path), marks=run.line.marks),
            *map(Cell, run.cells[1:]),
            *answers.cells(run.line),
        )
        for run in listed
    )
    caption = f"The newest first, each with a link to its page. {answers.HOW} Times are UTC."
    return Table("Runs", caption, COLUMNS, cells, (answers.NOTE,), "runs")
