"""A table as CSV with all digits, as far as its cells are columns of `results.csv`; else with the text shown."""

import csv
import io
import json
from collections.abc import Sequence
from typing import Any

from sis_edge.report.csv import text_of
from sis_edge.report.table import Cell, Table
from sis_edge.results.rows import Row
from sis_edge.results.rows.fields import NETWORK, reasons, values


def table_csv(table: Table, rows: Sequence[Row] = ()) -> str:
    """The text of a table's file: a line each; of networks, with `reasons` (JSON) for what is unknown and empty.

    `rows` are those of the run that the table is of, none for a table over several runs.
    """
    found = {row.identity.label: (values(row), reasons(row)) for row in rows} if table.is_of_networks else {}
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow([*_titles(table), *(["reasons"] if found else [])])
    for cells in table.cells:
        of_network = found.get(cells[0].text) if cells[0].fields == (NETWORK.name,) else None
        writer.writerow(_line(cells, of_network) if of_network else [cell.words for cell in cells])
    return out.getvalue()


def _line(cells: Sequence[Cell], network: tuple[dict[str, Any], dict[str, str]]) -> list[str]:
    known, unknown = network
    texts: list[str] = []
    why: dict[str, str] = {}
    for cell in cells:
        texts += [text_of(known[name]) for name in cell.fields] if cell.fields else [cell.words]
        why |= {name: unknown[name] for name in cell.fields if name in unknown}
    return [*texts, json.dumps(why, sort_keys=True, ensure_ascii=False)]


def _titles(table: Table) -> list[str]:
    """Names of columns of `results.csv`, or the headings; one that stands twice begins with the one before it."""
    titles: list[str] = []
    first = table.cells[0] if table.cells else tuple(Cell("") for _ in table.columns)
    for column, cell in zip(table.columns, first, strict=True):
        for name in cell.fields or (column.title,):
            titles.append(f"{titles[-1]}: {name}" if name in titles and titles else name)
    return titles
