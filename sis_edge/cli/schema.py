"""`sis-edge schema`: what the documents of `--json` and the files of sis-edge hold."""

from typing import Annotated

import typer

from sis_edge.cli import complete, options
from sis_edge.cli.command import command

app = typer.Typer()


@command(app)
def schema(
    name: Annotated[
        str | None,
        typer.Argument(
            metavar="[NAME]",
            help="Print the JSON Schema of this name. [default: list the names]",
            autocompletion=complete.one(complete.schemas),
        ),
    ] = None,
    as_json: options.Json = False,
) -> None:
    """Print the JSON Schema of a command's --json output, or of a file: run, manifest, profile, boards, defaults."""
    from sis_edge.cli import console
    from sis_edge.cli.documents import schemas
    from sis_edge.report.grid import grid

    if name is not None:
        console.data(schemas.schema(name))
        return
    found = schemas.listed()
    if as_json:
        console.document(found)
        return
    headings = ("schema", "describes")
    lines = [(each.name, each.describes) for each in found.schemas]
    console.out.print(grid(headings, lines, words=headings, whole=["schema"]))
