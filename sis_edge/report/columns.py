"""Columns over the rows of a run: a heading, and each row's value as text or why it is unknown."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeVar

from sis_edge.report import rows as show
from sis_edge.report.table import Cell, Column
from sis_edge.results.rows import Figure, Row
from sis_edge.results.rows.fields import Field
from sis_edge.results.statistics import Interval

T = TypeVar("T")


@dataclass(frozen=True)
class RowColumn:
    """A heading, the columns of `results.csv` that it shows, and a row's text; `{scope}` is what energies cover."""

    title: str
    fields: tuple[str, ...]
    text: Callable[[Row], Figure[str]]
    is_number: bool = True


def value(title: str, field: Field[T], text: Callable[[T], str], is_number: bool = True) -> RowColumn:
    """A column of one value."""
    return RowColumn(title, (field.name,), lambda row: field.of(row).map(text), is_number)


def interval(
    ends: tuple[Field[float], Field[float]],
    of: Callable[[Row], Figure[Interval]],
    text: Callable[[float], str],
    title: str = "95% interval",
) -> RowColumn:
    """A column of an interval, whose `ends` are two columns of `results.csv`."""
    return RowColumn(
        title,
        tuple(field.name for field in ends),
        lambda row: of(row).map(lambda found: f"{text(found.low)} to {text(found.high)}"),
    )


def headings(columns: Sequence[RowColumn], scope: str) -> tuple[Column, ...]:
    """The columns' headings."""
    return tuple(Column(column.title.format(scope=scope), column.is_number) for column in columns)


def fill(columns: Sequence[RowColumn], rows: Sequence[Row]) -> tuple[tuple[tuple[Cell, ...], ...], tuple[str, ...]]:
    """Cells [rows][columns], and the notes that they point to."""
    notes: list[str] = []
    cells = tuple(tuple(_cell(column, row, notes) for column in columns) for row in rows)
    return cells, tuple(f"{_letter(number)}: {note}" for number, note in enumerate(notes))


def _cell(column: RowColumn, row: Row, notes: list[str]) -> Cell:
    found = column.text(row)
    if found.value is not None:
        return Cell(found.value, column.fields)
    reason = found.reason or ""
    words = show.unknown(reason)
    if words is None:
        if reason not in notes:
            notes.append(reason)
        words = f"– [{_letter(notes.index(reason))}]"
    return Cell(words, column.fields, is_known=False)


def _letter(number: int) -> str:
    return chr(ord("a") + number % 26) * (1 + number // 26)
