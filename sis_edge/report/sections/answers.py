"""Several runs in one sentence, and as a table with a line for each: best network, what it gains and costs, verdict."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from sis_edge.report import rows as show
from sis_edge.report.sections import answer as of_run
from sis_edge.report.sections.answer import RunAnswer
from sis_edge.report.sections.findings import UNVERIFIED
from sis_edge.report.table import Cell, Column, Table
from sis_edge.results.verdict import ACCEPTED, Level

NOT_THERE = "–"
COLUMNS = (
    Column("Best network", is_number=False),
    Column("Speed-up"),
    Column("95% interval"),
    Column("Accuracy drop (points)"),
    Column("Net energy per inference"),
    Column("Verdict", is_number=False),
)
HOW = (
    "The fastest network whose accuracy drop ends below 2 points by its 95% interval, or else the fastest; both over "
    "the reference of the same run."
)
AS_MARKED = {UNVERIFIED: "of an unverified profile"}
NOTE = "A dash: unknown, or not claimed: an INVALID run and an emulated board have no speed-up."


@dataclass(frozen=True)
class RunLine:
    """A run among others: its board's name, its marks, its verdict, and its best network with its figures as texts.

    `network` is None where none may be named, and a text is None where it is unknown; `estimate` is the speed-up.
    """

    board: str
    marks: tuple[str, ...]
    verdict: Level
    network: str | None = None
    is_faster: bool = False
    estimate: float | None = None
    speed_up: str | None = None
    interval: str | None = None
    drop: str | None = None
    energy: str | None = None


def line(answer: RunAnswer, board: str, marks: tuple[str, ...]) -> RunLine:
    """The line of one run."""
    best = answer.best
    if best is None:
        return RunLine(board, marks, answer.verdict)
    return RunLine(
        board=board,
        marks=marks,
        verdict=answer.verdict,
        network=best.row.identity.label,
        is_faster=best.is_faster,
        estimate=best.estimate,
        speed_up=of_run.speed(best),
        interval=of_run.interval(best),
        drop=of_run.loss(best).value,
        energy=of_run.energy(best).value,
    )


def cells(run: RunLine) -> tuple[Cell, ...]:
    """What COLUMNS hold of a run."""
    network = run.network if run.is_faster or run.network is None else f"none is faster ({run.network} is next)"
    figures = (network, run.speed_up, run.interval, run.drop, run.energy)
    return (*(Cell(NOT_THERE, is_known=False) if text is None else Cell(text) for text in figures), Cell(run.verdict))


def sentence(lines: Sequence[RunLine]) -> str:
    """What these runs say together; simulated ones are no gain of a board's, unless all are."""
    all_simulated = all("simulated" in run.marks for run in lines)
    faster = [
        (run.estimate, run)
        for run in lines
        if run.estimate is not None and run.is_faster and run.verdict in ACCEPTED
        if all_simulated or "simulated" not in run.marks
    ]
    runs, what = show.plural(len(lines), "run"), "a verdict to rely on and a network faster than the reference"
    if faster:
        ends = [
            f"{run.speed_up} ({run.network} on {run.board})"
            for _, run in (min(faster, key=_gain), max(faster, key=_gain))
        ]
        gain = f"by {ends[0]}" if len(faster) == 1 else f"from {ends[0]} to {ends[1]}"
        said = f"{len(faster)} of {runs} {'has' if len(faster) == 1 else 'have'} {what}, {gain}"
    else:
        said = f"None of {runs} has {what}"
    before = "Simulated, not measured: " if all_simulated else ""
    return f"{before}{said}; verdicts: {_counts(run.verdict for run in lines)}{_marked(lines)}."


def overview(lines: Sequence[tuple[Cell, str, RunLine, str]]) -> Table:
    """The table: each line is a cell with the board's name, its model, the run's line, and when it was stored."""
    return Table(
        title="Best network of each run",
        caption=f"{HOW} Times are UTC.",
        columns=(
            *(Column(title, is_number=False) for title in ("Board", "Model")),
            *COLUMNS,
            Column("Stored", is_number=False),
        ),
        cells=tuple((board, Cell(model), *cells(run), Cell(stored)) for board, model, run, stored in lines),
        notes=(NOTE,),
        name="overview",
    )


def _gain(pair: tuple[float, RunLine]) -> float:
    return pair[0]


def _counts(levels: Iterable[Level]) -> str:
    counts = Counter(levels).most_common()
    return ", ".join(f"{count:,} {'without' if level == 'NONE' else level}" for level, count in counts)


def _marked(lines: Sequence[RunLine]) -> str:
    counts = Counter(mark for run in lines for mark in run.marks)
    return "".join(f"; {_are(count, len(lines))} {AS_MARKED.get(mark, mark)}" for mark, count in counts.items())


def _are(count: int, all_of_them: int) -> str:
    return "all are" if count == all_of_them else f"{count:,} {'is' if count == 1 else 'are'}"
