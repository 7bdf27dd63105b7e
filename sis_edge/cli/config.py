"""`sis-edge config`: the defaults that a project and the environment give to options."""

from typing import TYPE_CHECKING, Annotated, Any

import typer

from sis_edge.cli import complete, options
from sis_edge.cli.command import command, group

if TYPE_CHECKING:
    from sis_edge.cli.documents.config import ConfigShowDocument, ShownSetting

app, _config = group("config", "Show the defaults that sis-edge.toml and the environment give to options.")

NOTHING = (
    "nothing is set: there is no sis-edge.toml here or in a folder above, nor a variable such as {variable}; "
    "`sis-edge config show COMMAND` shows a command's own defaults"
)


@command(_config)
def show(
    context: typer.Context,
    words: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[COMMAND]...",
            help="Show all options of this command, such as fleet deploy. [default: what is set, for any command]",
            autocompletion=complete.one(complete.commands),
        ),
    ] = None,
    as_json: options.Json = False,
) -> None:
    """Show which value each option has where the command line has none, and where that value is from."""
    from sis_edge.cli import configured, console, tables
    from sis_edge.cli.documents.config import of_command, shown
    from sis_edge.config import DEFAULTS
    from sis_edge.errors import unknown

    root, configuration = context.find_root().command, configured.current(context)
    if words:
        known, path = tables.tables(root), tuple(words)
        if path not in known or path == DEFAULTS:
            names = [" ".join(each) for each in known if each != DEFAULTS]
            raise unknown("command with options", " ".join(path), names, "sis-edge --help")
        found = of_command(configuration, path, known[path], tables.built_in(root, path))
    else:
        found = shown(configuration)
    if as_json:
        console.document(found)
    else:
        _show(found)


def _show(found: "ConfigShowDocument") -> None:
    from sis_edge.cli.console import out
    from sis_edge.config import variable
    from sis_edge.report.grid import grid

    if not found.settings:
        out.print(NOTHING.format(variable=variable(("bench",), "threads")), soft_wrap=True)
        return
    headings = ("command", "option", "value", "from")
    lines = [(each.command or "all", f"--{each.option}", _value(each), _from(each)) for each in found.settings]
    out.print(grid(headings, lines, title=found.path or "", words=headings, whole=headings[:2]))


def _value(setting: "ShownSetting") -> str:
    value: Any = setting.value
    if value is None:
        return f"({setting.reasons['value']})"
    if isinstance(value, bool):
        return str(value).lower()
    return ", ".join(value) if isinstance(value, tuple) else str(value)


def _from(setting: "ShownSetting") -> str:
    place = setting.variable or (f"line {setting.line}" if setting.line else setting.source)
    return f"{place} (overridden: {setting.overridden_by})" if setting.overridden_by else place
