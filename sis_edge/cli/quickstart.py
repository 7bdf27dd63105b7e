"""`sis-edge quickstart`: the whole line on this machine in under three minutes."""

from pathlib import Path
from typing import Annotated

import typer

from sis_edge.cli import measuring
from sis_edge.cli.bench import BoardName, here
from sis_edge.cli.build import BuildDir

app = typer.Typer()

NAME = "quickstart"


@app.command()
def quickstart(
    board: BoardName = None,
    build_dir: BuildDir = Path("build"),
    runs_dir: measuring.RunsDir = Path("runs"),
    reports_dir: Annotated[Path, typer.Option(help="Where the report goes.")] = Path("reports"),
) -> None:
    """Form, train briefly, export, bundle, measure here and report: dense NiN and SiS#1-#3 on embedded digits."""
    from sis_edge import report
    from sis_edge.board import calibrate
    from sis_edge.build import pipeline
    from sis_edge.build.networks import plan_networks
    from sis_edge.build.plan import BuildPlan
    from sis_edge.cli.console import bars, log, out
    from sis_edge.formation import presets_for

    asked = measuring.options(length="quick")
    with here(board) as (transport, profile), bars() as shown:
        name = NAME if board is None else f"{NAME}-{board}"
        plan = BuildPlan(
            profile,
            "digits",
            plan_networks(presets_for("digits"), profile.networks),
            build_dir,
            name,
            calibration=lambda: calibrate.for_build(profile, say=lambda message: log.print(message, soft_wrap=True)),
        )
        bundle = pipeline.build(plan, shown.step).bundle
        stored = measuring.measure(bundle, transport, profile, runs_dir, shown, asked=asked)
        written = report.write([run for run, _ in stored], reports_dir / name)
    measuring.show(stored)
    out.print(f"Report: {written[0]}", soft_wrap=True)
