"""An answer as a table and as CSV, and the views as text."""

import csv
import io
import json
from datetime import date, datetime, time
from math import isfinite
from typing import TYPE_CHECKING, Any

from sis_edge.query.running import SqlAnswer
from sis_edge.query.views import VIEWS
from sis_edge.report.table import Column, Table, text_cells
from sis_edge.text.foreign import one_line

if TYPE_CHECKING:
    from rich.console import Group

NUMBERS = ("INT", "DOUBLE", "FLOAT", "DECIMAL", "NUMBER", "HUGEINT", "BIGINT")
NULL = "–"


def table(answer: SqlAnswer) -> "Group":
    """The answer for a terminal; NULL is a dash."""
    from sis_edge.report.grid import grid

    words = [name for name, kind in zip(answer.names, answer.types, strict=True) if not kind.startswith(NUMBERS)]
    lines = [[NULL if value is None else one_line(_text(value)) for value in row] for row in answer.rows]
    return grid(answer.names, lines, words=words)


def to_csv(answer: SqlAnswer) -> str:
    """Comma-separated, UTF-8, all digits; NULL is empty."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(answer.names)
    writer.writerows(["" if value is None else _text(value) for value in row] for row in answer.rows)
    return out.getvalue()


def schema() -> list[Table]:
    """Every view with its columns."""
    columns = tuple(Column(title, is_number=False) for title in ("column", "type", "meaning"))
    return [
        Table(
            title=f"{view.name}: {view.meaning}",
            caption="Naming it reads every run whole." if view.reads_samples else "",
            columns=columns,
            cells=text_cells((column.name, column.type, column.meaning) for column in view.columns),
        )
        for view in VIEWS.values()
    ]


def plain(value: Any) -> Any:
    """A value of SQL as JSON has it: what JSON has not is text."""
    if value is None or isinstance(value, bool | int | str):
        return value
    if isinstance(value, float):
        return value if isfinite(value) else str(value)
    if isinstance(value, list | tuple):
        return [plain(each) for each in value]
    if isinstance(value, dict):
        return {str(name): plain(each) for name, each in value.items()}
    return value.isoformat() if isinstance(value, datetime | date | time) else str(value)


def _text(value: Any) -> str:
    found = plain(value)
    if isinstance(found, bool):
        return "true" if found else "false"
    if isinstance(found, float):
        return repr(found)
    return json.dumps(found, ensure_ascii=False) if isinstance(found, list | dict) else str(found)
