"""`sis-edge report`: pages and tables from stored runs."""

from pathlib import Path
from typing import Annotated

import typer

from sis_edge.cli.measuring import RunsDir

app = typer.Typer()


@app.command()
def report(
    name: Annotated[str | None, typer.Option(help="The report's name. [default: the bundle's]")] = None,
    run: Annotated[
        list[Path] | None, typer.Option(help="A stored run; may be given again. [default: the newest]")
    ] = None,
    every: Annotated[bool, typer.Option("--all", help="Every stored run in one report.")] = False,
    runs_dir: RunsDir = Path("runs"),
    reports_dir: Annotated[Path, typer.Option(help="Where reports go.")] = Path("reports"),
) -> None:
    """Write index.html, report.md, results.csv and results.json from stored runs."""
    from sis_edge import report as reports
    from sis_edge.cli.console import log, out
    from sis_edge.files.names import checked
    from sis_edge.results import store

    if run:
        runs = [store.load(path) for path in run]
    elif every:
        loaded = store.load_all(runs_dir)
        for warning in loaded.warnings:
            log.print(f"Warning: {warning}", soft_wrap=True)
        runs = list(loaded.runs)
    else:
        runs = [store.newest(runs_dir)]
    folder = reports_dir / checked("report", runs[-1].manifest.name if name is None else name)
    for path in reports.write(runs, folder):
        out.print(str(path), soft_wrap=True)
