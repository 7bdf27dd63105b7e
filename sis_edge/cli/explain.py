"""`sis-edge explain`: why two stored runs differ."""

from pathlib import Path
from typing import TYPE_CHECKING

import typer

from sis_edge.cli import formats, options
from sis_edge.cli.command import command
from sis_edge.cli.compare import RunA, RunB

if TYPE_CHECKING:
    from sis_edge.explaining import Explanation

app = typer.Typer()


@command(app)
def explain(
    a: RunA,
    b: RunB,
    runs_dir: options.RunsDir = Path("runs"),
    format: formats.Format = "text",
    as_json: options.Json = False,
) -> None:
    """Explain why the latencies of two stored runs differ: what is not alike, the likeliest cause first."""
    from sis_edge import explaining
    from sis_edge.cli import console
    from sis_edge.results.named import find

    chosen = formats.chosen(format, as_json)
    found = explaining.explain(find(a, runs_dir), find(b, runs_dir))
    if chosen == "json":
        from sis_edge.cli.documents.explained import explained

        console.document(explained(found))
    elif chosen == "text":
        _show(found)
    else:
        from sis_edge.explaining import text

        console.out.print(text.to_csv(found) if chosen == "csv" else text.to_markdown(found), soft_wrap=True, end="")


def _show(found: "Explanation") -> None:
    from sis_edge.cli.console import out
    from sis_edge.explaining import text
    from sis_edge.report import two_runs
    from sis_edge.report.grid import of_table

    lines = (*two_runs.heading(found.comparison), *text.remarks(found), "", text.observed(found), text.answer(found))
    for line in lines:
        out.print(line, soft_wrap=True)
    for table in text.tables(found):
        out.print()
        out.print(of_table(table))
        for note in filter(None, (*table.notes, table.caption)):
            out.print(note, soft_wrap=True)
    out.print()
    for line in text.folded(found):
        out.print(line, soft_wrap=True)
