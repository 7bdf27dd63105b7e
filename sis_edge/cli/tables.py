"""The options of all commands as tables of `sis-edge.toml`: none is listed twice."""

import inspect
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any, get_args

from sis_edge.cli.configured import ConfiguredCommand, ConfiguredGroup, configurable
from sis_edge.config import ConfigOption, Table, with_defaults

if TYPE_CHECKING:
    from pydantic import BaseModel


def tables(root: Any) -> dict[Table, Mapping[str, ConfigOption]]:
    """The tables that a file may have, for the commands below this one."""
    return with_defaults(dict(_commands(root)))


def model() -> "type[BaseModel]":
    """What a file holds."""
    from sis_edge.cli import _command
    from sis_edge.config.file import file_model

    return file_model(tables(_command()))


def _commands(command: Any, path: Table = ()) -> Iterator[tuple[Table, Mapping[str, ConfigOption]]]:
    if isinstance(command, ConfiguredCommand | ConfiguredGroup) and not command.hidden:
        found = inspect.signature(command.callback).parameters if command.callback else {}
        options = {key: _option(key, param, found[param.name]) for key, param in configurable(command).items()}
        if options:
            yield path, options
    for name, each in getattr(command, "commands", {}).items():
        yield from _commands(each, (*path, name))


def _option(key: str, param: Any, declared: inspect.Parameter) -> ConfigOption:
    takes, about = get_args(declared.annotation)[:2]
    return ConfigOption(key, takes, param.help or "", about.metavar, about.min, about.max)


def built_in(root: Any, path: Table) -> dict[str, Any]:
    """The own defaults of a command's options, by key."""
    command = root
    for name in path:
        command = command.commands[name]
    return {key: param.default for key, param in configurable(command).items()}
