"""Run one SELECT over the stored runs, in a database in memory that sees nothing else.

Before the user's SQL runs, the files of this machine, other databases, extensions and Python's variables are out of
reach, and the settings that say so are locked. A statement that does not read is refused by its kind.
"""

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sis_edge import extras
from sis_edge.errors import UsageError
from sis_edge.query import rows
from sis_edge.query.views import VIEWS, View
from sis_edge.report.summary import RunSummary
from sis_edge.results import store
from sis_edge.text.foreign import one_line

if TYPE_CHECKING:
    import duckdb

READING = ("SELECT", "EXPLAIN")
_SOURCE = "sis_edge_rows"

_LOCKED = (
    "SET temp_directory = ''",
    "SET python_enable_replacements = false",
    "SET autoinstall_known_extensions = false",
    "SET autoload_known_extensions = false",
    "SET allow_community_extensions = false",
    "SET enable_external_access = false",
    "SET lock_configuration = true",
)


@dataclass(frozen=True)
class SqlAnswer:
    """A table as SQL gave it: the columns' names and SQL types, and the rows."""

    names: tuple[str, ...]
    types: tuple[str, ...]
    rows: tuple[tuple[Any, ...], ...]


def run(
    sql: str,
    summaries: Callable[[], Iterable[tuple[Path, RunSummary]]],
    show_progress: Callable[[str, int, int], None] = lambda label, done, total: None,
) -> SqlAnswer:
    """The answer to one SELECT; `summaries` are asked for once the SQL is known to be one.

    Raises UsageError for a statement that is wrong, is not one, or does more than read, and where duckdb is missing.
    """
    try:
        import duckdb
    except ModuleNotFoundError:
        raise UsageError(f"query needs duckdb: `{extras.adding('query')}`") from None
    with duckdb.connect(":memory:") as connection:
        try:
            _check(connection, sql)
            for view in VIEWS.values():
                connection.execute(view.create())
            for statement in _LOCKED:
                connection.execute(statement)
            connection.execute(sql).fetchall()  # over no rows: a mistake is found before any run is read
            _fill(connection, rows.of_summaries(summaries()), _wanted(connection, sql), show_progress)
            found = connection.execute(sql)
            columns = [(str(column[0]), str(column[1])) for column in found.description or ()]
            return SqlAnswer(
                tuple(name for name, _ in columns), tuple(kind for _, kind in columns), tuple(found.fetchall())
            )
        except duckdb.Error as error:
            raise _fault(error) from None


def _check(connection: "duckdb.DuckDBPyConnection", sql: str) -> None:
    """Raise UsageError for anything but one statement that reads."""
    statements = connection.extract_statements(sql)
    if len(statements) != 1:
        raise UsageError(f"query runs one SELECT, and this SQL has {len(statements)} statements")
    kind = statements[0].type.name
    if kind not in READING:
        raise UsageError(f"query only reads: it runs a SELECT, and this SQL is of the kind {kind}")


def _wanted(connection: "duckdb.DuckDBPyConnection", sql: str) -> set[str]:
    """The views that the SQL names, in lower case."""
    import duckdb

    try:
        return {name.lower() for name in connection.get_table_names(sql)}
    except duckdb.Error:  # it does not know every SQL: then a word is enough
        return set(re.findall(r"\w+", sql.lower()))


def _fill(
    connection: "duckdb.DuckDBPyConnection",
    known: rows.SummaryRows,
    wanted: set[str],
    show_progress: Callable[[str, int, int], None],
) -> None:
    """Fill the views; those of samples only where they are wanted."""
    for name, found in known.rows.items():
        _insert(connection, VIEWS[name], found)
    makers = {name: make for name, make in rows.OF_SAMPLES.items() if name in wanted}
    for done, path in enumerate(known.paths if makers else (), 1):
        stored = store.load(path)
        for name, make in makers.items():
            _insert(connection, VIEWS[name], make(path, stored))
        show_progress("read runs", done, len(known.paths))


def _insert(connection: "duckdb.DuckDBPyConnection", view: View, found: Iterable[rows.Row]) -> None:
    import pandas

    names = [column.name for column in view.columns]
    connection.register(_SOURCE, pandas.DataFrame(list(found), columns=names, dtype=object))
    connection.execute(view.insert(_SOURCE))
    connection.unregister(_SOURCE)


def _fault(error: Exception) -> UsageError:
    """duckdb's message in one line; a refusal to leave the database says so."""
    said = one_line(str(error).partition("\n\n")[0].replace("\n", "; "), 400)
    if "disabled by configuration" in said or "disabled through configuration" in said:
        return UsageError(f"SQL reaches the stored runs only, no file and no extension ({said})")
    return UsageError(f"SQL: {said}; `sis-edge query --schema` lists the views and their columns")
