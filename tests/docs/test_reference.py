"""The generated parts have all that is in the code: each command and option, error, field, variable and name."""

import argparse
import inspect
import json
import re
from typing import Any

import pytest

import sis_edge
from sis_agent import schema
from sis_agent.cli import parser
from sis_edge import errors
from sis_edge.cli.documents import SCHEMAS, schemas

from .site import maker, pages

commands = maker("generated.commands")
EVERY = dict(commands.every())


def page(name: str) -> str:
    return pages()[f"reference/{name}.md"]


def section(markdown: str, heading: str) -> str:
    """What stands below a heading, to the next one."""
    found = re.search(rf"^#+ {re.escape(heading)}\n(.*?)(?=^#|\Z)", markdown, re.MULTILINE | re.DOTALL)
    assert found is not None, heading
    return found[1]


def test_every_command_and_option() -> None:
    missing = []
    for words, command in EVERY.items():
        about = " ".join(section(page("cli"), words).split())
        assert " ".join(command.help.split())[:60] in about, words
        assert f"[`{words}`](#{words.replace(' ', '-')})" in page("cli")
        options = [each for each in command.params if each.name not in commands.OF_ALL and not each.hidden]
        missing += [f"{words} {each.name}" for each in options if " ".join(each.help.split())[:60] not in about]
        named = [name for each in options if each.param_type_name == "option" for name in each.opts]
        missing += [f"{words} {name}" for name in named if name not in about]
    assert missing == []


def test_groups_are_followed() -> None:
    assert {"sis-edge deploy", "sis-edge jobs", "sis-edge jobs list", "sis-edge bundle make"} <= EVERY.keys()


def test_every_error() -> None:
    found = [each for each in vars(errors).values() if isinstance(each, type)]
    for error in found:
        if issubclass(error, errors.SisEdgeError):
            assert re.search(rf"^\| {error.exit_code} \| `{error.__name__}` \| \w", page("errors"), re.MULTILINE)
    assert re.search(r"^\| 130 \|", page("errors"), re.MULTILINE)


@pytest.mark.parametrize(
    ("name", "where"), [("profile", "profile"), ("inventory", "profile"), ("bundle-manifest", "manifest")]
)
def test_every_key_of_a_file(name: str, where: str) -> None:
    found = schemas.schema(name)
    parts: dict[str, Any] = {"": found, **found.get("$defs", {})}
    for title, part in parts.items():
        about = section(page(where), title) if title and "properties" in part else page(where)
        for key in part.get("properties", ()):
            assert re.search(rf"^\| `{key}` \| \S", about, re.MULTILINE), f"{title}.{key}"


@pytest.mark.parametrize("outermost", [schema.Record, schema.Job, schema.Facts, schema.Examination])
def test_every_field_of_the_protocol(outermost: type) -> None:
    where = "agent" if outermost is schema.Examination else "record"
    for part in maker("generated.agent").parts(outermost):
        about = section(page("record" if part is schema.StateSample else where), part.__name__)
        for field in part._fields:
            assert re.search(rf"^\| `{field}` \| \S", about, re.MULTILINE), f"{part.__name__}.{field}"


def test_units_come_from_names() -> None:
    about = section(page("record"), "Facts")
    assert re.search(r"^\| `memory_total_bytes` \| whole number \[bytes\] or null \| `null` \|$", about, re.MULTILINE)
    assert re.search(r"^\| `cpu_max_frequency_hz` \| number \[Hz\] or null \|", about, re.MULTILINE)


def test_every_command_of_the_agent() -> None:
    (found,) = (each for each in parser()._actions if isinstance(each, argparse._SubParsersAction))
    for name in found.choices:
        assert re.search(rf"^\| `sis_agent [^`]*\b{name}\b", page("agent"), re.MULTILINE), name


def test_every_problem_of_the_agent() -> None:
    codes = maker("generated.agent").problem_codes()
    assert {"no-job", "busy", "bug", "disk-full"} <= codes
    assert sorted(code for code in codes if f"`{code}`" not in page("agent")) == []


def test_every_variable() -> None:
    environment = maker("generated.environment")
    assert environment.read() == environment.MEANINGS.keys()
    for name in environment.MEANINGS:
        assert f"| `{name}` |" in page("environment")


def test_every_document() -> None:
    for name in SCHEMAS:
        assert re.search(rf"^\| `{name}` \| \S.* \| \w", page("documents"), re.MULTILINE), name


@pytest.mark.parametrize("name", sis_edge.__all__)
def test_every_name_of_the_python_api(name: str) -> None:
    found = getattr(sis_edge, name)
    about = section(page("python"), f"sis_edge.{name}")
    assert " ".join(found.__doc__.partition("\n\n")[0].split()) in about
    if isinstance(found, type):
        for member, _ in maker("generated.api").members(found):
            assert section(page("python"), f"{name}.{member}").strip(), member
    else:
        assert all(parameter in about for parameter in inspect.signature(found).parameters)


def test_members_are_ours_and_public() -> None:
    names = {name for name, _ in maker("generated.api").members(sis_edge.Run)}
    assert {"rows", "charts", "report"} <= names
    assert not [name for name in names if name.startswith(("_", "model_"))]


def test_defaults_are_as_a_file_has_them() -> None:
    runtime = section(page("profile"), "Runtime")
    assert "| `batch_sizes` | whole number (1 or more) or list of whole number (1 or more) |" in runtime
    (row,) = re.findall(r"^\| `batch_sizes` \|.*\| `(.*?)` \|$", runtime, re.MULTILINE)
    assert json.loads(row) == [1]
