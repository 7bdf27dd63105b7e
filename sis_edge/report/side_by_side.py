"""Boards side by side: a table for each measure, a line for each run, a column for each network."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from sis_edge.report import rows as show
from sis_edge.report.sections import answers
from sis_edge.report.sections.answer import answer
from sis_edge.report.sections.findings import marks
from sis_edge.report.table import Cell, Column, Table
from sis_edge.report.tables import energy_scope
from sis_edge.results.comparison import compare
from sis_edge.results.rows import Figure, Row
from sis_edge.results.rows import fields as known
from sis_edge.results.schema import StoredRun
from sis_edge.results.verdict import Level, judge_run

NOT_THERE = "–"
NOTE = "A dash: not measured on that board. Numbers in brackets are of an INVALID run."


@dataclass(frozen=True)
class BoardRun:
    """One run as a line: the board's name, what it is, how it was measured; its raw samples are not held.

    `marks` are those of the line; `link` leads to the run's page, or its place on this one.
    """

    board: str
    model: str
    profile: str
    threads: int
    batch_size: int
    runtimes: tuple[str, ...]
    verdict: Level
    mark: str | None
    rows: tuple[Row, ...]
    marks: tuple[str, ...] = ()
    link: str | None = None

    @property
    def cell(self) -> Cell:
        """The board's name with its marks, as the first cell of a line."""
        return Cell(self.board, link=self.link, marks=self.marks)

    @property
    def line(self) -> answers.RunLine:
        """Its best network and verdict."""
        return answers.line(answer(self.rows, self.board), self.board, self.marks)


@dataclass(frozen=True)
class Measure:
    """What a table compares; `skips_reference` where that network is what the others are compared with."""

    name: str
    title: str
    caption: str
    text: Callable[[Row], Figure[str]]
    skips_reference: bool = False


def _speed_up(row: Row) -> Figure[str]:
    interval = row.speed_up.interval.value
    ends = "no interval" if interval is None else show.speed_up_interval(interval)
    return row.speed_up.estimate.map(lambda found: f"{show.speed_up(found, interval)} ({ends})")


MEASURES = (
    Measure(
        "boards-speed-up",
        "Speed-up on each board",
        "Over the reference network on the same board, in the same rounds, with its 95% interval.",
        _speed_up,
        skips_reference=True,
    ),
    Measure(
        "boards-latency",
        "Median latency on each board",
        "Steady-state latency of one call (p50).",
        lambda row: known.LATENCY_P50.of(row).map(show.seconds),
    ),
    Measure(
        "boards-energy",
        "Net energy per inference on each board",
        "Gross minus idle, with what the sensor covers: boards whose sensors cover different parts do not compare.",
        lambda row: known.ENERGY_NET.of(row).map(lambda joules: f"{show.joules(joules)} ({energy_scope([row])})"),
    ),
    Measure(
        "boards-accuracy",
        "Accuracy on each board",
        "Top-1 of the session that was timed.",
        lambda row: known.DEVICE_ACCURACY.of(row).map(show.percent),
    ),
)


def board_run(
    run: StoredRun,
    board: str,
    model: str,
    mark: str | None,
    rows: Sequence[Row] | None = None,
    link: str | None = None,
) -> BoardRun:
    """A stored run as a line, under that name of its board; `rows` where they have been made already."""
    rows = tuple(compare(run) if rows is None else rows)
    return BoardRun(
        board=board,
        model=model,
        profile=run.profile,
        threads=run.record.job.threads,
        batch_size=run.record.job.batch_size,
        runtimes=run.runtimes,
        verdict=judge_run(run).level,
        mark=mark,
        rows=rows,
        marks=marks(run, rows),
        link=link,
    )


def side_by_side(runs: Sequence[BoardRun]) -> tuple[Table, ...]:
    """The tables over several runs, the best network of each first; a measure that no board has gives none."""
    names = list(dict.fromkeys(row.identity.label for run in runs for row in run.rows))
    tables = [_overview(runs), _boards(runs), *(_table(measure, runs, names) for measure in MEASURES)]
    return tuple(table for table in tables if table is not None)


def sentence(runs: Sequence[BoardRun]) -> str:
    """What the runs say together."""
    return answers.sentence([run.line for run in runs])


def _overview(runs: Sequence[BoardRun]) -> Table:
    return answers.overview(
        [
            (run.cell, run.model, run.line, f"{run.rows[0].run.stored_at:%Y-%m-%d %H:%M}" if run.rows else "–")
            for run in runs
        ]
    )


def _boards(runs: Sequence[BoardRun]) -> Table:
    """What each line of the other tables was measured with."""
    titles = ("Board", "Model", "Profile", "Runtime", "Threads", "Batch", "Verdict")
    columns = tuple(Column(title, title in ("Threads", "Batch")) for title in titles)
    cells = tuple(
        (
            run.cell,
            Cell(run.model),
            Cell(run.profile),
            Cell(" and ".join(run.runtimes)),
            Cell(str(run.threads)),
            Cell(str(run.batch_size)),
            Cell(run.verdict),
        )
        for run in runs
    )
    return Table("What each run was measured with", "A line for each run.", columns, cells, name="boards")


def _table(measure: Measure, runs: Sequence[BoardRun], names: Sequence[str]) -> Table | None:
    found = [_figures(measure, run) for run in runs]
    shown = [name for name in names if any(name in figures for figures in found)]
    if not shown:
        return None
    columns = (Column("Board", is_number=False), Column("Verdict", is_number=False), *map(Column, shown))
    cells = tuple(
        (run.cell, Cell(run.verdict), *(_cell(run, figures.get(name)) for name in shown))
        for run, figures in zip(runs, found, strict=True)
    )
    return Table(measure.title, measure.caption, columns, cells, (NOTE,), measure.name)


def _figures(measure: Measure, run: BoardRun) -> dict[str, str]:
    """What is known of the measure, by the network's name."""
    texts = {
        row.identity.label: measure.text(row).value
        for row in run.rows
        if not (measure.skips_reference and row.identity.is_reference)
    }
    return {name: text for name, text in texts.items() if text is not None}


def _cell(run: BoardRun, text: str | None) -> Cell:
    if text is None:
        return Cell(NOT_THERE, is_known=False)
    return Cell(f"[{text}]" if run.verdict == "INVALID" else text)
