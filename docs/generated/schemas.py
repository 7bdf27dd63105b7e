"""Files that people and programs write and read, from their JSON Schemas: profile, inventory, manifest, stored run."""

from collections.abc import Iterator
from typing import Any

from generated.text import Field, anchor, fields_table, paragraphs, table, value
from sis_edge.cli.documents import schemas

WORDS = {"string": "text", "integer": "whole number", "number": "number", "boolean": "true or false", "null": "null"}
LIMITS = {
    "minimum": "{} or more",
    "exclusiveMinimum": "above {}",
    "maximum": "{} or less",
    "exclusiveMaximum": "below {}",
}
JSON = {"object": "object", "array": "list"}


def profile() -> str:
    """Every table and key of a profile."""
    return _sections(schemas.schema("profile"), "key")


def inventory() -> str:
    """Every key of `boards.toml`."""
    return _sections(schemas.schema("inventory"), "key")


def manifest() -> str:
    """Every field of a bundle's manifest."""
    return _sections(schemas.schema("bundle-manifest"), "field")


def stored_run() -> str:
    """The outermost fields of a stored run; its manifest and its record have pages of their own."""
    found = schemas.schema("stored-run")
    links = {"Manifest": "[Manifest](manifest.md)", "Record": "[Record](#record)"}
    return fields_table(_fields(found, links.get))


def documents() -> str:
    """Every schema with the command that prints such a document."""
    rows = (
        (f"`{each.name}`", f"`sis-edge {each.command}`" if each.command else "a file", each.describes)
        for each in schemas.listed().schemas
    )
    return table(("schema", "printed by", "describes"), rows)


def _sections(schema: dict[str, Any], heading: str) -> str:
    """The outermost table, then one for each kind of part, in alphabetical order."""
    parts = {"": schema} | {name: part for name, part in schema.get("$defs", {}).items() if "properties" in part}
    known = {name: f"[{name}](#{anchor(name)})" for name in parts if name}
    sections = []
    for name, part in parts.items():
        title = f"### {name}\n\n" if name else ""
        about = paragraphs(part.get("description"))
        sections.append(f"{title}{about}\n\n{fields_table(_fields(part, known.get), heading)}")
    return "\n".join(sections)


def _fields(schema: dict[str, Any], link: Any) -> Iterator[Field]:
    required = schema.get("required", ())
    for name, part in schema["properties"].items():
        default = None if name in required else value(part.get("default"))
        yield Field(name, _type(part, link, schema), default)


def _type(part: dict[str, Any], link: Any, root: dict[str, Any]) -> str:
    """A field's type in words."""
    if "$ref" in part:
        name = part["$ref"].rpartition("/")[2]
        return link(name) or name
    if "anyOf" in part or "oneOf" in part:
        kinds = (_type(each, link, root) for each in part.get("anyOf") or part["oneOf"])
        return " or ".join(dict.fromkeys(kinds))
    if "const" in part or "enum" in part:
        return " or ".join(value(each) for each in part.get("enum") or [part["const"]])
    if part.get("type") == "array":
        return _list(part, link, root)
    if part.get("type") == "object":
        more = part.get("additionalProperties")
        return f"by name: {_type(more, link, root)}" if isinstance(more, dict) else "object"
    word = WORDS.get(part.get("type", ""), "anything")
    if "minimum" in part and part["minimum"] == part.get("maximum"):
        return value(part["minimum"])
    limits = [text.format(part[key]) for key, text in LIMITS.items() if key in part]
    if "pattern" in part:
        limits.append(f"as `{part['pattern']}`")
    return f"{word} ({', '.join(limits)})" if limits else word


def _list(part: dict[str, Any], link: Any, root: dict[str, Any]) -> str:
    items = part.get("items") or {}
    least = f" ({part['minItems']} or more)" if part.get("minItems") else ""
    return f"list{least} of {_type(items, link, root)}"
