"""A history as tables, for the terminal and for a page, and as CSV."""

import csv
import io
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from sis_edge.files.atomic import write_text
from sis_edge.history.series import Series, SeriesPoint
from sis_edge.report import rows as show
from sis_edge.report.html import tables_page
from sis_edge.report.table import Cell, Column, Table

HEADINGS = ("Stored", "Run", "Latency", "95% interval", "Accuracy", "Net energy", "Verdict", "What changed")
WORDS = ("Stored", "Run", "Verdict", "What changed")
WHOLE = ("Run", "Latency", "Verdict")
"""Columns that are never broken in a terminal: other commands take a run's name."""
NOTES = (
    "Median latencies. An interval is from the spread between the rounds of one run; runs differ by more than that.",
    "A level that changes is a change point of the median latencies (PELT); INVALID runs take no part in it.",
)
NOT_THERE = "–"

CSV = (
    *("machine", "model", "profile", "mark", "data", "network", "runtime", "threads", "batch_size"),
    *("stored_at", "run_id", "latency_p50_s", "latency_p50_low_s", "latency_p50_high_s", "device_accuracy"),
    *("energy_net_j", "verdict", "changed", "gap_s", "shift", "path"),
)


def tables(found: Sequence[Series]) -> list[Table]:
    """A table for each series."""
    columns = tuple(Column(heading, heading not in WORDS) for heading in HEADINGS)
    return [
        Table(
            title=each.name.title,
            caption=f"{show.plural(len(each.points), 'run')}, oldest first.",
            columns=columns,
            cells=tuple(tuple(map(Cell, _texts(point))) for point in each.points),
            notes=(f"{each.no_changes[:1].upper()}{each.no_changes[1:]}.",) if each.no_changes else (),
            name="history",
        )
        for each in found
    ]


def narrow(table: Table) -> Table:
    """The same for a terminal: a run's name has its time, and what changed is a note for each run."""
    kept = [at for at, column in enumerate(table.columns) if column.title not in ("Stored", "What changed")]
    run, changed = (HEADINGS.index(heading) for heading in ("Run", "What changed"))
    marks = tuple(f"{texts[run]}: {texts[changed]}" for texts in table.texts if texts[changed])
    return replace(
        table,
        columns=tuple(table.columns[at] for at in kept),
        cells=tuple(tuple(cells[at] for at in kept) for cells in table.cells),
        notes=(*marks, *table.notes),
    )


def page(found: Sequence[Series], folder: Path) -> Path:
    """Write `index.html`; raises DiskError."""
    title = f"History: {len(found)} series" + (" (some not of real boards)" if any(s.name.mark for s in found) else "")
    return write_text(folder / "index.html", tables_page(title, NOTES, tables(found), []))


def to_csv(found: Sequence[Series]) -> str:
    """Comma-separated, UTF-8, a line for each run of each series; what is unknown is empty."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(CSV)
    for each in found:
        name = each.name
        key = (name.machine, name.model, name.profile, name.mark or "", name.data, name.network, name.runtime)
        for point in each.points:
            low, high = point.interval_s or (None, None)
            writer.writerow(
                (
                    *(*key, name.threads, name.batch_size, point.stored_at.isoformat(), point.run_id),
                    *(_number(value) for value in (point.latency_s, low, high, point.accuracy, point.energy_j)),
                    *(
                        point.verdict,
                        "; ".join(point.changed),
                        _number(None if point.gap is None else point.gap.total_seconds()),
                    ),
                    *(_number(point.shift), point.path),
                )
            )
    return out.getvalue()


def _texts(point: SeriesPoint) -> tuple[str, ...]:
    interval = point.interval_s
    return (
        f"{point.stored_at:%Y-%m-%d %H:%M}",
        point.run_id,
        NOT_THERE if point.latency_s is None else show.seconds(point.latency_s),
        NOT_THERE if interval is None else _between(*map(show.seconds, interval)),
        NOT_THERE if point.accuracy is None else show.percent(point.accuracy),
        NOT_THERE if point.energy_j is None else show.joules(point.energy_j),
        point.verdict,
        "; ".join(_marks(point)),
    )


def _between(low: str, high: str) -> str:
    """An interval with its unit once, where both ends have the same.

    >>> _between("8.78 ms", "8.96 ms"), _between("998 µs", "1.02 ms")
    ('8.78 to 8.96 ms', '998 µs to 1.02 ms')
    """
    number, unit = low.split()
    return f"{number if unit == high.split()[1] else low} to {high}"


def _marks(point: SeriesPoint) -> list[str]:
    marks = []
    if point.shift is not None:
        side = "slower" if point.shift > 0 else "faster"
        marks.append(f"level changes: {100 * abs(point.shift):.1f}% {side} from here")
    if point.gap is not None:
        marks.append(f"gap of {point.gap.total_seconds() / 86400:.0f} days")
    return [*marks, *point.changed]


def _number(value: float | None) -> str:
    return "" if value is None else repr(float(value))
