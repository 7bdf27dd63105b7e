"""Stored runs as data frames: tidy, with units in the names of columns, and types that do not depend on the values.

Numbers with a fraction are float64 and NaN where unknown; counts are Int64 and flags boolean, <NA> where unknown; texts
are objects, None where unknown. An empty frame has the same columns and types.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, get_args

from sis_edge.errors import UsageError
from sis_edge.extras import installing
from sis_edge.query import rows
from sis_edge.query.views import ROUNDS, SAMPLES, View
from sis_edge.results.comparison import compare
from sis_edge.results.rows.fields import FIELDS, STORED_AT, reasons, values
from sis_edge.results.schema import StoredRun

if TYPE_CHECKING:
    import pandas

FrameOf = Literal["networks", "rounds", "samples"]

_OF_TYPE = {str: "object", int: "Int64", float: "float64", bool: "boolean"}
_OF_SQL = {"VARCHAR": "object", "BIGINT": "Int64", "DOUBLE": "float64"}

Stored = tuple[StoredRun, Path | None]


def frame(of: str, runs: Sequence[Stored]) -> "pandas.DataFrame":
    """The frame of that name; raises UsageError for another, and where pandas is not installed."""
    if of not in _FRAMES:
        raise UsageError(f"unknown frame {of!r}; known: {', '.join(get_args(FrameOf))}")
    try:
        import pandas  # noqa: F401
    except ImportError:
        raise UsageError(f"to_pandas needs pandas, which is not installed: `{installing('pandas')}`") from None
    return _FRAMES[of](runs)


def _networks(runs: Sequence[Stored]) -> "pandas.DataFrame":
    """A row for each network of each run, as in `results.csv`; `reasons` says why what is unknown is unknown."""
    import pandas

    found = [row for run, _ in runs for row in compare(run)]
    records = [values(row) for row in found]
    types = {field.name: _OF_TYPE[field.type] for field in FIELDS}
    made = _frame({name: [record[name] for record in records] for name in types}, types)
    made[STORED_AT.name] = pandas.to_datetime(made[STORED_AT.name], utc=True, format="ISO8601")
    made["reasons"] = pandas.Series([reasons(row) for row in found], dtype="object")
    return made


def _rounds(runs: Sequence[Stored]) -> "pandas.DataFrame":
    """A row for each turn of a network in a round."""
    records = [{**each, "path": _text(path)} for run, path in runs for each in rows.rounds(Path(), run)]
    return _frame({column.name: [each[column.name] for each in records] for column in ROUNDS.columns}, _types(ROUNDS))


def _samples(runs: Sequence[Stored]) -> "pandas.DataFrame":
    """A row for each timed inference, column by column: a run may have a million."""
    types = _types(SAMPLES)
    columns: dict[str, list[Any]] = {name: [] for name in types}
    for run, path in runs:
        for entry, record in run.networks():
            for turn in record.rounds if record else ():
                count = len(turn.latencies_s)
                same = {"run_id": run.record.run_id, "path": _text(path), "network": entry.name, "round": turn.round}
                for name, value in same.items():
                    columns[name] += [value] * count
                columns["number"] += range(count)
                columns["latency_s"] += turn.latencies_s
    return _frame(columns, types)


def _frame(columns: Mapping[str, Iterable[Any]], types: Mapping[str, str]) -> "pandas.DataFrame":
    import pandas

    return pandas.DataFrame({name: pandas.Series(columns[name], dtype=kind) for name, kind in types.items()})


def _types(view: View) -> dict[str, str]:
    return {column.name: _OF_SQL[column.type] for column in view.columns}


def _text(path: Path | None) -> str | None:
    return None if path is None else str(path)


_FRAMES: dict[str, Callable[[Sequence[Stored]], "pandas.DataFrame"]] = {
    "networks": _networks,
    "rounds": _rounds,
    "samples": _samples,
}
