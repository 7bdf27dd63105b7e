"""`sis-edge meter`: energy from an external power meter's recording."""

from pathlib import Path
from typing import Annotated

import typer

app = typer.Typer()


@app.command()
def meter(
    run: Annotated[Path, typer.Argument(metavar="RUN", help="A stored run, measured with `--meter`.")],
    csv: Annotated[Path, typer.Argument(metavar="CSV", help="The meter's recording, a CSV file with a heading line.")],
    scope: Annotated[str, typer.Option(help="What the meter measures; it stands in every label.")] = "wall",
    time_column: Annotated[str, typer.Option(help="Its times: seconds from any start, or ISO 8601.")] = "time_s",
    power_column: Annotated[str, typer.Option(help="Its power.")] = "power_w",
    unit: Annotated[str, typer.Option(help="Of its power: W, mW or uW.")] = "W",
    offset: Annotated[
        float | None,
        typer.Option(help="The meter's time [s] at the job's start. [default: found by the job's rest and work]"),
    ] = None,
) -> None:
    """Attach an external power meter's recording to a stored run: energy per inference by that meter.

    The result is a run of its own beside the old one, which stays as it is.
    """
    from sis_edge.cli.console import out
    from sis_edge.report import terminal
    from sis_edge.results import meter as meters
    from sis_edge.results import store

    recording = meters.read_csv(csv, time=time_column, power=power_column, watts=meters.watts(unit))
    found = meters.attach(store.load(run), recording, scope, offset_s=offset)
    out.print(terminal.table(found))
    out.print(f"Run stored in {store.save(found, run.parent)}; the old one stays.", soft_wrap=True)
