"""`sis-edge bench`: measure a bundle on this machine, or on a simulated board."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from sis_edge.cli import measuring
from sis_edge.cli.build import BuildDir

if TYPE_CHECKING:
    from sis_edge.bundles.verify import Bundle
    from sis_edge.profiles import DeviceProfile
    from sis_edge.transport import Transport

app = typer.Typer()

BoardName = Annotated[
    str | None, typer.Option(metavar="NAME", help="A simulated board: nano-sim, for example; all is marked so.")
]


@app.command()
def bench(
    bundle: Annotated[
        Path | None, typer.Argument(metavar="[BUNDLE]", help="The bundle's folder. [default: the newest build]")
    ] = None,
    board: BoardName = None,
    profile: Annotated[str | None, typer.Option(help="A profile, or a TOML file. [default: local]")] = None,
    backend: measuring.Backend = None,
    networks: measuring.Networks = None,
    seed: measuring.Seed = 0,
    strict: measuring.Strict = False,
    quick: Annotated[bool, typer.Option("--quick", help="1 s of each network: to see whether all works.")] = False,
    target_ci: measuring.TargetCi = None,
    cores: measuring.Cores = None,
    threads: measuring.Threads = None,
    batch_size: measuring.BatchSize = None,
    lock_clocks: measuring.LockClocks = False,
    meter: measuring.ExternalMeter = False,
    require_energy: measuring.RequireEnergy = False,
    require_valid: measuring.RequireValid = False,
    self_check: Annotated[
        bool, typer.Option("--self-check", help="Compare the agent's times with those of a plain loop instead.")
    ] = False,
    build_dir: BuildDir = Path("build"),
    runs_dir: measuring.RunsDir = Path("runs"),
) -> None:
    """Measure a bundle on this machine, without SSH: latency, energy, memory, and whether to trust them."""
    from sis_edge import profiles
    from sis_edge.bundles import verify as bundles
    from sis_edge.cli.console import bars
    from sis_edge.errors import UsageError

    if strict and quick:
        raise UsageError("--strict and --quick ask for the opposite; leave one out")
    if board is not None and profile is not None:
        raise UsageError("a simulated board brings its profile; leave --profile out")
    asked = measuring.options(
        length="strict" if strict else "quick" if quick else "profile",
        target_ci=target_ci,
        cores=cores,
        lock_clocks=lock_clocks,
        threads=threads,
        batch_size=batch_size,
        external_meter=meter,
    )
    names = measuring.name_list(networks)
    if self_check:
        chosen = bundles.open_bundle(bundle) if bundle else bundles.newest(build_dir)
        _check(chosen, names, threads or 1, batch_size or 1)
        return
    with here(board, profile) as (transport, known), bars() as shown:
        chosen = bundles.open_bundle(bundle) if bundle else bundles.newest(build_dir)
        known = profiles.with_backend(known, backend)
        stored = measuring.measure(chosen, transport, known, runs_dir, shown, networks=names, seed=seed, asked=asked)
    measuring.show(stored, require_energy, require_valid)


@contextmanager
def here(board: str | None, profile: str | None = None) -> "Iterator[tuple[Transport, DeviceProfile]]":
    """The way to this machine and its profile; with the name of a simulated board, those of that board."""
    from sis_edge import profiles
    from sis_edge.transport import connect

    if board is None:
        transport = connect(None)
        try:
            yield transport, profiles.load(profile or "local")
        finally:
            transport.close()
        return
    from sis_edge import simulated

    with simulated.board(board) as found:
        yield found.transport, found.profile


def _check(bundle: "Bundle", networks: list[str] | None, threads: int, batch_size: int) -> None:
    from sis_edge.board import self_check
    from sis_edge.bundles.verify import verify
    from sis_edge.cli.console import bars, out
    from sis_edge.errors import BoardError

    verify(bundle.path)
    with bars() as shown:
        checks = self_check.run(bundle, networks, threads=threads, batch_size=batch_size, on_turn=shown.show)
    for check in checks:
        out.print(check.sentence(), soft_wrap=True)
    wrong = [check.network for check in checks if not check.agrees]
    if wrong:
        raise BoardError(
            f"the agent and a plain loop differ by more than {self_check.GOAL:.0%} for {', '.join(wrong)}: "
            "is something else running here? If it stays so on a quiet machine, the agent's times are wrong"
        )
    out.print(f"The agent and a plain loop agree within {self_check.GOAL:.0%}.", soft_wrap=True)
