"""The one table type: text with a title, which Markdown, pages and the terminal all take."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Column:
    """A column's heading, and whether numbers are below it."""

    title: str
    is_number: bool = True


@dataclass(frozen=True)
class Cell:
    """One value as text; `fields` names the columns of `results.csv` that the text shows, where it shows any."""

    text: str
    fields: tuple[str, ...] = ()
    is_known: bool = True


@dataclass(frozen=True)
class Table:
    """A title, what the table shows, columns, cells [rows][columns] and notes below them.

    `name` identifies the table within a run's report; `mark` says "simulated" or "emulated".
    """

    title: str
    caption: str
    columns: tuple[Column, ...]
    cells: tuple[tuple[Cell, ...], ...]
    notes: tuple[str, ...] = ()
    name: str = ""
    mark: str | None = None
    is_invalid: bool = False

    @property
    def texts(self) -> tuple[tuple[str, ...], ...]:
        """The cells as text."""
        return tuple(tuple(cell.text for cell in row) for row in self.cells)


def text_cells(rows: Iterable[Sequence[str]]) -> tuple[tuple[Cell, ...], ...]:
    """Cells of plain text."""
    return tuple(tuple(map(Cell, row)) for row in rows)
