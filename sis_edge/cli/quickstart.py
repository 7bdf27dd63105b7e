"""`sis-edge quickstart`: the whole line on this machine in under three minutes."""

from pathlib import Path

import typer

from sis_edge.cli import measuring, options
from sis_edge.cli.bench import here
from sis_edge.cli.command import command

app = typer.Typer()

NAME = "quickstart"


@command(app)
def quickstart(
    board: options.BoardName = None,
    build_dir: options.BuildDir = Path("build"),
    runs_dir: options.RunsDir = Path("runs"),
    reports_dir: options.ReportsDir = Path("reports"),
    as_json: options.Json = False,
) -> None:
    """Form, train briefly, export, bundle, measure here and report: dense NiN and SiS#1-#3 on embedded digits."""
    from sis_edge import report
    from sis_edge.board import calibrate
    from sis_edge.board.jobs import MeasuringOptions
    from sis_edge.board.measure import measure
    from sis_edge.build import pipeline
    from sis_edge.build.networks import plan_networks
    from sis_edge.build.plan import BuildPlan
    from sis_edge.cli.console import out
    from sis_edge.cli.documents import runs
    from sis_edge.cli.progress import bars
    from sis_edge.formation import presets_for
    from sis_edge.results import store

    with here(board) as (transport, profile), bars("quickstart") as shown:
        name = NAME if board is None else f"{NAME}-{board}"
        store.check(runs_dir)
        report.check(reports_dir / name)
        plan = BuildPlan(
            profile,
            "digits",
            plan_networks(presets_for("digits"), profile.networks),
            build_dir,
            name,
            calibration=lambda: calibrate.for_build(profile, say=shown.note),
        )
        bundle = pipeline.build(plan, shown.step).bundle
        stored = measure(
            bundle, transport, profile, runs_dir, options=MeasuringOptions(length="quick"), on_event=shown.event
        )
        written = report.write([each.run for each in stored], reports_dir / name)
    measuring.finish(
        stored,
        lambda: runs.QuickstartDocument(
            runs=runs.stored(stored), bundle=str(bundle.path), files=tuple(map(str, written))
        ),
        as_json=as_json,
    )
    if not as_json:
        out.print(f"Report: {written[0]}", soft_wrap=True)
