"""The result of one run as a table that fits a terminal of 80 columns."""

from rich import box
from rich.console import Group, RenderableType
from rich.table import Table as RichTable
from rich.text import Text

from sis_edge.report import rows as show
from sis_edge.report.document import board_name, mark
from sis_edge.report.tables import NETWORK, SYNAPSES, Column, amounts, fill, value
from sis_edge.results.comparison import Row, compare
from sis_edge.results.schema import StoredRun


def _speed_up(row: Row) -> str:
    interval = "no interval" if _lacks_interval(row) else show.speed_up_interval(row)
    return f"{show.speed_up(row)} [{interval}]"


def _lacks_interval(row: Row) -> bool:
    return row.speed_up is not None and row.speed_up_low is None


COLUMNS = (
    NETWORK,
    SYNAPSES,
    value("Accuracy", "device_accuracy", show.percent),
    value("p50", "latency_p50_s", show.seconds),
    Column("Speed-up [95% interval]", ("speed_up", "speed_up_low", "speed_up_high"), _speed_up),
    value("Ceiling", "mac_ratio", show.ratio),
)


def table(run: StoredRun, seed: int = 0) -> RenderableType:
    """What rich prints after a run: the comparison, its marks and what went wrong."""
    rows = compare(run, seed)
    cells, notes = fill(COLUMNS, rows)
    marked = mark(rows)
    title = f"{run.manifest.dataset} on {board_name(run)}"
    grid = RichTable(
        title=Text(f"{title} ({marked.upper()})" if marked else title, style="bold"),
        title_justify="left",
        box=box.SIMPLE_HEAD,
        show_edge=False,
        pad_edge=False,
    )
    for column in COLUMNS:
        grid.add_column(column.title, justify="right" if column.is_number else "left", overflow="fold")
    for line in cells:
        grid.add_row(*(Text(cell.text) for cell in line))
    job = run.record.job
    lines = [
        amounts(rows),
        f"{show.plural(job.threads, 'thread')}, batch {job.batch_size}, {job.runner}",
        *notes,
        *sorted({f"no interval: {row.reasons['speed_up_low']}" for row in rows if _lacks_interval(row)}),
        *(f"{row.network}: {row.problem}" for row in rows if row.problem and row.problem not in " ".join(notes)),
    ]
    return Group(grid, *(Text(line) for line in lines))
