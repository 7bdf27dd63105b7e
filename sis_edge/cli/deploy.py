"""`sis-edge deploy`: measure a bundle on a board."""

from contextlib import closing
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from sis_edge.cli import given, measuring, options
from sis_edge.cli.command import command
from sis_edge.errors import UsageError

if TYPE_CHECKING:
    from sis_edge.profiles import DeviceProfile
    from sis_edge.transport import Transport

app = typer.Typer()


@command(app)
def deploy(
    host: options.Host = None,
    port: options.Port = None,
    user: options.User = None,
    identity: options.Identity = None,
    known_hosts: options.KnownHosts = None,
    bundle: options.BundleFolder = None,
    profile: options.BoardProfile = None,
    backend: options.Backend = None,
    networks: options.Networks = None,
    seed: options.OrderSeed = 0,
    strict: options.Strict = False,
    target_ci: options.TargetCi = None,
    cores: options.Cores = None,
    threads: options.Threads = None,
    batch_size: options.BatchSize = None,
    processes: options.Processes = None,
    lock_clocks: options.LockClocks = False,
    meter: options.ExternalMeter = False,
    require_energy: options.RequireEnergy = False,
    require_valid: options.RequireValid = False,
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
    onnx: given.Onnx = None,
    tflite: given.TfLite = None,
    shape: given.Shape = None,
    inputs: given.Inputs = None,
    expect: given.Expect = None,
    labels: given.Labels = None,
    tolerance: given.Tolerance = None,
    relative_tolerance: given.RelativeTolerance = None,
    reference: given.Reference = None,
    as_json: options.Json = False,
) -> None:
    """Measure a bundle on a board over SSH, or on this machine, and store the run."""
    from sis_edge import profiles
    from sis_edge.board.measure import collect, measure
    from sis_edge.board.network_jobs import profile_for
    from sis_edge.bundles import verify as bundles
    from sis_edge.cli.documents import runs
    from sis_edge.cli.progress import bars
    from sis_edge.transport import connect

    runtimes = measuring.runtimes(backend)
    own = given.request(
        onnx, tflite, profile or "local", shape, inputs, expect, labels, tolerance, relative_tolerance, reference
    )
    _check(job, cancel, own is not None)
    if profile is not None:
        profiles.load(profile)  # before a bundle is made for it
    board_at = partial(connect, host, user=user, port=port, identity=identity, known_hosts=known_hosts)
    if cancel is not None:
        _cancel(cancel, board_at(), _profile(profile, bundle, build_dir), as_json)
        return
    chosen = given.bundle(own, bundle, build_dir, None, "--bundle")
    only = measuring.name_list(networks)
    board = profile_for(chosen.manifest, only, profiles.load(profile or chosen.manifest.profile), runtimes)
    asked = measuring.options(
        length="strict" if strict else "profile",
        target_ci=target_ci,
        cores=cores,
        lock_clocks=lock_clocks,
        threads=threads,
        batch_size=batch_size,
        external_meter=meter,
        processes=processes,
        runtimes=runtimes,
    )
    run = partial(measure, chosen, profile=board, networks=only, seed=seed, options=asked, provision=provision)
    with closing(board_at()) as transport, bars("deploy") as shown:
        if job is None:
            stored = run(transport=transport, runs_dir=runs_dir, on_event=shown.event)
        else:
            known = [chosen] if bundle else bundles.readable(build_dir)
            stored = [collect(job, known, transport, board, runs_dir, on_event=shown.event)]
    measuring.finish(
        stored,
        lambda: runs.DeployDocument(runs=runs.stored(stored)),
        as_json=as_json,
        require_energy=require_energy,
        require_valid=require_valid,
    )


def _check(job: str | None, cancel: str | None, brings_models: bool) -> None:
    """Raise UsageError for two things to do with an earlier job, and for models to measure beside one."""
    if job is not None and cancel is not None:
        raise UsageError("--job and --cancel exclude each other")
    if brings_models and job is not None:
        raise UsageError("--job fetches what was measured before; leave out --onnx and --tflite")
    if brings_models and cancel is not None:
        raise UsageError("--cancel ends a job of before; leave out --onnx and --tflite")


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
