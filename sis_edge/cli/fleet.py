"""`sis-edge fleet`: many boards at once."""

from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager, nullcontext
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from sis_edge.cli import measuring, options, terminal
from sis_edge.cli.command import command, group
from sis_edge.cli.lists import names
from sis_edge.errors import Interruption, SisEdgeError, UsageError

if TYPE_CHECKING:
    from rich.console import RenderableType

    from sis_edge.board.events import Event
    from sis_edge.fleet.attempt import OnBoardEvent, OnBoardState
    from sis_edge.fleet.plan import FleetRequest, FleetTask
    from sis_edge.fleet.state import BoardState, FleetFile
    from sis_edge.fleet.table import FleetTable

app, _fleet = group("fleet", "Measure many boards of the inventory at once.")

EDGE_LINES = 6
"""Lines of a screen that the table's heading and the summary take."""


@command(
    _fleet,
    excludes={
        "bundle": ("build_dir",),
        "strict": ("quick",),
        "ray": ("trust_on_first_use", "password_fd", "passphrase_fd"),
    },
)
@measuring.measured
def deploy(
    asked: measuring.Asked,
    inventory: options.Inventory = None,
    trust_on_first_use: options.TrustOnFirstUse = False,
    password_fd: options.PasswordFd = None,
    passphrase_fd: options.PassphraseFd = None,
    group: Annotated[
        str | None, typer.Option(metavar="NAMES", help="Boards of these groups only, comma-separated.")
    ] = None,
    limit: Annotated[
        str | None, typer.Option(metavar="NAMES", help="Of them these boards only: names or patterns like rack-*.")
    ] = None,
    parallel: Annotated[
        int | None, typer.Option(min=1, metavar="N", help="Boards measured at once. [default: all, at most 64]")
    ] = None,
    ray: Annotated[
        str | None,
        typer.Option(
            metavar="ADDRESS", help="Measure from the nodes of a Ray cluster: HOST:PORT, ray://HOST:10001, or auto."
        ),
    ] = None,
    require: Annotated[
        str, typer.Option(metavar="all|any|N", help="How many boards must succeed for exit code 0.")
    ] = "all",
    resume: Annotated[
        bool, typer.Option("--resume", help="Measure only the boards that failed or were not reached before.")
    ] = False,
    name: Annotated[
        str, typer.Option(metavar="NAME", help="Name of the fleet: of its state and its report.")
    ] = "fleet",
    bundle: Annotated[
        Path | None,
        typer.Option(
            metavar="FOLDER", help="Bundle folder for all boards. [default: the newest build for each board's profile]"
        ),
    ] = None,
    provision: Annotated[
        bool, typer.Option("--provision", help="First install each profile's ONNX Runtime; boards need no internet.")
    ] = False,
    build_dir: options.BuildDir = Path("build"),
    runs_dir: options.RunsDir = Path("runs"),
    reports_dir: options.ReportsDir = Path("reports"),
    as_json: options.Json = False,
) -> None:
    """Measure bundles on many boards over SSH at once; each run is stored as it ends, a report compares the boards."""
    from sis_edge import report as reports
    from sis_edge.board import inventory as inventories
    from sis_edge.bundles import verify as bundles
    from sis_edge.cli import console
    from sis_edge.cli.documents.fleet import fleet
    from sis_edge.files.names import checked
    from sis_edge.fleet import ray as fleet_ray
    from sis_edge.fleet import report, state
    from sis_edge.fleet.plan import plan
    from sis_edge.results import store

    folder = reports_dir / checked("fleet", name)
    store.check(runs_dir)
    reports.check(folder)
    chosen = inventories.load(inventory).select(names(group or ""), names(limit or ""))
    request = _request(asked, provision)
    words = () if inventory is None else ("--inventory", str(inventory))
    tasks = plan(chosen, request, bundles.open_bundle(bundle) if bundle else None, build_dir, words)
    secrets = terminal.credentials(password_fd, passphrase_fd)
    if ray is not None:
        fleet_ray.check(tasks)
    tasks = [replace(task, trust_on_first_use=trust_on_first_use, credentials=secrets) for task in tasks]
    path = state.file_of(runs_dir, name)
    with state.alone(path):
        begin = state.resumed if resume else state.begun
        simulated = [task.name for task in tasks if task.board.simulated]
        known = begin(path, request.as_dict(), {task.name: task.bundle.id for task in tasks}, simulated)
        required = _required(require, len(known.boards))
        _measure(tasks, known, runs_dir, parallel, ray)
    files = report.write(name, known.boards, folder, known.simulated)
    fault = _fault(known.boards, require, required)
    if as_json and fault is None:
        console.document(fleet(name, path, required, known.boards, files, known.simulated))
    elif not as_json:
        _tell(known, files)
    if fault is not None:
        raise fault


def _request(asked: measuring.Asked, provision: bool) -> "FleetRequest":
    from sis_edge.fleet.plan import FleetRequest

    return FleetRequest(
        networks=None if asked.networks is None else tuple(asked.networks),
        seed=asked.seed,
        options=asked.options,
        runtimes=asked.runtimes,
        provision=provision,
        queue=asked.queue,
        require_energy=asked.require_energy,
        require_valid=asked.require_valid,
    )


