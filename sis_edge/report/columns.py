"""Columns over the rows of a run: a heading, and each row's value as text or why it is unknown."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeVar

from sis_edge.report import rows as show
from sis_edge.report.table import Cell, Column
from sis_edge.results.rows import Figure, Row
from sis_edge.results.rows.fields import Field, values
from sis_edge.results.rows.kinds import kind, of_board
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


def origins(columns: Sequence[RowColumn], rows: Sequence[Row]) -> str:
    """Where the figures of a table come from: the words of most columns once, the others with their headings."""
    if not rows:
        return ""
    board = of_board(values(rows[0]))
    found: dict[str, list[str]] = {}
    for column in columns:
        if (word := kind(column.fields[0], board)) is not None:
            found.setdefault(word, []).append(column.title)
    others = [f"{', '.join(titles)} {word}" for word, titles in found.items() if word != board]
    said = [*others, *([f"{'all else' if others else 'all'} {board}"] if board in found else [])]
    return f"Origin of figures: {'; '.join(said)}." if said else ""


def fill(columns: Sequence[RowColumn], rows: Sequence[Row]) -> tuple[tuple[tuple[Cell, ...], ...], tuple[str, ...]]:
    """Cells [rows][columns], and the notes that they point to."""
    notes: list[str] = []
    cells = tuple(tuple(cell(column.text(row), notes, column.fields) for column in columns) for row in rows)
    return cells, lettered(notes)


def cell(found: Figure[str], notes: list[str], fields: tuple[str, ...] = ()) -> Cell:
    """A text, or the letter of the note that says why there is none, which goes to `notes`."""
    if found.value is not None:
        return Cell(found.value, fields)
    reason = found.reason or ""
    words = show.unknown(reason)
    if words is None:
        if reason not in notes:
            notes.append(reason)
        words = f"– [{_letter(notes.index(reason))}]"
    return Cell(words, fields, is_known=False)


def lettered(notes: Sequence[str]) -> tuple[str, ...]:
    """The notes of a table behind their letters."""
    return tuple(f"{_letter(number)}: {note}" for number, note in enumerate(notes))


def _letter(number: int) -> str:
    return chr(ord("a") + number % 26) * (1 + number // 26)
