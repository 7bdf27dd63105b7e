"""The one table type: text with a title, which Markdown, pages and the terminal all take."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace


@dataclass(frozen=True)
class Column:
    """A column's heading, and whether numbers are below it."""

    title: str
    is_number: bool = True


@dataclass(frozen=True)
class Cell:
    """One value as text; `fields` names the columns of `results.csv` that the text shows, where it shows any.

    `link` is a file beside the report, as a relative URL, or a place on the same page. `marks` say what a reader must
    not overlook about the line that the cell begins: "simulated", "emulated", "unverified profile".
    """

    text: str
    fields: tuple[str, ...] = ()
    is_known: bool = True
    link: str | None = None
    marks: tuple[str, ...] = ()

    @property
    def words(self) -> str:
        """The text with its marks, for formats that have no other way to set them off."""
        return f"{self.text} ({', '.join(self.marks).upper()})" if self.marks else self.text


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
        return tuple(tuple(cell.words for cell in row) for row in self.cells)

    @property
    def is_of_networks(self) -> bool:
        """Whether its lines are networks with columns of `results.csv`."""
        return any(cell.fields for cells in self.cells for cell in cells)

    def marked(self, marks: tuple[str, ...]) -> "Table":
        """The same table with these marks on every line."""
        cells = tuple((replace(first, marks=marks), *rest) for first, *rest in self.cells)
        return replace(self, cells=cells)


def text_cells(rows: Iterable[Sequence[str]]) -> tuple[tuple[Cell, ...], ...]:
    """Cells of plain text."""
    return tuple(tuple(map(Cell, row)) for row in rows)
