"""Variables of the environment as options: each is read as what its option takes."""

import json
import os
from collections.abc import Iterator
from difflib import get_close_matches
from typing import Any, get_origin

from pydantic import ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict, SettingsError

from sis_edge.config.file import table_model
from sis_edge.config.options import Options, Table, leaves
from sis_edge.config.variables import DIVIDER, PREFIX, capitals, variable, variables
from sis_edge.errors import UsageError
from sis_edge.files.model import FrozenModel
from sis_edge.files.validation import mistake


class VariableTable(FrozenModel):
    """What variables say of one command."""


class Variables(BaseSettings):
    """Defaults of options from the environment."""

    model_config = SettingsConfigDict(
        frozen=True,
        extra="forbid",
        allow_inf_nan=False,
        case_sensitive=True,
        env_nested_delimiter=DIVIDER,
        env_ignore_empty=True,
    )


def read(options: Options) -> Iterator[tuple[str, Table, str, Any]]:
    """Every variable that is set, with the table and the key that it stands for, and its value.

    Raises UsageError that names the variable and what is wrong with it.
    """
    known = {variable(table, key): (table, key) for table, keys in options.items() for key in keys}
    for name in variables():
        _check(name, known, options)
    tables = {known[name][0] for name in variables()}
    model = table_model({table: options[table] for table in tables}, Variables, VariableTable, _spelled)
    try:
        found = model().model_dump(exclude_unset=True, by_alias=True)
    except ValidationError as error:
        raise UsageError("; ".join(_sentence(item, model) for item in error.errors(include_url=False))) from None
    except SettingsError as error:
        raise UsageError(f"a variable of the environment cannot be read: {error}") from None
    for path, key, value in leaves(found):
        name = DIVIDER.join((*path, key))
        yield (name, *known[name], value)


def _check(name: str, known: dict[str, tuple[Table, str]], options: Options) -> None:
    """Raise UsageError for a variable of no option, and for a list that is none."""
    if name not in known:
        meant = get_close_matches(name, known, n=1, cutoff=0.8)
        valid = f"did you mean {meant[0]}?" if meant else f"a name is {PREFIX}COMMAND{DIVIDER}OPTION"
        raise UsageError(f"the variable {name} is for no option; {valid}")
    table, key = known[name]
    if get_origin(options[table][key].kind) is list and os.environ[name] and not _is_list(os.environ[name]):
        raise UsageError(f'{name} is \'{os.environ[name]}\', and must be a list as JSON, such as ["a", "b"]')


def _is_list(text: str) -> bool:
    try:
        return isinstance(json.loads(text), list)
    except (ValueError, RecursionError):
        return False


def _sentence(item: Any, model: Any) -> str:
    place = DIVIDER.join(part for part in item["loc"] if isinstance(part, str))
    return f"{place}: {mistake(item, model)}"


def _spelled(table: Table, name: str) -> str:
    return capitals(name) if table else f"{PREFIX}{capitals(name)}"
