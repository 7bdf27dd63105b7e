"""`sis-edge deploy`: measure a bundle on a board."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from sis_edge.cli.build import BuildDir

if TYPE_CHECKING:
    from sis_edge.bundle import Bundle
    from sis_edge.cli.console import Bars
    from sis_edge.profiles import DeviceProfile
    from sis_edge.results.schema import StoredRun
    from sis_edge.transport import Transport

app = typer.Typer()

RunsDir = Annotated[Path, typer.Option("--runs-dir", help="Where measured runs are stored, one file each.")]


@app.command()
def deploy(
    host: Annotated[
        str | None, typer.Option(help="The board: a name, or one of ~/.ssh/config. [default: this machine]")
    ] = None,
    port: Annotated[int | None, typer.Option(min=1, max=65535, help="The SSH server's port.")] = None,
    user: Annotated[str | None, typer.Option(help="The login on the board.")] = None,
    identity: Annotated[Path | None, typer.Option("--identity", "-i", help="A private key file.")] = None,
    known_hosts: Annotated[Path | None, typer.Option(help="One more file of known host keys.")] = None,
    bundle: Annotated[Path | None, typer.Option(help="The bundle's folder. [default: the newest build]")] = None,
    profile: Annotated[str | None, typer.Option(help="The board's profile. [default: the bundle's]")] = None,
    networks: Annotated[str | None, typer.Option(help="Only these networks, with commas between.")] = None,
    seed: Annotated[int, typer.Option(min=0, help="Of the networks' order in each round.")] = 0,
    job: Annotated[
        str | None, typer.Option(help="Fetch the record of this job, started before, instead of measuring.")
    ] = None,
    build_dir: BuildDir = Path("build"),
    runs_dir: RunsDir = Path("runs"),
) -> None:
    """Measure a bundle on a board over SSH, or on this machine, and store the run."""
    from sis_edge import bundle as bundles
    from sis_edge import profiles
    from sis_edge.cli.console import bars
    from sis_edge.transport import connect

    chosen = bundles.open_bundle(bundle) if bundle else bundles.newest(build_dir)
    board = profiles.load(profile or chosen.manifest.profile)
    transport = connect(host, user=user, port=port, identity=identity, known_hosts=known_hosts)
    names = None if networks is None else [part.strip() for part in networks.split(",") if part.strip()]
    try:
        with bars() as shown:
            run, path = measure(chosen, transport, board, runs_dir, shown, networks=names, seed=seed, job=job)
    finally:
        transport.close()
    show(run, path)


def measure(
    bundle: "Bundle",
    transport: "Transport",
    profile: "DeviceProfile",
    runs_dir: Path,
    shown: "Bars",
    *,
    networks: list[str] | None = None,
    seed: int = 0,
    job: str | None = None,
) -> "tuple[StoredRun, Path]":
    """Deploy, or collect an older job, and store what came back."""
    from datetime import UTC, datetime

    from sis_edge import deployment
    from sis_edge.results import store
    from sis_edge.results.schema import StoredRun

    if job is None:
        record = deployment.deploy(bundle, transport, profile, networks=networks, seed=seed, on_event=shown.event)
    else:
        record = deployment.collect(transport, profile, job, on_event=shown.event)
    run = StoredRun(
        stored_at=datetime.now(UTC),
        profile=profile.name,
        board=transport.name,
        bundle_id=bundle.id,
        manifest=bundle.manifest,
        record=record,
    )
    return run, store.save(run, runs_dir)


def show(run: "StoredRun", path: Path) -> None:
    """The table of a run; raises BoardError, after it is shown and stored, where a network has a problem."""
    from sis_edge.cli.console import out
    from sis_edge.errors import BoardError
    from sis_edge.report import terminal

    out.print(terminal.table(run))
    out.print(f"Run stored in {path}; `sis-edge report` makes the page of it.", soft_wrap=True)
    problems = [f"{network.name}: {network.problem.message}" for network in run.record.networks if network.problem]
    if run.record.problem is not None:
        raise BoardError(f"the job did not end well: {run.record.problem.message}")
    if problems:
        raise BoardError(f"{len(problems)} of {len(run.record.networks)} networks had a problem: {'; '.join(problems)}")
