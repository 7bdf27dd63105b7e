"""`sis-edge deploy`: measure a bundle on a board."""

from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from sis_edge.cli import given, measuring, options, reach
from sis_edge.cli.command import command

if TYPE_CHECKING:
    from sis_edge.board.agent_client import Started
    from sis_edge.board.attendance import Attendance
    from sis_edge.build.given.request import GivenRequest

app = typer.Typer()


MEASURES = (
    "backend networks seed strict quick target_ci cores threads batch_size processes lock_clocks meter"
    " sustain rate cool_to rest provision no_queue trust"
)
"""What a command that measures nothing has no use for."""

VERBS = {
    "status": "shows how far it is",
    "logs": "shows its log",
    "fetch": "waits for its end and stores its run",
    "cancel": "ends it",
}
"""Commands of `sis-edge jobs` for a job that was left, and what each does."""


@command(
    app,
    excludes={
        "bundle": ("onnx", "tflite", "build_dir"),
        "job": ("cancel", "detach", "onnx", "tflite", *MEASURES.split()),
        "cancel": ("detach", "onnx", "tflite", *MEASURES.split(), "require_energy", "require_valid", "runs_dir"),
        "strict": ("quick",),
        "detach": ("require_energy", "require_valid", "runs_dir"),
    },
)
@reach.board
@measuring.measured
@given.models
def deploy(
    *,
    connect: reach.Way,
    bundle: options.BundleFolder = None,
    profile: options.BoardProfile = None,
    asked: measuring.Asked,
    provision: Annotated[
        bool,
        typer.Option(
            "--provision", help="First install the profile's ONNX Runtime on the board; it needs no internet."
        ),
    ] = False,
    detach: Annotated[
        bool, typer.Option("--detach", help="Start the job and return; `sis-edge jobs fetch` stores its run later.")
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
    from sis_edge.board.deploy import start_each
    from sis_edge.board.measure import measure, wheel_cache
    from sis_edge.board.network_jobs import profile_for
    from sis_edge.cli import at_board
    from sis_edge.cli.attending import attendance
    from sis_edge.cli.documents import runs
    from sis_edge.cli.progress import bars

    if (name := connect.profile(profile)) is not None:
        profiles.load(name)  # before a bundle is made for it
    if cancel is not None:
        known = at_board.profile_of(connect, profile, bundle, build_dir)
        at_board.cancel(cancel, connect, known, runs.CancelDocument, as_json=as_json)
        return
    if job is not None:
        places: dict[str, Any] = {"bundle": bundle, "build_dir": build_dir, "runs_dir": runs_dir}
        stored = at_board.fetch(job, connect, profile=profile, **places)
        measuring.finish(stored, lambda: runs.DeployDocument(runs=runs.stored(stored)), as_json=as_json, asked=asked)
        return
    if own is not None and name is None and connect.words:
        name = _detected(connect)
    chosen = given.bundle(own, name, bundle, build_dir)
    known = profiles.load(name) if name else profiles.of_bundle(chosen.manifest.profile)
    board = profile_for(chosen.manifest, asked.networks, connect.adapted(known), asked.runtimes)
    how: dict[str, Any] = {"networks": asked.networks, "seed": asked.seed, "options": asked.options}
    with closing(connect()) as transport, bars("deploy") as shown:
        how |= {"on_event": shown.event, "attendance": attendance(connect.words, profile, queue=asked.queue)}
        if detach:
            left = start_each(chosen, transport, board, **how, provision_from=wheel_cache() if provision else None)
        else:
            stored = measure(chosen, transport, board, runs_dir, **how, provision=provision)
    if detach:
        _show_left(left, how["attendance"], transport.name, as_json)
        return
    measuring.finish(stored, lambda: runs.DeployDocument(runs=runs.stored(stored)), as_json=as_json, asked=asked)


def _detected(connect: reach.Way) -> str | None:
    """The profile for networks of the user's own, which were made for no board: that of the board's model.

    None where no profile names it: another's runtimes and sensors may be missing there.
    """
    from sis_edge.board.fitting import fitting
    from sis_edge.cli import console

    with closing(connect()) as transport:
        found = fitting(transport)
    if not found.profile.board.matches:
        console.say("profile local, for no profile names this board's model; --profile NAME takes another")
        return None
    console.say(f"profile {found.profile.name}, for {found.reason}; --profile NAME takes another")
    return found.profile.name


def _show_left(left: "list[Started]", attendance: "Attendance", board: str, as_json: bool) -> None:
    """The jobs that were started, and the commands that come back to them."""
    from sis_agent.schema import QUEUED
    from sis_edge.board.started import waits
    from sis_edge.cli import console
    from sis_edge.cli.documents.jobs import detached

    if as_json:
        console.document(detached(board, left, lambda verb, job_id: attendance.command(verb, job_id, board)))
        return
    for each in left:
        state = f"waits {waits(each.behind, each.ahead)}" if each.state == QUEUED else f"is {each.state}"
        console.out.print(f"Job {each.job_id} on {board} {state}.", soft_wrap=True)
        for verb, what in VERBS.items():
            console.out.print(f"  {attendance.command(verb, each.job_id, board)} {what}", soft_wrap=True)
