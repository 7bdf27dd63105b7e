"""`sis-edge deploy`: measure a bundle on a board."""

from pathlib import Path
from typing import Annotated

import typer

from sis_edge.cli import connection, measuring
from sis_edge.cli.build import BuildDir

app = typer.Typer()


@app.command()
def deploy(
    host: connection.Host = None,
    port: connection.Port = None,
    user: connection.User = None,
    identity: connection.Identity = None,
    known_hosts: connection.KnownHosts = None,
    bundle: Annotated[Path | None, typer.Option(help="The bundle's folder. [default: the newest build]")] = None,
    profile: Annotated[str | None, typer.Option(help="The board's profile. [default: the bundle's]")] = None,
    backend: measuring.Backend = None,
    networks: measuring.Networks = None,
    seed: measuring.Seed = 0,
    strict: measuring.Strict = False,
    target_ci: measuring.TargetCi = None,
    cores: measuring.Cores = None,
    threads: measuring.Threads = None,
    batch_size: measuring.BatchSize = None,
    lock_clocks: measuring.LockClocks = False,
    meter: measuring.ExternalMeter = False,
    require_energy: measuring.RequireEnergy = False,
    require_valid: measuring.RequireValid = False,
    provision: Annotated[
        bool,
        typer.Option("--provision", help="Bring the profile's ONNX Runtime to the board first; it needs no internet."),
    ] = False,
    job: Annotated[
        str | None, typer.Option(help="Fetch the record of this job, started before, instead of measuring.")
    ] = None,
    build_dir: BuildDir = Path("build"),
    runs_dir: measuring.RunsDir = Path("runs"),
) -> None:
    """Measure a bundle on a board over SSH, or on this machine, and store the run."""
    from sis_edge import profiles
    from sis_edge.bundles import verify as bundles
    from sis_edge.cli.console import bars
    from sis_edge.transport import connect

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
    )
    transport = connect(host, user=user, port=port, identity=identity, known_hosts=known_hosts)
    names = measuring.name_list(networks)
    try:
        with bars() as shown:
            stored = measuring.measure(
                chosen,
                transport,
                board,
                runs_dir,
                shown,
                networks=names,
                seed=seed,
                asked=asked,
                provision=provision,
                job=job,
            )
    finally:
        transport.close()
    measuring.show(stored, require_energy, require_valid)
