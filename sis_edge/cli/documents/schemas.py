"""The schemas themselves: JSON Schema (2020-12) of every document, and of files that programs may read."""

from typing import Any, Literal

from pydantic import BaseModel
from pydantic.json_schema import GenerateJsonSchema, JsonSchemaMode, JsonSchemaValue
from pydantic_core import core_schema

from sis_agent.schema import Preprocess, Resize
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

    def named_tuple_schema(self, schema: Any) -> JsonSchemaValue:
        """An object instead of a list."""
        fields = [core_schema.arguments_parameter(field["name"], field["schema"]) for field in schema["fields"]]
        return self._written(schema["cls"], fields)

    def call_schema(self, schema: core_schema.CallSchema) -> JsonSchemaValue:
        """The same for releases of pydantic to which a NamedTuple is a call of its class."""
        arguments: Any = schema["arguments_schema"]
        return self._written(schema["function"], arguments["arguments_schema"])

    def _written(self, cls: object, fields: list[core_schema.ArgumentsParameter]) -> JsonSchemaValue:
        as_object = self.kw_arguments_schema(fields, None)
        if cls not in (Preprocess, Resize):
            return as_object
        return {"anyOf": [as_object, self.p_arguments_schema(fields, None)]}  # in manifests pydantic writes a list


def listed() -> SchemasDocument:
    """All names, each with what it describes."""
    found = []
    for name in SCHEMAS:
        model = _model(name)
        command = None if name in FILES else _command(name)
        reasons = {"command": "a file's schema"} if command is None else {}
        found.append(SchemaName(name=name, describes=_first_sentence(model), command=command, reasons=reasons))
    return SchemasDocument(schemas=tuple(found))


def schema(name: str) -> dict[str, Any]:
    """The JSON Schema of that name; raises UsageError with the known names."""
    model = _model(name)
    mode: JsonSchemaMode = "validation" if name in FILES else "serialization"
    found: dict[str, Any] = model.model_json_schema(mode=mode, schema_generator=_Objects)
    return {"$schema": _Objects.schema_dialect, "$id": f"sis-edge:{name}"} | found


def _model(name: str) -> type[BaseModel]:
    """The model of that name; one whose fields depend on what is installed is made now."""
    found = SCHEMAS.find(name)
    model: type[BaseModel] = found if isinstance(found, type) else found()
    return model


_COMMANDS = {
    "schemas": "schema",
    "self-check": "bench --self-check",
    "export-run": "export-run",
    "import-run": "import-run",
    "cancel": "deploy --cancel",
    "detach": "deploy --detach",
}
"""Documents that are not named after their command."""


def _command(name: str) -> str:
    return _COMMANDS.get(name, name.replace("-", " "))


def _first_sentence(model: type[BaseModel]) -> str:
    sentence = " ".join((model.__doc__ or "").split()).partition(". ")[0].removesuffix(".")
    if sentence.startswith("`sis-edge"):
        sentence = sentence.partition(": ")[2]
    return f"{sentence[:1].upper()}{sentence[1:]}"
