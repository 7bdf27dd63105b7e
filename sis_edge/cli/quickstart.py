"""`sis-edge quickstart`: the whole line on this machine in under three minutes."""

from pathlib import Path
from typing import Annotated

import typer

from sis_edge.cli.build import NETWORKS, BuildDir
from sis_edge.cli.deploy import RunsDir

app = typer.Typer()

NAME = "quickstart"


@app.command()
def quickstart(
    build_dir: BuildDir = Path("build"),
    runs_dir: RunsDir = Path("runs"),
    reports_dir: Annotated[Path, typer.Option(help="Where the report goes.")] = Path("reports"),
) -> None:
    """Form, train briefly, export, bundle, measure here and report: dense NiN and SiS#1-#3 on embedded digits."""
    from sis_edge import pipeline, profiles, report
    from sis_edge.cli import deploy
    from sis_edge.cli.console import bars, out
    from sis_edge.transport import connect

    profile = profiles.load("local")
    plan = pipeline.BuildPlan(profile, "digits", tuple(NETWORKS.split(",")), build_dir, NAME)
    with bars() as shown:
        bundle = pipeline.build(plan, shown.step).bundle
        run, path = deploy.measure(bundle, connect(None), profile, runs_dir, shown)
        written = report.write([run], reports_dir / NAME)
    deploy.show(run, path)
    out.print(f"Report: {written[0]}", soft_wrap=True)
