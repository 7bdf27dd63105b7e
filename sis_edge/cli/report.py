"""`sis-edge report`: pages and tables from stored runs."""

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer

from sis_edge.cli import options
from sis_edge.cli.command import command

app = typer.Typer()

ALL_RUNS = "all-runs"
"""Name of a report over all stored runs, which is then not that of one bundle's report."""


@command(app, excludes={"run": ("every", "runs_dir"), "for_paper": ("every",)}, needs={"every_page": ("every",)})
def report(
    name: Annotated[
        str | None,
        typer.Option(metavar="NAME", help=f"Report name. [default: the bundle's; with --all {ALL_RUNS}]"),
    ] = None,
    run: Annotated[
        list[Path] | None, typer.Option(metavar="FILE", help="Stored run; repeat for several. [default: the newest]")
    ] = None,
    every: Annotated[
        bool, typer.Option("--all", help="One overview of all stored runs, each once, with links to pages of the runs.")
    ] = False,
    every_page: Annotated[
        bool,
        typer.Option("--all-pages", help="With --all: make every missing page, not only those of the newest runs."),
    ] = False,
    for_paper: Annotated[
        bool,
        typer.Option("--paper", help="Also write paper/: tables as LaTeX and CSV, charts as PDF and SVG, captions."),
    ] = False,
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

    if every:
        _all(runs_dir, reports_dir / checked("report", name or ALL_RUNS), every_page=every_page, as_json=as_json)
        return
    runs = [store.load(path) for path in run] if run else [store.newest(runs_dir)]
    folder = reports_dir / checked("report", runs[-1].manifest.name if name is None else name)
    reports.check(folder)
    with bars("report"):
        written = reports.write(runs, folder, for_paper=for_paper)
    if as_json:
        console.document(reported(runs, written))
    else:
        _print(written)


def _all(runs_dir: Path, folder: Path, *, every_page: bool, as_json: bool) -> None:
    from sis_edge import report as reports
    from sis_edge.cli import console
    from sis_edge.cli.documents.runs import overview
    from sis_edge.cli.progress import bars

    reports.check(folder)
    with bars("report") as shown:
        found = reports.write_all(runs_dir, folder, every_page=every_page, show_progress=shown.show)
    for warning in found.warnings:
        console.warn(warning)
    if as_json:
        console.document(overview(found))
    else:
        _print(found.written)


def _print(written: Sequence[Path]) -> None:
    from sis_edge.cli import console

    for path in written:
        console.out.print(str(path), soft_wrap=True)
