"""All values that options have without standing on the command line, and where each is from; the strongest first."""

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias

from sis_edge.config.options import DEFAULTS, ConfigOption, Options, Table, leaves
from sis_edge.config.refused import check_found
from sis_edge.config.variables import variables
from sis_edge.files.home import expanded

Rank: TypeAlias = int
"""Of two values the one with the lower rank holds."""

COMMAND_LINE: Rank = 0

ADVICE = "; --no-config reads none"


@dataclass(frozen=True)
class Setting:
    """A value that a variable of the environment has, or a line of the file at `path`."""

    table: Table
    key: str
    value: Any
    variable: str | None = None
    path: Path | None = None
    line: int | None = None

    @property
    def rank(self) -> Rank:
        """The environment before the file, and in each of them the command's own table before [defaults]."""
        return 1 + 2 * (self.variable is None) + (self.table == DEFAULTS)

    @property
    def place(self) -> str:
        """The variable, or file and line."""
        return self.variable or f"{self.path}, line {self.line}"


@dataclass(frozen=True)
class Configuration:
    """All settings, the strongest first, and the file that was read; None where there is none.

    `is_named` says of the file that the user named it, and vouches for it.
    """

    path: Path | None = None
    settings: tuple[Setting, ...] = ()
    is_named: bool = False

    def of(self, command: Table) -> dict[str, Setting]:
        """What holds for a command, by key; keys of [defaults] that it does not have are among them."""
        found: dict[str, Setting] = {}
        for setting in self.settings:
            if setting.table in (command, DEFAULTS):
                found.setdefault(setting.key, setting)
        return found


def read(options: Options, path: Path | None, *, is_named: bool = False) -> Configuration:
    """The settings of the environment, and of this file, which the user named or which was found.

    Raises UsageError that names the variable, or file and line, and what is wrong there.
    """
    lines = [] if path is None else list(_lines(options, path))
    for each in () if is_named else lines:
        check_found(each.key, each.value, each.place)
    found = sorted([*_variables(options), *lines], key=lambda setting: setting.rank)
    return Configuration(path, tuple(found), is_named)


def _variables(options: Options) -> Iterator[Setting]:
    if not variables():
        return
    from sis_edge.config import environment

    for name, table, key, value in environment.read(options):
        yield Setting(table, key, value, variable=name)


def _lines(options: Options, path: Path) -> Iterator[Setting]:
    from sis_edge.config.file import file_model
    from sis_edge.files.toml_lines import line_of
    from sis_edge.files.validation import load_toml

    file, text = load_toml(path, "configuration", file_model(options), ADVICE)
    for table, key, value in leaves(file.model_dump(exclude_unset=True, by_alias=True)):
        here = _from_here(value, options[table][key], path.absolute().parent)
        yield Setting(table, key, here, path=path, line=line_of(text, (*table, key)))


def _from_here(value: Any, option: ConfigOption, folder: Path) -> Any:
    """The value with its paths, which count from the file's folder, as the current folder has them.

    A text is one where it is a FILE, after the name in NAME=FILE, or ends in .toml, as profiles and networks may.
    """
    if isinstance(value, list):
        return [_from_here(each, option, folder) for each in value]
    if option.names_file:
        name, equals, file = value.rpartition("=")
        return f"{name}{equals}{_path(file, folder)}"
    is_path = option.is_path or (isinstance(value, str) and value.endswith(".toml"))
    return _path(value, folder) if is_path else value


def _path(text: str, folder: Path) -> str:
    path = expanded(Path(text))
    return str(path) if path.is_absolute() else os.path.relpath(folder / path)
