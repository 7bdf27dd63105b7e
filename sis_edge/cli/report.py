"""`sis-edge report`: pages and tables from stored runs."""

from pathlib import Path
from typing import Annotated

import typer

from sis_edge.cli import options
from sis_edge.cli.command import command

app = typer.Typer()

ALL_RUNS = "all-runs"
"""Name of a report over all stored runs, which is then not that of one bundle's report."""


@command(app, excludes={"run": ("every", "runs_dir")})
def report(
    name: Annotated[
        str | None,
        typer.Option(metavar="NAME", help=f"Report name. [default: the bundle's; with --all {ALL_RUNS}]"),
    ] = None,
    run: Annotated[
        list[Path] | None, typer.Option(metavar="FILE", help="Stored run; repeat for several. [default: the newest]")
    ] = None,
    every: Annotated[bool, typer.Option("--all", help="Put all stored runs into one report, each once.")] = False,
    runs_dir: options.RunsDir = Path("runs"),
    reports_dir: options.ReportsDir = Path("reports"),
    as_json: options.Json = False,
) -> None:
    """Write index.html, report.md, results.csv and results.json from stored runs."""
    from sis_edge import report as reports
    from sis_edge.cli import console
    from sis_edge.cli.documents.runs import reported
    from sis_edge.cli.progress import bars
    from sis_edge.files.names import checked
    from sis_edge.results import store

    if run:
        runs = [store.load(path) for path in run]
    elif every:
        loaded = store.load_all(runs_dir)
        for warning in loaded.warnings:
            console.warn(warning)
        runs = store.each_once(loaded.runs)
    else:
        runs = [store.newest(runs_dir)]
    default = ALL_RUNS if every else runs[-1].manifest.name
    folder = reports_dir / checked("report", default if name is None else name)
    reports.check(folder)
    with bars("report"):
        written = reports.write(runs, folder)
    if as_json:
        console.document(reported(runs, written))
    else:
        for path in written:
            console.out.print(str(path), soft_wrap=True)
