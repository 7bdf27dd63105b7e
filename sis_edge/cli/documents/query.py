"""What `query` answers."""

from typing import TYPE_CHECKING, Any, Literal

from sis_edge.cli.documents.base import Document, Part

if TYPE_CHECKING:
    from sis_edge.query.running import SqlAnswer


class QueryColumn(Part):
    """A column of an answer, with its type in SQL."""

    name: str
    type: str


class QueryDocument(Document):
    """`sis-edge query`: columns, and a list of values for each row; NULL is null, what JSON has not is text."""

    document: Literal["query"] = "query"
    columns: tuple[QueryColumn, ...]
    rows: tuple[tuple[Any, ...], ...]


def answer(found: "SqlAnswer") -> QueryDocument:
    """The document of an answer."""
    from sis_edge.query.formats import plain

    return QueryDocument(
        columns=tuple(QueryColumn(name=name, type=kind) for name, kind in zip(found.names, found.types, strict=True)),
        rows=tuple(tuple(map(plain, row)) for row in found.rows),
    )
