"""`sis-edge.toml` as a model, made of the commands' options: it checks the file, and its schema is for editors."""

from collections.abc import Callable
from typing import Annotated, Any, TypeAlias

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, WithJsonSchema, create_model, model_validator

from sis_edge.config.names import check
from sis_edge.config.options import ConfigOption, Options, Table, children, leaves
from sis_edge.config.refused import REFUSED
from sis_edge.files.model import FrozenModel

Spelling: TypeAlias = Callable[[Table, str], str]
"""How a name in a table is written."""

_ARRAY = {"type": "array", "items": {"type": ["string", "number"]}}


class ConfigTable(FrozenModel):
    """A table of the file; a number is no text, and 1 is not true."""

    model_config = ConfigDict(strict=True)


def file_model(options: Options) -> type[BaseModel]:
    """The model of the file."""

    class ConfigFile(ConfigTable):
        """Defaults of a project (`sis-edge.toml`): a table for each command, [defaults] for all of them."""

        @model_validator(mode="before")
        @classmethod
        def _names(cls, data: Any) -> Any:
            for table, key, value in leaves(data):
                check(table, key, value, options)
            return data

    allowed = {
        table: {key: option for key, option in known.items() if key not in REFUSED} for table, known in options.items()
    }
    return table_model(allowed, ConfigFile, ConfigTable, lambda table, name: name)


def table_model(
    options: Options, base: type[BaseModel], inner: type[BaseModel], spelled: Spelling, path: Table = ()
) -> type[BaseModel]:
    """A subclass of `base` with the keys of this table and the tables in it, which are subclasses of `inner`."""
    fields: dict[str, Any] = {}
    for key, option in options.get(path, {}).items():
        about = Field(
            default=None, alias=spelled(path, key), description=option.help or None, json_schema_extra=_without_null
        )
        fields[_field(key)] = (_kind(option), about)
    for child in children(path, options):
        model = table_model(options, inner, inner, spelled, (*path, child))
        fields[_field(child)] = (model, Field(default=model(), alias=spelled(path, child)))
    about = f"Defaults of `sis-edge {' '.join(path)}`." if path else base.__doc__
    return create_model("".join(map(str.title, path)) or base.__name__, __base__=base, __doc__=about, **fields)


def _without_null(schema: dict[str, Any]) -> None:
    """A key that is left out has no value; TOML has no null."""
    schema.pop("default")


def _field(name: str) -> str:
    """A field's name that is no method's of pydantic's."""
    return f"{name.replace('-', '_')}_"


def _kind(option: ConfigOption) -> Any:
    """The type of an option's value, with its limits."""
    if option.is_listing:
        schema = {"anyOf": [{"type": "string"}, _ARRAY]}
        return Annotated[option.kind, BeforeValidator(_joined), WithJsonSchema(schema)]
    limits: dict[str, Any] = {"ge": option.minimum, "le": option.maximum}
    return Annotated[option.kind, Field(**{name: limit for name, limit in limits.items() if limit is not None})]


def _joined(value: Any) -> Any:
    """An array of names or numbers as the command line has it.

    >>> _joined(["nin", "cifar10-sis1"]), _joined([0, 1]), _joined("nin")
    ('nin,cifar10-sis1', '0,1', 'nin')
    """
    is_array = isinstance(value, list) and all(type(each) in (str, int, float) for each in value)
    return ",".join(map(str, value)) if is_array else value
