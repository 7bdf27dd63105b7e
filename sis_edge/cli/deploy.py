"""`sis-edge deploy`: measure a bundle on a board."""

from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from sis_edge.cli import given, measuring, options, reach
from sis_edge.cli.command import command
from sis_edge.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Callable

    from sis_edge.build.given.request import GivenRequest
    from sis_edge.profiles import DeviceProfile
    from sis_edge.transport import Transport

app = typer.Typer()


MEASURES = "backend networks seed strict target_ci cores threads batch_size processes lock_clocks meter provision"
"""What a command that measures nothing has no use for."""


@command(
    app,
    excludes={
        "bundle": ("onnx", "tflite", "build_dir"),
        "job": ("cancel", "onnx", "tflite", *MEASURES.split()),
        "cancel": ("onnx", "tflite", *MEASURES.split(), "require_energy", "require_valid", "runs_dir"),
    },
)
@reach.board
@measuring.measured
@given.models
def deploy(
    *,
    connect: "Callable[[], Transport]",
    bundle: options.BundleFolder = None,
    profile: options.BoardProfile = None,
    asked: measuring.Asked,
    provision: Annotated[
        bool,
        typer.Option(
            "--provision", help="First install the profile's ONNX Runtime on the board; it needs no internet."
        ),
    ] = False,
    job: Annotated[
        str | None, typer.Option(metavar="ID", help="Fetch the record of this earlier job instead of measuring.")
    ] = None,
    cancel: Annotated[
        str | None, typer.Option(metavar="ID", help="Cancel this job on the board instead of measuring.")
    ] = None,
    build_dir: options.BuildDir = Path("build"),
    runs_dir: options.RunsDir = Path("runs"),
    own: "GivenRequest | None" = None,
    as_json: options.Json = False,
) -> None:
    """Measure a bundle on a board over SSH, or on this machine, and store the run."""
    from sis_edge import profiles
    from sis_edge.board.measure import collect, measure
    from sis_edge.board.network_jobs import profile_for
    from sis_edge.bundles import verify as bundles
    from sis_edge.cli.documents import runs
    from sis_edge.cli.progress import bars

    if profile is not None:
        profiles.load(profile)  # before a bundle is made for it
    if cancel is not None:
        _cancel(cancel, connect(), _profile(profile, bundle, build_dir), as_json)
        return
    chosen = given.bundle(own, profile, bundle, build_dir)
    known = profiles.load(profile or chosen.manifest.profile)
    board = profile_for(chosen.manifest, asked.networks, known, asked.runtimes)
    with closing(connect()) as transport, bars("deploy") as shown:
        if job is None:
            stored = measure(
                *(chosen, transport, board, runs_dir),
                networks=asked.networks,
                seed=asked.seed,
                options=asked.options,
                provision=provision,
                on_event=shown.event,
            )
        else:
            found = [chosen] if bundle else bundles.readable(build_dir)
            stored = [collect(job, found, transport, board, runs_dir, on_event=shown.event)]
    measuring.finish(stored, lambda: runs.DeployDocument(runs=runs.stored(stored)), as_json=as_json, asked=asked)


def _profile(name: str | None, bundle: Path | None, build_dir: Path) -> "DeviceProfile":
    """The profile of that name, else the bundle's, else this machine's: they say where the agent is on the board."""
    from sis_edge import profiles
    from sis_edge.bundles import verify as bundles

    if name is not None:
        return profiles.load(name)
    known = [bundles.open_bundle(bundle)] if bundle else bundles.readable(build_dir)
    try:
        return profiles.load(known[0].manifest.profile if known else "local")
    except UsageError:  # a profile's file that is not at hand
        return profiles.load("local")


def _cancel(job_id: str, transport: "Transport", profile: "DeviceProfile", as_json: bool) -> None:
    """End a job and say what became of it."""
    from sis_edge.board import deploy as deployment
    from sis_edge.cli import console
    from sis_edge.cli.documents.runs import CancelDocument
    from sis_edge.cli.progress import bars

    with closing(transport), bars("cancel") as shown:
        state = deployment.cancel(transport, profile, job_id, on_event=shown.event)
    if as_json:
        console.document(CancelDocument(job_id=job_id, board=transport.name, state=state))
        return
    was = "is cancelled" if state == "cancelled" else f"had ended before ({state})"
    console.out.print(f"Job {job_id} on {transport.name} {was}.", soft_wrap=True)
