"""The document of `config show`: what options are set to, and by what."""

import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, Literal

from sis_edge.cli.documents.base import Document, Part, known
from sis_edge.config import DEFAULTS, ConfigOption, Configuration, Setting, Table

EVERY = "every command that has this option"
OPEN = "left open"


class ShownSetting(Part):
    """What an option is set to, for a command, or for every command that has the option (null).

    `source` says by what: a variable of the environment, a line of the file, or the command's own default, which may be
    left open (null). `overridden_by` is the variable or line of a stronger setting of the same option and command.
    """

    command: str | None
    option: str
    value: bool | int | float | str | tuple[str, ...] | None
    source: Literal["environment", "file", "default"]
    variable: str | None
    line: int | None
    overridden_by: str | None


class ConfigShowDocument(Document):
    """`sis-edge config show --json`: which value each option has where the command line has none, and where from."""

    document: Literal["config-show"] = "config-show"
    path: str | None
    settings: tuple[ShownSetting, ...]


def shown(configuration: Configuration) -> ConfigShowDocument:
    """All that is set, the strongest first."""
    strongest: dict[tuple[Table, str], Setting] = {}
    for setting in configuration.settings:
        strongest.setdefault((setting.table, setting.key), setting)
    found = (_set(each, each.table, strongest[each.table, each.key]) for each in configuration.settings)
    return _document(configuration, found)


def of_command(
    configuration: Configuration, command: Table, options: Mapping[str, ConfigOption], built_in: Mapping[str, Any]
) -> ConfigShowDocument:
    """Every option of a command; `built_in` are its own defaults, by key."""
    held = configuration.of(command)
    found = (
        _set(held[key], command, held[key]) if key in held else _default(command, option, built_in[key])
        for key, option in options.items()
    )
    return _document(configuration, found)


def _document(configuration: Configuration, settings: Iterable[ShownSetting]) -> ConfigShowDocument:
    path = None if configuration.path is None else str(configuration.path)
    about = known(path=(path, "there is no sis-edge.toml, or it is not to be read"))
    return ConfigShowDocument(settings=tuple(settings), **about)


def _set(setting: Setting, table: Table, strongest: Setting) -> ShownSetting:
    command = None if table == DEFAULTS else " ".join(table)
    overridden_by = None if strongest is setting else strongest.place
    about = known(
        command=(command, EVERY),
        variable=(setting.variable, "a line of the file"),
        line=(setting.line, "a variable of the environment"),
        overridden_by=(overridden_by, "nothing stronger is set"),
    )
    return ShownSetting(
        option=setting.key,
        value=_plain(setting.value),
        source="file" if setting.variable is None else "environment",
        **about,
    )


def _default(command: Table, option: ConfigOption, value: Any) -> ShownSetting:
    """A command's own default; where it is left open, its help may say what that means."""
    says = re.search(r"\[default: ([^]]*)\]", option.help)
    own = "the command's own default"
    about = known(
        value=(_plain(value), says[1] if says else OPEN),
        variable=(None, own),
        line=(None, own),
        overridden_by=(None, own),
    )
    return ShownSetting(command=" ".join(command), option=option.key, source="default", **about)


def _plain(value: Any) -> Any:
    """A value as JSON has it."""
    if isinstance(value, list | tuple):
        return tuple(map(str, value))
    return str(value) if isinstance(value, Path) else value
