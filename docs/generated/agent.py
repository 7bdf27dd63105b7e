"""What host and agent say to each other, from the agent's own schema, command line and problems."""

import argparse
import ast
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Union, get_args, get_origin, get_type_hints

import sis_agent
from generated.links import ROOT
from generated.text import Field, anchor, fields_table, paragraphs, table, value
from sis_agent import schema
from sis_agent.cli import parser

WORDS = {int: "whole number", float: "number", str: "text", bool: "true or false", type(None): "null", Any: "anything"}


def record() -> str:
    """The record and all that it holds, but the job and the facts."""
    return _sections(schema.Record, but=(schema.Job, schema.Facts))


def job() -> str:
    """The job and all that it holds."""
    return _sections(schema.Job)


def facts() -> str:
    """What the agent reports of the board."""
    return _sections(schema.Facts)


def examination() -> str:
    """What the agent reports of the board's state."""
    return _sections(schema.Examination, but=(schema.StateSample,), page="record.md")


def commands() -> str:
    """Each command of the agent with its usage."""
    (found,) = (each for each in parser()._actions if isinstance(each, argparse._SubParsersAction))
    rows = [
        (f"`{' '.join(command.format_usage().removeprefix('usage: ').split())}`", command.description or "")
        for command in found.choices.values()
    ]
    return table(("command", "what it does"), rows)


def problems() -> str:
    """The codes of problems, as the agent's README explains them."""
    text = (ROOT / "agent" / "README.md").read_text(encoding="utf-8")
    found = re.search(r"^\| problem \| means \|\n(?:\|.*\n)+", text, re.MULTILINE)
    assert found is not None, "agent/README.md has no table of problems"
    return found[0]


def problem_codes() -> set[str]:
    """Every code that the agent's source gives a problem."""
    found = set()
    for path in Path(sis_agent.__file__).parent.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and getattr(node.func, "id", "") in ("Problem", "ProblemError") and node.args:
                code = node.args[0]
                if isinstance(code, ast.Constant):
                    found.add(str(code.value))
    return found


def _sections(outermost: type, but: tuple[type, ...] = (), page: str = "") -> str:
    """A section for each part; those of `but` stand on that page."""
    places = dict.fromkeys(but, page)
    return "\n".join(
        f"### {part.__name__}\n\n{paragraphs(part.__doc__)}\n\n{fields_table(_fields(part, places))}"
        for part in parts(outermost, but)
    )


def parts(outermost: type, but: tuple[type, ...] = ()) -> Iterator[type]:
    """A type, then each type of a field in it, once; `but` are left out."""
    seen, waiting = set(but), [outermost]
    while waiting:
        part = waiting.pop(0)
        if part not in seen:
            seen.add(part)
            yield part
            waiting += [each for hint in get_type_hints(part).values() for each in _tuples(hint)]


def _tuples(hint: Any) -> Iterator[type]:
    if hasattr(hint, "_fields"):
        yield hint
    for part in get_args(hint):
        yield from _tuples(part)


def _fields(part: Any, places: dict[type, str]) -> Iterator[Field]:
    for name, hint in get_type_hints(part).items():
        default = part._field_defaults.get(name, ...)
        yield Field(name, _words(hint, places), None if default is ... else _default(default))


def _words(hint: Any, places: dict[type, str]) -> str:
    """A type in words."""
    if hint in WORDS:
        return WORDS[hint]
    if hasattr(hint, "_fields"):
        return f"[{hint.__name__}]({places.get(hint, '')}#{anchor(hint.__name__)})"
    kind, parts = get_origin(hint), get_args(hint)
    if kind is Union:
        return " or ".join(_words(each, places) for each in parts)
    if kind is list:
        return f"list of {_words(parts[0], places)}"
    if kind is dict:
        return f"by name: {_words(parts[1], places)}"
    raise TypeError(f"no words for {hint!r}")


def _default(given: Any) -> str:
    return value(schema.to_json(given))
