"""The options of commands as tables and keys of `sis-edge.toml`: bench's `--target-ci` is `target-ci` in `[bench]`."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import NoneType, UnionType
from typing import Any, TypeAlias, Union, get_args, get_origin

Table: TypeAlias = tuple[str, ...]
"""A command's words, or DEFAULTS."""

DEFAULTS: Table = ("defaults",)
"""The table whose keys hold for every command that has such an option."""

LISTINGS = frozenset({"NAMES", "LIST", "SHARES", "METRICS"})
"""What the help calls a text with commas between, which a file may have as an array."""


@dataclass(frozen=True)
class ConfigOption:
    """An option of one command; `key` is its name on the command line without the dashes before it.

    `takes` is the type that the command line makes of it, such as `int | None`; `metavar` is what the help calls its
    value.
    """

    key: str
    takes: Any
    help: str = ""
    metavar: str | None = None
    minimum: float | None = None
    maximum: float | None = None

    @property
    def kind(self) -> Any:
        """What TOML has for it: int, float, bool, str, a Literal, or a list of these; a path is a text."""
        return _plain(_given(self.takes))

    @property
    def is_path(self) -> bool:
        """Whether it is a file or a folder, or several."""
        return Path in (found := _given(self.takes), *get_args(found))

    @property
    def names_file(self) -> bool:
        """Whether it is a text with a file in it: FILE, or NAME=FILE."""
        return self.metavar == "FILE" and not self.is_path

    @property
    def is_listing(self) -> bool:
        """Whether it is a text with commas between."""
        return self.kind is str and self.metavar in LISTINGS


Options: TypeAlias = Mapping[Table, Mapping[str, ConfigOption]]
"""The options of every command by their keys."""


def with_defaults(commands: Options) -> dict[Table, Mapping[str, ConfigOption]]:
    """The tables of a file: [defaults], with the keys that take the same in all commands that have them, and one for
    each command.
    """
    by_key: dict[str, list[ConfigOption]] = {}
    for options in commands.values():
        for key, option in options.items():
            by_key.setdefault(key, []).append(option)
    alike = {key: found[0] for key, found in by_key.items() if len(set(map(_takes, found))) == 1}
    return {DEFAULTS: alike, **commands}


def commands_with(key: str, options: Options) -> list[str]:
    """The commands that have such an option."""
    return [".".join(table) for table, known in options.items() if key in known and table != DEFAULTS]


def children(path: Table, options: Options) -> list[str]:
    """The names of the tables directly in this one, in their order."""
    depth = len(path)
    return list(dict.fromkeys(each[depth] for each in options if len(each) > depth and each[:depth] == path))


def leaves(data: Mapping[str, Any], path: Table = ()) -> Iterator[tuple[Table, str, Any]]:
    """Every value of nested tables with its table and key."""
    for key, value in data.items():
        if isinstance(value, Mapping):
            yield from leaves(value, (*path, key))
        else:
            yield path, key, value


def _takes(option: ConfigOption) -> tuple[Any, ...]:
    return option.kind, option.is_path, option.is_listing, option.minimum, option.maximum


def _given(takes: Any) -> Any:
    """The type without None, which stands for an option that is left out.

    >>> _given(int | None), _given(str)
    (<class 'int'>, <class 'str'>)
    """
    if get_origin(takes) in (Union, UnionType):
        (found,) = (each for each in get_args(takes) if each is not NoneType)
        return found
    return takes


def _plain(takes: Any) -> Any:
    """The type in TOML.

    >>> _plain(Path), _plain(list[Path]), _plain(int)
    (<class 'str'>, list[str], <class 'int'>)
    """
    if get_origin(takes) is list:
        (item,) = get_args(takes)
        return list[_plain(item)]  # type: ignore[misc]
    return str if takes is Path else takes
