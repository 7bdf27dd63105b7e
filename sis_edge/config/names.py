"""Whether a table and its key are known and allowed; what is wrong is said with what was meant."""

from typing import Any

from sis_edge.config.options import DEFAULTS, Options, Table, children, commands_with
from sis_edge.config.refused import REFUSED
from sis_edge.errors import nearest


def check(table: Table, key: str, value: Any, options: Options) -> None:
    """Raise ValueError for what a file may not have; its text begins with the place."""
    _check_table(table, options)
    place = ".".join((*table, key))
    if key in children(table, options):
        raise ValueError(f"{place} is a value, and must be a table: [{place}]")
    if not table:
        raise ValueError(f"{place} is in no table; write it below [defaults] or a command, such as [bench]")
    if key in REFUSED and commands_with(key, options):
        raise ValueError(f"{place} is not taken from a file, since {REFUSED[key]}; name --{key} on the command line")
    check_key(table, key, place, options)


def check_key(table: Table, key: str, place: str, options: Options) -> None:
    """Raise ValueError for an option that the command does not have."""
    known = options.get(table, {})
    if key in known:
        return
    if table == DEFAULTS and (having := commands_with(key, options)):
        raise ValueError(
            f"{place} is not the same in every command that has it; write it below theirs: {', '.join(having)}"
        )
    command = " ".join(("sis-edge", *table)) if table != DEFAULTS else "any command"
    raise ValueError(f"{place} is no option of {command}{_meant(key, [*known, *children(table, options)])}")


def _check_table(table: Table, options: Options) -> None:
    for depth, name in enumerate(table):
        place, above = ".".join(table[: depth + 1]), table[:depth]
        known = children(above, options)
        if name in known:
            continue
        if name in options.get(above, {}):
            raise ValueError(f"{place} is a table, and must be a value")
        raise ValueError(f"{place} is the table of no command that has options{_meant(name, known)}")


def _meant(name: str, known: list[str]) -> str:
    meant = " or ".join(nearest(name, known))
    return f"; did you mean {meant}?" if meant else f"; known: {', '.join(known) or 'none'}"
