"""How a command prints what it found: for people, as Markdown or CSV, or as the document of --json."""

from typing import Annotated, Literal

import typer

from sis_edge.cli.command import OUTPUT
from sis_edge.errors import UsageError

FormatName = Literal["text", "markdown", "csv", "json"]

Format = Annotated[
    FormatName,
    typer.Option(
        "--format",
        help="Output format; json is the document of --json.",
        rich_help_panel=OUTPUT,
    ),
]


def chosen(format: FormatName, as_json: bool) -> FormatName:
    """The format by both options; raises UsageError where they disagree."""
    if as_json and format not in ("text", "json"):
        raise UsageError(f"--json and --format {format} exclude each other; leave one out")
    return "json" if as_json else format
