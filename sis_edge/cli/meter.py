"""`sis-edge meter`: energy from an external power meter's recording."""

from pathlib import Path
from typing import Annotated

import typer

from sis_edge.cli import complete, options
from sis_edge.cli.command import command

app = typer.Typer()


@command(app)
def meter(
    run: Annotated[Path, typer.Argument(metavar="RUN", help="Stored run, measured with `--meter`.")],
    csv: Annotated[Path, typer.Argument(metavar="CSV", help="The meter's recording: a CSV file.")],
    scope: Annotated[
        str, typer.Option(metavar="NAME", help="What the meter measures; part of every energy label.")
    ] = "wall",
    time_column: Annotated[
        str | None,
        typer.Option(
            metavar="NAME",
            help="Heading of the time column: numbers, ISO 8601 or local time. [default: found by its heading]",
        ),
    ] = None,
    power_column: Annotated[
        str | None,
        typer.Option(
            metavar="NAME",
            help="Heading of the power column. [default: found by its heading; else current times voltage]",
        ),
    ] = None,
    unit: Annotated[
        str | None,
        typer.Option(
            metavar="UNIT",
            help="Unit of the power column: W, mW or uW. [default: the heading's, else W]",
            autocompletion=complete.one(lambda: UNITS),
        ),
    ] = None,
    voltage: Annotated[
        float | None,
        typer.Option(metavar="VOLTS", min=0.1, help="Supply voltage, for a meter that records a current only."),
    ] = None,
    offset: Annotated[
        float | None,
        typer.Option(
            metavar="SECONDS",
            help="The meter's time at the start of the job. [default: found by the job's idle and load phases]",
        ),
    ] = None,
    as_json: options.Json = False,
) -> None:
    """Add an external power meter's recording to a stored run: energy per inference by that meter.

    The result is stored as a run of its own; the old run is not changed.
    """
    from sis_edge.board.measure import StoredFile
    from sis_edge.cli import console
    from sis_edge.cli.documents import runs
    from sis_edge.report import terminal
    from sis_edge.results import meter as meters
    from sis_edge.results import store

    watts = None if unit is None else meters.watts(unit)
    recording = meters.read_csv(csv, time=time_column, power=power_column, watts=watts, voltage_v=voltage)
    found = meters.attach(store.load(run), recording, scope, offset_s=offset)
    stored = StoredFile(found, store.save(found, run.parent))
    if as_json:
        console.document(runs.MeterDocument(runs=runs.stored([stored])))
        return
    console.out.print(terminal.table(found))
    console.out.print(f"Run stored in {stored.path}; {run} is unchanged.", soft_wrap=True)


UNITS = ("W", "mW", "uW")
