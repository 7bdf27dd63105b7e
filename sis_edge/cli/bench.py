"""`sis-edge bench`: measure a bundle on this machine, or on a simulated board."""

from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from sis_edge.cli import complete, given, measuring, options
from sis_edge.cli.command import command

if TYPE_CHECKING:
    from sis_edge.build.given.request import GivenRequest
    from sis_edge.bundles.verify import Bundle
    from sis_edge.profiles import DeviceProfile
    from sis_edge.transport import Transport

app = typer.Typer()


NOT_CHECKED = (
    "board profile backend seed strict quick target_ci cores processes lock_clocks meter sustain rate cool_to rest"
    " no_queue require_energy"
)


@command(
    app,
    excludes={
        "bundle": ("onnx", "tflite", "build_dir"),
        "board": ("profile",),
        "strict": ("quick",),
        "self_check": (*NOT_CHECKED.split(), "require_valid", "runs_dir"),
    },
)
@measuring.measured
@given.models
def bench(
    *,
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
    asked: measuring.Asked,
    self_check: Annotated[
        bool, typer.Option("--self-check", help="Compare the agent's times with those of a plain loop instead.")
    ] = False,
    build_dir: options.BuildDir = Path("build"),
    runs_dir: options.RunsDir = Path("runs"),
    own: "GivenRequest | None" = None,
    as_json: options.Json = False,
) -> None:
    """Measure a bundle on this machine, without SSH: latency, energy, memory, and whether to trust the numbers."""
    from sis_edge.board.measure import measure
    from sis_edge.board.network_jobs import left_out, profile_for
    from sis_edge.cli.attending import attendance
    from sis_edge.cli.documents import runs
    from sis_edge.cli.progress import bars

    make = partial(given.bundle, own, profile, bundle, build_dir)
    if self_check:
        _check(make(), asked, as_json)
        return
    with here(board, profile) as (transport, known), bars("bench") as shown:
        chosen = make(say=shown.note)
        known = profile_for(chosen.manifest, asked.networks, known, asked.runtimes)
        if warning := left_out(chosen.manifest, asked.networks, known):
            shown.note(warning)
        stored = measure(
            *(chosen, transport, known, runs_dir),
            networks=asked.networks,
            seed=asked.seed,
            options=asked.options,
            on_event=shown.event,
            attendance=attendance((), profile, queue=asked.queue, is_lasting=board is None),
        )
    measuring.finish(stored, lambda: runs.BenchDocument(runs=runs.stored(stored)), as_json=as_json, asked=asked)


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


def _check(bundle: "Bundle", asked: measuring.Asked, as_json: bool) -> None:
    from sis_edge.board import self_check
    from sis_edge.bundles import trust
    from sis_edge.cli import console
    from sis_edge.cli.documents.runs import checked
    from sis_edge.cli.progress import bars
    from sis_edge.errors import BoardError

    trust.check(bundle, asked.options.trust)
    with bars("self-check") as shown:
        how = {"threads": asked.options.threads or 1, "batch_size": asked.options.batch_size or 1}
        checks = self_check.run(bundle, asked.networks, **how, on_turn=shown.show)
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
