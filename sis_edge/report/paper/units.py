"""A column whose values all have one unit says it once, in its heading."""

import re
from collections.abc import Sequence

from sis_edge.report.table import Cell, Table

_NUMBER = r"([−-]?[\d,]+(?:\.\d+)?) ?([mkMGTpnµ]?[sBJW]|%)"
"""A number with the units that `report.rows` writes."""

_VALUE = re.compile(rf"\[?{_NUMBER}\]?")
"""In brackets where its run is INVALID."""

_INTERVAL = re.compile(rf"{_NUMBER} to {_NUMBER}")


def hoisted(table: Table) -> tuple[tuple[str, ...], tuple[tuple[str, ...], ...]]:
    """The headings, and the cells [rows][columns] as text, without the units that went from the one to the other."""
    columns = [_column(column.title, cells) for column, cells in zip(table.columns, _columns(table), strict=True)]
    return tuple(title for title, _ in columns), tuple(zip(*(texts for _, texts in columns), strict=True))


def _columns(table: Table) -> list[tuple[Cell, ...]]:
    return [tuple(cells[number] for cells in table.cells) for number in range(len(table.columns))]


def _column(title: str, cells: Sequence[Cell]) -> tuple[str, tuple[str, ...]]:
    units = {_unit(cell.text) for cell in cells if cell.is_known}
    unit = units.pop() if len(units) == 1 else None
    if unit is None:
        return title, tuple(cell.words for cell in cells)
    return f"{title} [{unit}]", tuple(_bare(cell.text) if cell.is_known else cell.words for cell in cells)


def _unit(text: str) -> str | None:
    """The one unit of a value or an interval; None where there is none, or more than one."""
    if found := _VALUE.fullmatch(text):
        return found[2]
    found = _INTERVAL.fullmatch(text)
    return found[2] if found and found[2] == found[4] else None


def _bare(text: str) -> str:
    return re.sub(_NUMBER, r"\1", text)
