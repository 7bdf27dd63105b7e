"""In which line of a TOML file a field is. tomllib reports the line of broken TOML only, not of a wrong value.

The file has been parsed by tomllib before, so this only has to follow sound TOML: table headers, keys, and values that
go over several lines. Inline tables are one place: what is wrong inside of them is found at their key.
"""

import re
from collections.abc import Sequence
from typing import TypeAlias

Place: TypeAlias = tuple[str | int, ...]

_HEADER = re.compile(r"\s*(\[\[?)([^\]]+)\]\]?\s*(?:#.*)?$")
_KEY = re.compile(r"""\s*((?:[\w-]+|"[^"]*"|'[^']*')(?:\s*\.\s*(?:[\w-]+|"[^"]*"|'[^']*'))*)\s*=""")
_STRING = re.compile(r'"""|\'\'\'|"(?:[^"\\]|\\.)*"|\'[^\']*\'|#.*')


def places(text: str) -> dict[Place, int]:
    """Every table's and key's place, as pydantic writes it, and its line, counted from 1.

    >>> places("name = 'x'\\n[board]\\ncpu = 4\\n[[modes]]\\nid = 0\\n")[("modes", 0, "id")]
    5
    """
    found: dict[Place, int] = {(): 1}
    counts: dict[Place, int] = {}
    table: Place = ()
    lines = iter(enumerate(text.splitlines(), start=1))
    for number, line in lines:
        header = _HEADER.match(line)
        key = _KEY.match(line)
        if header is not None and key is None:
            table = _names(header.group(2))
            if header.group(1) == "[[":
                found.setdefault(table, number)
                counts[table] = counts.get(table, -1) + 1
                table = (*table, counts[table])
            found.setdefault(table, number)
        elif key is not None:
            found.setdefault((*table, *_names(key.group(1))), number)
            rest = line[key.end() :]
            while _is_open(rest):
                rest += "\n" + next(lines, (0, "]"))[1]
    return found


def line_of(text: str, place: Sequence[str | int]) -> int:
    """The line of a field; of a missing one, the line of the table that it is missing from."""
    known = places(text)
    parts = tuple(place)
    while parts not in known:
        parts = parts[:-1]
    return known[parts]


def _names(dotted: str) -> Place:
    return tuple(part.strip().strip("\"'") for part in re.findall(r"""[\w-]+|"[^"]*"|'[^']*'""", dotted))


def _is_open(value: str) -> bool:
    """Whether a value goes on in the next line: an open bracket, or an open string of several lines."""
    for quotes in ('"""', "'''"):
        if value.lstrip().startswith(quotes):
            return value.count(quotes) < 2
    bare = _STRING.sub("", value)
    return bare.count("[") + bare.count("{") > bare.count("]") + bare.count("}")
