"""Rows as CSV: one line a network, all digits; unknown values are empty and `reasons` (JSON) says why."""

import csv
import io
import json
from collections.abc import Sequence

from sis_edge.results.rows import Row
from sis_edge.results.rows.fields import NAMES, reasons, values


def to_csv(rows: Sequence[Row]) -> str:
    """The text of `results.csv`: comma-separated, UTF-8, first line the names with their units."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow([*NAMES, "reasons"])
    for row in rows:
        writer.writerow(
            [*map(_text, values(row).values()), json.dumps(reasons(row), sort_keys=True, ensure_ascii=False)]
        )
    return out.getvalue()


def _text(value: object) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    return repr(value) if isinstance(value, float) else str(value)
