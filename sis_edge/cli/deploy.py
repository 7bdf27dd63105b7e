"""`sis-edge deploy`: measure a bundle on a board."""

from pathlib import Path
from typing import Annotated

import typer

from sis_edge.cli import complete, measuring, options
from sis_edge.cli.command import command
from sis_edge.registries import BACKENDS

app = typer.Typer()


@command(app)
def deploy(
    host: options.Host = None,
    port: options.Port = None,
    user: options.User = None,
    identity: options.Identity = None,
    known_hosts: options.KnownHosts = None,
    bundle: Annotated[
        Path | None, typer.Option(metavar="FOLDER", help="Bundle folder. [default: the newest build]")
    ] = None,
    profile: Annotated[
        str | None,
        typer.Option(
            metavar="NAME",
            help="Board profile: a name or a TOML file. [default: the bundle's]",
            autocompletion=complete.one(complete.profiles),
        ),
    ] = None,
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
    build_dir: options.BuildDir = Path("build"),
    runs_dir: options.RunsDir = Path("runs"),
    as_json: options.Json = False,
) -> None:
    """Measure a bundle on a board over SSH, or on this machine, and store the run."""
    from sis_edge import profiles
    from sis_edge.board.measure import collect, measure
    from sis_edge.bundles import verify as bundles
    from sis_edge.cli.documents import runs
    from sis_edge.cli.progress import bars
    from sis_edge.transport import connect

    if backend is not None:
        BACKENDS.checked(backend)
    chosen = bundles.open_bundle(bundle) if bundle else bundles.newest(build_dir)
    board = profiles.with_backend(profiles.load(profile or chosen.manifest.profile), backend)
    asked = measuring.options(
        length="strict" if strict else "profile",
        target_ci=target_ci,
        cores=cores,
        lock_clocks=lock_clocks,
        threads=threads,
        batch_size=batch_size,
        external_meter=meter,
        processes=processes,
    )
    transport = connect(host, user=user, port=port, identity=identity, known_hosts=known_hosts)
    names = measuring.name_list(networks)
    try:
        with bars("deploy") as shown:
            if job is not None:
                known = [chosen] if bundle else bundles.readable(build_dir)
                stored = [collect(job, known, transport, board, runs_dir, on_event=shown.event)]
            else:
                stored = measure(
                    chosen,
                    transport,
                    board,
                    runs_dir,
                    networks=names,
                    seed=seed,
                    options=asked,
                    provision=provision,
                    on_event=shown.event,
                )
    finally:
        transport.close()
    measuring.finish(
        stored,
        lambda: runs.DeployDocument(runs=runs.stored(stored)),
        as_json=as_json,
        require_energy=require_energy,
        require_valid=require_valid,
    )
