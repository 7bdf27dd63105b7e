"""Rows as CSV: one line a network, all digits; unknown values are empty and `reasons` (JSON) says why.

`kinds` (JSON) has the word of each figure: measured, simulated, emulated, counted, predicted or quoted.
"""

import csv
import io
import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from sis_edge.results.rows import Row
from sis_edge.results.rows.fields import NAMES, reasons, values
from sis_edge.results.rows.kinds import kinds


def to_csv(rows: Sequence[Row]) -> str:
    """The text of `results.csv`: comma-separated, UTF-8, first line the names with their units."""
    return heading() + networks_csv([values(row) | {"reasons": reasons(row)} for row in rows])


def heading() -> str:
    """The first line."""
    return _lines([[*NAMES, "reasons", "kinds"]])


def networks_csv(networks: Sequence[Mapping[str, Any]]) -> str:
    """The lines of networks as `results.json` has them: their columns and `reasons`."""
    return _lines(
        [
            *(text_of(network[name]) for name in NAMES),
            json.dumps(network["reasons"], sort_keys=True, ensure_ascii=False),
            json.dumps(kinds(network)),
        ]
        for network in networks
    )


def _lines(lines: Iterable[Sequence[str]]) -> str:
    out = io.StringIO()
    csv.writer(out, lineterminator="\n").writerows(lines)
    return out.getvalue()


def text_of(value: object) -> str:
    """A value with all its digits; empty where it is unknown."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    return repr(value) if isinstance(value, float) else str(value)
