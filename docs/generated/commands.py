"""The command line, from Typer: every command with its arguments and options."""

from collections.abc import Iterator
from typing import Any

import typer

from generated.text import paragraphs, table
from sis_edge.cli import app
from sis_edge.cli.documents import FILES, SCHEMAS

OF_ALL = ("quiet", "verbose", "help")
"""Options of every command, which the page explains once."""


def every() -> Iterator[tuple[str, Any]]:
    """Each command with the words that call it, groups left out."""
    yield from _below(typer.main.get_command(app), "sis-edge")


def _below(group: Any, words: str) -> Iterator[tuple[str, Any]]:
    for name, command in group.commands.items():
        path = f"{words} {name}"
        if not hasattr(command, "commands"):
            yield path, command
            continue
        if command.invoke_without_command:
            yield path, command
        yield from _below(command, path)


def table_of_commands() -> str:
    """Each command with the first sentence of its help."""
    rows = (
        (f"[`{words}`](#{words.replace(' ', '-')})", command.get_short_help_str(1000)) for words, command in every()
    )
    return table(("command", "what it does"), rows)


def reference() -> str:
    """Each command: its help, its usage, and a table of its arguments and options."""
    return "\n".join(_section(words, command) for words, command in every())


def _section(words: str, command: Any) -> str:
    context = command.make_context(words, [], resilient_parsing=True)
    context.info_name = words
    usage = " ".join((words, *command.collect_usage_pieces(context)))
    lines = [f"## {words}\n", f"{paragraphs(command.help)}\n", f"```text\n{usage}\n```\n"]
    records = [each.get_help_record(context) for each in command.get_params(context) if each.name not in OF_ALL]
    if rows := [(f"`{names}`", text) for names, text in filter(None, records)]:
        lines.append(table(("argument or option", "what it does"), rows))
    name = words.removeprefix("sis-edge ").replace(" ", "-")
    if name in SCHEMAS and name not in FILES:
        lines.append(f"`--json` prints the document [`{name}`](documents.md).\n")
    return "\n".join(lines)
