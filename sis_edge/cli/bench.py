"""`sis-edge bench`: measure a bundle on this machine, or on a simulated board."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from sis_edge.cli import complete, given, measuring, options
from sis_edge.cli.command import command

if TYPE_CHECKING:
    from sis_edge.bundles.verify import Bundle
    from sis_edge.profiles import DeviceProfile
    from sis_edge.transport import Transport

app = typer.Typer()


@command(app)
def bench(
    bundle: Annotated[
        Path | None, typer.Argument(metavar="[BUNDLE]", help="Bundle folder. [default: the newest build]")
    ] = None,
    board: options.BoardName = None,
    profile: Annotated[
        str | None,
        typer.Option(
            metavar="NAME",
            help="Board profile: a name or a TOML file. [default: local]",
            autocompletion=complete.one(complete.profiles),
        ),
    ] = None,
    backend: options.Backend = None,
    networks: options.Networks = None,
    seed: options.OrderSeed = 0,
    strict: options.Strict = False,
    quick: Annotated[
        bool, typer.Option("--quick", help="Measure about 1 s per network, to check that everything works.")
    ] = False,
    target_ci: options.TargetCi = None,
    cores: options.Cores = None,
    threads: options.Threads = None,
    batch_size: options.BatchSize = None,
    processes: options.Processes = None,
    lock_clocks: options.LockClocks = False,
    meter: options.ExternalMeter = False,
    require_energy: options.RequireEnergy = False,
    require_valid: options.RequireValid = False,
    self_check: Annotated[
        bool, typer.Option("--self-check", help="Compare the agent's times with those of a plain loop instead.")
    ] = False,
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
    """Measure a bundle on this machine, without SSH: latency, energy, memory, and whether to trust the numbers."""
    from sis_edge.board.measure import measure
    from sis_edge.board.network_jobs import profile_for
    from sis_edge.cli import console
    from sis_edge.cli.documents import runs
    from sis_edge.cli.progress import bars
    from sis_edge.errors import UsageError

    if strict and quick:
        raise UsageError("--strict and --quick exclude each other")
    if board is not None and profile is not None:
        raise UsageError("--board and --profile exclude each other: a simulated board has its own profile")
    runtimes = measuring.runtimes(backend)
    own = given.request(
        onnx, tflite, profile or "local", shape, inputs, expect, labels, tolerance, relative_tolerance, reference
    )
    asked = measuring.options(
        length="strict" if strict else "quick" if quick else "profile",
        target_ci=target_ci,
        cores=cores,
        lock_clocks=lock_clocks,
        threads=threads,
        batch_size=batch_size,
        external_meter=meter,
        processes=processes,
        runtimes=runtimes,
    )
    names = measuring.name_list(networks)
    if self_check:
        _check(
            given.bundle(own, bundle, build_dir, console.say, "BUNDLE"), names, threads or 1, batch_size or 1, as_json
        )
        return
    with here(board, profile) as (transport, known), bars("bench") as shown:
        chosen = given.bundle(own, bundle, build_dir, shown.note, "BUNDLE")
        known = profile_for(chosen.manifest, names, known, runtimes)
        stored = measure(
            chosen, transport, known, runs_dir, networks=names, seed=seed, options=asked, on_event=shown.event
        )
    measuring.finish(
        stored,
        lambda: runs.BenchDocument(runs=runs.stored(stored)),
        as_json=as_json,
        require_energy=require_energy,
        require_valid=require_valid,
    )


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


def _check(bundle: "Bundle", networks: list[str] | None, threads: int, batch_size: int, as_json: bool) -> None:
    from sis_edge.board import self_check
    from sis_edge.bundles.verify import verify
    from sis_edge.cli import console
    from sis_edge.cli.documents.runs import checked
    from sis_edge.cli.progress import bars
    from sis_edge.errors import BoardError

    verify(bundle.path)
    with bars("self-check") as shown:
        checks = self_check.run(bundle, networks, threads=threads, batch_size=batch_size, on_turn=shown.show)
    for check in checks:
        (console.log if as_json else console.out).print(check.sentence(), soft_wrap=True)
    wrong = [check.network for check in checks if not check.agrees]
    if wrong:
        raise BoardError(
            f"the agent and a plain loop differ by more than {self_check.GOAL:.0%} for {', '.join(wrong)}: "
            "is something else running here? If it stays so on a quiet machine, the agent's times are wrong"
        )
    if as_json:
        console.document(checked(checks, self_check.GOAL))
    else:
        console.out.print(f"The agent and a plain loop agree within {self_check.GOAL:.0%}.", soft_wrap=True)
