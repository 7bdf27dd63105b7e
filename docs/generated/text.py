"""Markdown of one kind of table: a field, its type, its default."""

import inspect
import json
import re
from collections.abc import Iterable, Sequence
from typing import NamedTuple

UNITS = {
    "s": "s",
    "w": "W",
    "j": "J",
    "hz": "Hz",
    "c": "°C",
    "bytes": "bytes",
}
"""The last word of a field's name -> its unit."""


class Field(NamedTuple):
    """A field of a table: its type in words, and its default as text, None where it must be given."""

    name: str
    type: str
    default: str | None


def fields_table(fields: Iterable[Field], heading: str = "field") -> str:
    """A table of fields; the unit is that of the name."""
    rows = [
        (f"`{each.name}`", with_unit(each), "required" if each.default is None else each.default) for each in fields
    ]
    return table((heading, "type", "default"), rows)


def table(headings: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A Markdown table."""
    lines = [headings, ["---"] * len(headings), *rows]
    return "\n".join("| " + " | ".join(map(cell, line)) + " |" for line in lines) + "\n"


def cell(text: str) -> str:
    """Text as a table's cell takes it."""
    return " ".join(text.split()).replace("|", "\\|").replace("] [", "] \\[")  # else a link with a reference


def paragraphs(docstring: str | None) -> str:
    """A docstring's paragraphs as Markdown: sentences on one line, examples and what is indented as blocks of code."""
    pieces = re.split(r"\n\s*\n", inspect.cleandoc(docstring or ""))
    return "\n\n".join(map(_paragraph, pieces))


def _paragraph(piece: str) -> str:
    if piece.startswith(">>> "):
        return f"```pycon\n{piece}\n```"
    if piece.startswith("    "):
        return f"```text\n{inspect.cleandoc(piece)}\n```"
    return " ".join(piece.split())


def value(given: object) -> str:
    """A default as a file has it; a whole table is left to the table's own section."""
    return "`{...}`" if isinstance(given, dict) and given else f"`{json.dumps(given, ensure_ascii=False)}`"


def anchor(name: str) -> str:
    """The anchor of a heading."""
    return re.sub(r"[^a-z0-9_-]+", "-", name.lower()).strip("-")


def with_unit(field: Field) -> str:
    """The field's type with its unit, where its name ends in one and it is a number."""
    unit = UNITS.get(field.name.rpartition("_")[2]) if "_" in field.name else None
    return field.type.replace("number", f"number [{unit}]") if unit else field.type
