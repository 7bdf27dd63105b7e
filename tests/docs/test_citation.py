"""CITATION.cff has what its format (1.2.0) requires, and says what the package says."""

import tomllib

import jsonschema
import yaml

import sis_edge

from .site import text

ENTITY = {"type": "object", "required": ["name"], "properties": {"name": {"type": "string", "minLength": 1}}}
PERSON = {"type": "object", "required": ["family-names", "given-names"]}
SCHEMA = {
    "type": "object",
    "required": ["cff-version", "message", "title", "authors"],
    "additionalProperties": False,
    "properties": {
        "cff-version": {"const": "1.2.0"},
        "message": {"type": "string", "minLength": 1},
        "title": {"type": "string", "minLength": 1},
        "type": {"enum": ["software", "dataset"]},
        "abstract": {"type": "string", "minLength": 1},
        "authors": {"type": "array", "minItems": 1, "uniqueItems": True, "items": {"anyOf": [PERSON, ENTITY]}},
        "version": {"type": ["string", "number"]},
        "license": {"type": "string"},
        "keywords": {"type": "array", "minItems": 1, "uniqueItems": True, "items": {"type": "string"}},
    },
}
"""What it uses of the format's own schema."""


def test_the_citation() -> None:
    found = yaml.safe_load(text("CITATION.cff"))
    jsonschema.validate(found, SCHEMA)
    assert found["version"] == sis_edge.__version__
    project = tomllib.loads(text("pyproject.toml"))["project"]
    assert (found["title"], found["license"]) == (project["name"], project["license"])


def test_llms_txt_has_the_form() -> None:
    """A title, a quoted summary, then sections of links: llmstxt.org."""
    lines = text("llms.txt").splitlines()
    assert lines[0] == "# sis-edge"
    assert lines[2].startswith("> ")
    sections = [line for line in lines if line.startswith("#")][1:]
    assert sections
    assert all(line.startswith("## ") for line in sections)
    body = "\n".join(lines).partition("\n## ")[2]
    assert all(line.startswith(("- [", "  ", "## ")) or not line for line in ("## " + body).splitlines())
