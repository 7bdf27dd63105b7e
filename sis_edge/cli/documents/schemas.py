"""The schemas themselves: JSON Schema (2020-12) of every document, and of files that programs may read."""

from typing import Any, Literal

from pydantic import BaseModel
from pydantic.json_schema import GenerateJsonSchema, JsonSchemaMode, JsonSchemaValue
from pydantic_core import core_schema

from sis_edge.cli.documents import FILES, SCHEMAS
from sis_edge.cli.documents.base import Document, Part


class SchemaName(Part):
    """One schema: `command` prints such a document, null for a file's schema."""

    name: str
    describes: str
    command: str | None


class SchemasDocument(Document):
    """`sis-edge schema --json`: the schemas that `sis-edge schema NAME` prints."""

    document: Literal["schemas"] = "schemas"
    schemas: tuple[SchemaName, ...]


class _Objects(GenerateJsonSchema):
    """NamedTuples are written as objects by their fields' names (`sis_agent.schema.to_json`), not as lists."""

    def arguments_schema(self, schema: core_schema.ArgumentsSchema) -> JsonSchemaValue:
        arguments = schema["arguments_schema"]
        return self.kw_arguments_schema(arguments, schema.get("var_kwargs_schema"))


def listed() -> SchemasDocument:
    """All names, each with what it describes."""
    found = []
    for name in SCHEMAS:
        model = SCHEMAS[name]
        command = None if name in FILES else _command(name)
        reasons = {"command": "a file's schema"} if command is None else {}
        found.append(SchemaName(name=name, describes=_first_line(model), command=command, reasons=reasons))
    return SchemasDocument(schemas=tuple(found))


def schema(name: str) -> dict[str, Any]:
    """The JSON Schema of that name; raises UsageError with the known names."""
    model = SCHEMAS.find(name)
    mode: JsonSchemaMode = "validation" if name in FILES else "serialization"
    found: dict[str, Any] = model.model_json_schema(mode=mode, schema_generator=_Objects)
    return {"$schema": _Objects.schema_dialect, "$id": f"sis-edge:{name}"} | found


def _command(name: str) -> str:
    return {"schemas": "schema", "self-check": "bench --self-check"}.get(name, name.replace("-", " "))


def _first_line(model: type[BaseModel]) -> str:
    line = (model.__doc__ or "").strip().splitlines()[0]
    return line.partition(": ")[2] or line
