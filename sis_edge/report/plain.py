"""A report's tables and sentences as plain text, for objects that show themselves in a program's terminal."""

from collections.abc import Iterable

from sis_edge.report.table import Table
from sis_edge.text.tables import as_text, wrapped


def plain(before: Iterable[str], tables: Iterable[Table], after: Iterable[str]) -> str:
    """Sentences, then each table with its notes, then sentences again; sentences are wrapped, tables are not."""
    lines = wrapped(before)
    for table in tables:
        lines += ["", as_text([column.title for column in table.columns], table.texts, title=table.title)]
        lines += wrapped(filter(None, (*table.notes, table.caption)))
    below = wrapped(after)
    return "\n".join([*lines, *([""] if below else []), *below])
