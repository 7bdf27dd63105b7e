"""Measure a bundle: here, on a simulated board, or on a real one over SSH."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from functools import partial
from pathlib import Path
from typing import Any, Literal

from sis_edge import profiles, simulated
from sis_edge.board import inventory
from sis_edge.board import measure as board_measure
from sis_edge.board.events import OnEvent, ignore
from sis_edge.board.jobs import MeasuringOptions
from sis_edge.board.network_jobs import profile_for
from sis_edge.board.sustained import SustainedOptions
from sis_edge.bundles.verify import Bundle, open_bundle
from sis_edge.errors import UsageError
from sis_edge.files.paths import AnyPath
from sis_edge.front.arguments import names_arguments
from sis_edge.front.runs import Run, Runs
from sis_edge.profiles import DeviceProfile
from sis_edge.transport import Transport, connect


@names_arguments
def measure(
    bundle: Bundle | AnyPath,
    host: str | None = None,
    *,
    user: str | None = None,
    port: int | None = None,
    identity: AnyPath | None = None,
    known_hosts: AnyPath | None = None,
    board: str | None = None,
    profile: str | None = None,
    backends: Sequence[str] = (),
    networks: Sequence[str] | None = None,
    length: Literal["profile", "quick", "strict"] = "profile",
    target_ci: float | None = None,
    threads: int | None = None,
    batch_size: int | None = None,
    processes: int | None = None,
    cores: Sequence[int] = (),
    seed: int = 0,
    lock_clocks: bool = False,
    meter: bool = False,
    sustain_s: float | None = None,
    rate_hz: float | None = None,
    cool_to_c: float | None = None,
    rest_s: float | None = None,
    provision: bool = False,
    trust: bool = False,
    runs_dir: AnyPath = "runs",
    on_event: OnEvent = ignore,
) -> Runs:
    """Measure latency, energy, memory and accuracy of a bundle's networks side by side, and store the runs.

    Without `host`, which may be a name in `boards.toml`, it is this machine; `board` names a simulated one, whose runs
    are marked so. `profile` is the board's (None: `local` here, on a host `boards.toml`'s or the bundle's), `backends`
    those of its runtimes that measure, side by side where they are several (none: the first that the board has).
    `target_ci` (a share, 0.01 is 1%) stops as soon as every speed-up is known that well. The rounds are spread over
    `processes` fresh processes (None: the profile's). `meter`: an external power meter is recording. `sustain_s`: after
    all else each network works for so long, `rate_hz` calls a second (None: back to back); before the rounds and each
    such run the board rests for `rest_s`, and until its hottest zone is at or below `cool_to_c`. `trust`: the bundle's
    programs are run though they were neither made on this machine nor signed by an allowed signer. There is a run for
    each number of threads and each batch size of the profile; each is stored in `runs_dir` and never changed.

    Raises UsageError for what cannot be asked, TransportError, AgentError and BoardError as they say.

    >>> import sis_edge, tempfile
    >>> network = sis_edge.train(sis_edge.form(t_c=0.05, t_p=0.1, conv="neuron"), epochs=1, limit=64)
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     made = sis_edge.bundle({"mine": network}, reference="mine", folder=folder, test_images=32)
    ...     runs = sis_edge.measure(made, length="quick", runs_dir=f"{folder}/runs")
    >>> runs[0].rows()[0].identity.network
    'mine'
    """
    if board is not None and (host is not None or profile is not None):
        raise UsageError(f"the simulated board {board} brings its own profile and needs no host; leave those out")
    chosen = bundle if isinstance(bundle, Bundle) else open_bundle(Path(bundle))
    options = MeasuringOptions(
        length=length,
        target_ci=target_ci,
        cores=tuple(cores),
        lock_clocks=lock_clocks,
        threads=threads,
        batch_size=batch_size,
        external_meter=meter,
        processes=processes,
        runtimes=tuple(backends) if len(backends) > 1 else (),
        trust=trust,
        sustained=SustainedOptions(sustain_s, rate_hz, cool_to_c, rest_s),
    )
    known = None if host is None else inventory.load().boards.get(host)
    named = profile or (known.profile if known is not None else None) or ("local" if host is None else None)
    of_board = profiles.load(named) if named else profiles.of_bundle(chosen.manifest.profile)
    of_board = of_board if known is None else known.adapted(of_board)
    reached = partial(connect, host) if known is None else known.connect
    files = {"identity": _path(identity), "known_hosts": _path(known_hosts)}
    of_ssh: dict[str, Any] = {"user": user, "port": port, **files}
    with _way(lambda: reached(**of_ssh), board, of_board) as (way, settings):
        stored = board_measure.measure(
            chosen,
            way,
            profile_for(chosen.manifest, networks, settings, backends),
            Path(runs_dir),
            networks=networks,
            seed=seed,
            options=options,
            provision=provision,
            on_event=on_event,
        )
    return Runs(tuple(Run(found.run, found.path) for found in stored))


def _path(given: AnyPath | None) -> Path | None:
    return None if given is None else Path(given)


@contextmanager
def _way(
    reached: Callable[[], Transport], board: str | None, profile: DeviceProfile
) -> Iterator[tuple[Transport, DeviceProfile]]:
    """The transport to the board and its profile."""
    if board is not None:
        with simulated.board(board) as found:
            yield found.transport, found.profile
        return
    with closing(reached()) as transport:
        yield transport, profile
