"""`sis-edge compare`: two stored runs, or the networks of one, against each other."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from sis_edge.cli import formats, options
from sis_edge.cli.command import command

if TYPE_CHECKING:
    from sis_edge.results.two_runs import RunComparison

app = typer.Typer()

RunA = Annotated[
    str,
    typer.Argument(metavar="A", help="Stored run: an id, file, folder (its newest), latest or latest~1; A:NETWORK."),
]
RunB = Annotated[str, typer.Argument(metavar="B", help="The other run, named likewise; the same run: its networks.")]


@command(app)
def compare(
    a: RunA,
    b: RunB,
    force: Annotated[
        bool, typer.Option("--force", help="Compare what is refused, with the reasons in the output.")
    ] = False,
    runs_dir: options.RunsDir = Path("runs"),
    format: formats.Format = "text",
    as_json: options.Json = False,
) -> None:
    """Compare two stored runs network by network: latency, energy, memory and accuracy of B against A."""
    from sis_edge.cli import console
    from sis_edge.results.named import find
    from sis_edge.results.two_runs import compare_two

    chosen = formats.chosen(format, as_json)
    found = compare_two(find(a, runs_dir), find(b, runs_dir), force=force)
    if chosen == "json":
        from sis_edge.cli.documents.two_runs import compared

        console.document(compared(found))
    elif chosen == "text":
        _show(found)
    else:
        from sis_edge.report import two_runs

        text = two_runs.to_csv(found) if chosen == "csv" else two_runs.to_markdown(found)
        console.out.print(text, soft_wrap=True, end="")


def _show(found: "RunComparison") -> None:
    from sis_edge.cli.console import out
    from sis_edge.report import two_runs
    from sis_edge.report.grid import of_table

    for line in (*two_runs.heading(found), *two_runs.remarks(found)):
        out.print(line, soft_wrap=True)
    for table in two_runs.tables(found):
        out.print()
        out.print(of_table(table))
        for note in filter(None, (*table.notes, table.caption)):
            out.print(note, soft_wrap=True)
    if unknown := two_runs.unknown(found):
        out.print()
        for line in unknown:
            out.print(line, soft_wrap=True)
