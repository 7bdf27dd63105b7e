"""`sis-edge query`: SQL over all stored runs."""

from pathlib import Path
from typing import Annotated, Literal

import typer

from sis_edge.cli import options
from sis_edge.cli.command import command
from sis_edge.cli.stored import summarized

app = typer.Typer()


@command(app, excludes={"as_json": ("form",), "describe": ("sql", "form", "as_json", "runs_dir")})
def query(
    sql: Annotated[
        str | None,
        typer.Argument(metavar="[SQL]", help="One SELECT, as duckdb reads it; - reads it from standard input."),
    ] = None,
    form: Annotated[Literal["table", "csv", "json"], typer.Option("--format", help="What to print.")] = "table",
    describe: Annotated[bool, typer.Option("--schema", help="Print the views and their columns.")] = False,
    runs_dir: options.RunsDir = Path("runs"),
    as_json: options.Json = False,
) -> None:
    """Query all stored runs by SQL: views of runs, networks, versions, rounds and samples; nothing is written."""
    from sis_edge.cli import console
    from sis_edge.cli.documents.query import answer as document
    from sis_edge.cli.progress import bars
    from sis_edge.errors import UsageError
    from sis_edge.query import formats, running
    from sis_edge.report.grid import of_table

    if describe:
        for view in formats.schema():
            console.out.print(of_table(view))
            if view.caption:
                console.out.print(view.caption)
        return
    if sql is None:
        raise UsageError('name a SELECT, as in `sis-edge query "SELECT * FROM runs"`; `--schema` lists the views')
    text = typer.get_text_stream("stdin").read() if sql == "-" else sql
    with bars("query") as shown:
        found = running.run(text, lambda: summarized(runs_dir), shown.show)
    if as_json or form == "json":
        console.document(document(found))
    elif form == "csv":
        typer.echo(formats.to_csv(found), nl=False)
    else:
        console.out.print(formats.table(found))
