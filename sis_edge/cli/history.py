"""`sis-edge history`: how latency, accuracy and energy of each network changed over the stored runs."""

from pathlib import Path
from typing import Annotated, Literal

import typer

from sis_edge.cli import options
from sis_edge.cli.command import command
from sis_edge.cli.stored import summarized

app = typer.Typer()


@command(app, excludes={"as_json": ("form",)})
def history(
    board: Annotated[
        str | None,
        typer.Option(metavar="TEXT", help="Only boards whose address, host name, model or profile holds this text."),
    ] = None,
    network: Annotated[
        str | None, typer.Option(metavar="NAME", help="Only this network, in all of its forms or in one.")
    ] = None,
    form: Annotated[
        Literal["table", "csv", "json", "html"],
        typer.Option("--format", help="What to print; html writes REPORTS/history/index.html."),
    ] = "table",
    runs_dir: options.RunsDir = Path("runs"),
    reports_dir: options.ReportsDir = Path("reports"),
    as_json: options.Json = False,
) -> None:
    """Show each network's stored runs over time on each board: changes of level, gaps, other versions."""
    from sis_edge.cli import console
    from sis_edge.cli.documents.history import history as document
    from sis_edge.errors import RecordError
    from sis_edge.history import series, tables
    from sis_edge.report.grid import of_table

    found = series.series(summarized(runs_dir), board, network)
    if not found:
        asked = " and ".join(filter(None, (board and f"--board {board}", network and f"--network {network}")))
        raise RecordError(f"no stored run in {runs_dir} is of {asked}; `sis-edge history` without it shows all")
    if as_json or form == "json":
        console.document(document(found))
    elif form == "csv":
        typer.echo(tables.to_csv(found), nl=False)
    elif form == "html":
        typer.echo(str(tables.page(found, reports_dir / "history")))
    else:
        for table in map(tables.narrow, tables.tables(found)):
            console.out.print(of_table(table, whole=tables.WHOLE))
            for note in table.notes:
                console.out.print(note, soft_wrap=True)
        console.out.print("\n".join(tables.NOTES), soft_wrap=True)