def _measure(
    tasks: "list[FleetTask]", known: "FleetFile", runs_dir: Path, parallel: int | None, address: str | None
) -> None:
    """Measure the boards that are not done; what becomes of each is in `known`, and is said as it happens."""
    from sis_edge.cli import console
    from sis_edge.fleet import ray as fleet_ray
    from sis_edge.fleet import run
    from sis_edge.fleet.table import FleetTable

    known.save()
    table = FleetTable(known.boards.items(), simulated=known.simulated)
    with _shown(table, known.simulated) as (tell, heard):

        def on_state(name: str, state: "BoardState") -> None:
            known.put(name, state)
            table.state(name, state)
            tell(name, state)

        if not (left := run.missing(tasks, known)):
            return
        if (simulated := sum(task.board.simulated is not None for task in left)) > 1:
            console.say(f"{simulated} simulated boards share this machine's processor: one is measured at a time")
        how = (left, runs_dir, heard, on_state, parallel or run.MOST_AT_ONCE)
        here = nullcontext(run.ThreadExecutor(*how))
        try:
            with here if address is None else fleet_ray.executor(address, *how) as executor:
                run.run(executor, on_state)
        except KeyboardInterrupt as error:
            raise Interruption(
                f"interrupted; {table.summary()}; the same command with --resume measures the boards that are missing"
            ) from error


@contextmanager
def _shown(table: "FleetTable", simulated: "Collection[str]") -> "Iterator[tuple[OnBoardState, OnBoardEvent]]":
    """The table while the block runs: live on a terminal, else a line for each board that ends, and now and then one
    for all. The functions that it gives are called with each change and each event."""
    from sis_edge.cli import console, verbosity
    from sis_edge.cli.progress import bars
    from sis_edge.fleet.state import ENDED
    from sis_edge.fleet.table import ended, shown_name

    if console.log.is_terminal and not console.log.is_dumb_terminal and not verbosity.is_quiet():
        from rich.live import Live

        def say(name: str, state: "BoardState") -> None:
            if state.progress in ("failed", "cancelled"):
                console.say(ended(shown_name(name, simulated), state))

        with Live(get_renderable=lambda: _drawn(table), console=console.log, refresh_per_second=4, transient=True):
            yield say, table.event
        return
    with bars("fleet") as shown:

        def tell(name: str, state: "BoardState") -> None:
            if state.progress in ENDED:
                shown.note(ended(shown_name(name, simulated), state))
            show()

        def hear(name: str, event: "Event") -> None:
            table.event(name, event)
            show()

        def show() -> None:
            counts = table.counts()
            over = sum(counts[each] for each in ENDED)
            doing = table.running()
            shown.show("boards", over, counts.total(), table.summary(), f"done ({doing})" if doing else "done")

        yield tell, hear


def _drawn(table: "FleetTable") -> "RenderableType":
    from rich.console import Group
    from rich.text import Text

    from sis_edge.cli.console import log
    from sis_edge.fleet.table import HEADINGS
    from sis_edge.report.grid import grid

    lines = table.lines(max(log.height - EDGE_LINES, 1))
    return Group(grid(HEADINGS, lines, words=HEADINGS[:3], whole=["board", "state"]), Text(table.summary()))


def _tell(known: "FleetFile", files: list[Path]) -> None:
    """Every board's outcome as a table, and where the report is."""
    from sis_edge.cli.console import out
    from sis_edge.fleet.table import first_line, shown_name
    from sis_edge.report.grid import grid

    headings = ("board", "outcome", "verdict", "run or reason")
    lines = [
        (
            shown_name(name, known.simulated),
            state.progress,
            ", ".join(state.verdicts),
            first_line(state.problem or "") or ", ".join(state.runs),
        )
        for name, state in known.boards.items()
    ]
    out.print(grid(headings, lines, words=headings, whole=["board", "outcome"]))
    out.print()
    for path in files:
        out.print(str(path), soft_wrap=True)


def _required(text: str, boards: int) -> int:
    """How many boards must succeed; raises UsageError that says what is valid."""
    found = {"all": boards, "any": 1}.get(text) or (int(text) if text.isascii() and text.isdigit() else None)
    if found is None or found > boards:
        raise UsageError(f"--require is '{text}', and must be all, any or a number up to that of the boards, {boards}")
    return found


def _fault(boards: "Mapping[str, BoardState]", require: str, required: int) -> SisEdgeError | None:
    """The error where too few boards are done: of their own kind where all of the others have the same, else failed."""
    from sis_edge.fleet.table import first_line

    others = {name: state for name, state in boards.items() if state.progress != "done"}
    if len(boards) - len(others) >= required:
        return None
    codes = {state.exit_code for state in others.values()}
    kinds = {kind.exit_code: kind for kind in SisEdgeError.__subclasses__()}
    kind = kinds.get(codes.pop(), SisEdgeError) if len(codes) == 1 else SisEdgeError
    first = next(f"{name}: {first_line(state.problem or state.progress)}" for name, state in others.items())
    return kind(
        f"{len(others)} of {len(boards)} boards are not done, and --require is {require}; the first is {first}; "
        "the same command with --resume measures them again"
    )
