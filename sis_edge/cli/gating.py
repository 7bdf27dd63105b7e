"""What `gate` takes besides its command: how both are measured, options of models, files to write; and its output."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from sis_edge.cli import given, measuring, options, reach
from sis_edge.errors import GateError, UsageError

if TYPE_CHECKING:
    from sis_edge.build.given.request import GivenRequest
    from sis_edge.cli.progress import Bars
    from sis_edge.gate.measurer import Measurer
    from sis_edge.gate.result import GateResult
    from sis_edge.gate.sides import GateSide

    Format = Callable[[GateResult], str]

FILES = "Files"
"""The heading of the options that name files to write."""

MOST_FILE_BYTES = 1_000_000


def file(help: str, name: str) -> typer.models.OptionInfo:
    """An option for a file to write."""
    found: typer.models.OptionInfo = typer.Option(name, metavar="FILE", help=help, rich_help_panel=FILES)
    return found


@dataclass(frozen=True)
class GateMeasuring:
    """How both are measured; `rounds` is the least number of them, None for the profile's."""

    asked: measuring.Asked
    rounds: int | None


def asked(
    backend: options.Backend = None,
    networks: options.Networks = None,
    seed: options.OrderSeed = 0,
    strict: options.Strict = False,
    rounds: Annotated[
        int | None,
        typer.Option(min=1, metavar="N", help="Measure at least N rounds. [default: the profile's, 30]"),
    ] = None,
    cores: options.Cores = None,
    threads: options.Threads = None,
    batch_size: options.BatchSize = None,
    processes: options.Processes = None,
    lock_clocks: options.LockClocks = False,
    no_queue: options.NoQueue = False,
    trust: options.Trust = False,
) -> GateMeasuring:
    """The words of the command line; raises UsageError that says what is valid."""
    found = measuring.asked(
        backend=backend,
        networks=networks,
        seed=seed,
        strict=strict,
        cores=cores,
        threads=threads,
        batch_size=batch_size,
        processes=processes,
        lock_clocks=lock_clocks,
        no_queue=no_queue,
        trust=trust,
    )
    return GateMeasuring(found, rounds)


def models(
    shape: given.Shape = None,
    inputs: given.Inputs = None,
    labels: given.Labels = None,
    tolerance: given.Tolerance = None,
    relative_tolerance: given.RelativeTolerance = None,
) -> "GivenRequest":
    """What is said of models, without the models themselves."""
    from sis_edge.build.given.request import TOLERANCE, GivenRequest

    return GivenRequest(
        shapes=tuple(shape or ()),
        inputs=tuple(inputs or ()),
        labels=tuple(labels or ()),
        tolerance=TOLERANCE if tolerance is None else tolerance,
        relative_tolerance=TOLERANCE if relative_tolerance is None else relative_tolerance,
    )


def opened(
    named: "Sequence[str]",
    model: "GivenRequest",
    profile: str | None,
    build_dir: Path,
    scratch: Path,
    asked: measuring.Asked,
    say: "Callable[[str], None]",
) -> "list[GateSide]":
    """What the command line names, as bundles that may be run; raises UsageError for options of models without one."""
    from sis_edge.build.given.request import GivenRequest
    from sis_edge.gate import sides

    if model != GivenRequest() and not any(map(sides.uses_model, named)):
        raise UsageError(
            "--shape, --inputs, --labels and the tolerances belong to models, and "
            f"{' and '.join(named)} {'are none' if len(named) > 1 else 'is none'}; leave them out"
        )
    request = replace(model, profile=profile or "local")
    found = []
    for number, name in enumerate(named):
        folder = scratch / str(number)
        folder.mkdir()
        side = sides.open_side(name, request, build_dir, folder, say)
        sides.check(side, trusted=asked.options.trust)
        found.append(side)
    return found


@contextmanager
def measurer(
    candidate: "GateSide",
    how: GateMeasuring,
    connect: reach.Way,
    board: str | None,
    profile: str | None,
    runs_dir: Path,
    shown: "Bars",
) -> "Iterator[Measurer]":
    """What measures on the board that the command line names: over SSH, a simulated one, or this machine."""
    from sis_edge import profiles
    from sis_edge.cli import bench
    from sis_edge.cli.attending import attendance
    from sis_edge.gate.measurer import Measurer

    asked = how.asked
    with ExitStack() as stack:
        if connect.words:
            transport = stack.enter_context(closing(connect()))
            name = connect.profile(profile)
            known = profiles.load(name) if name else profiles.of_bundle(candidate.bundle.manifest.profile)
            known = connect.adapted(known)
        else:
            transport, known = stack.enter_context(bench.here(board, profile))
        yield Measurer(
            *(transport, known, runs_dir, asked.options, asked.runtimes, how.rounds, asked.seed, shown.event),
            attendance(connect.words, profile, queue=asked.queue, is_lasting=board is None),
        )


def checked_files(formats: "Mapping[Path | None, Format]") -> "dict[Path, Format]":
    """The files that are to be written; raises DiskError where one cannot be, before anything is measured."""
    from sis_edge.files.disk import check_room

    found = {path: text for path, text in formats.items() if path is not None}
    for path in found:
        check_room(path.parent, MOST_FILE_BYTES)
    return found


def finish(result: "GateResult", files: "Mapping[Path, Format]", *, as_json: bool) -> None:
    """Write the files and print the result; raises GateError where it does not pass."""
    from sis_edge.cli import console
    from sis_edge.cli.documents.gate import gated
    from sis_edge.files.atomic import write_text
    from sis_edge.gate.formats.lines import verdict

    for path, text in files.items():
        write_text(path, text(result))
    if as_json:
        console.document(gated(result))
    else:
        show(result)
    if not result.passed:
        named = [f"{each.network} {each.metric.name} {verdict(each, result.rules).lower()}" for each in result.stopping]
        more = f" and {len(named) - 3} more" if len(named) > 3 else ""
        raise GateError(f"the gate does not let {result.candidate} pass: {', '.join(named[:3])}{more}")


def show(result: "GateResult") -> None:
    """The result on the terminal: a table of at most 80 columns, the reasons, and what must be known to read it."""
    from sis_edge.cli.console import out
    from sis_edge.gate.formats.lines import HEADINGS, WORDS, cells, measured_how, sentences
    from sis_edge.report.grid import grid

    styles = {"REGRESSED": "bold red", "UNDECIDED": "bold red", "NOT MEASURED": "bold red", "undecided": "yellow"}
    out.print(f"{result.headline}", style="bold")
    by_network: dict[str, list[tuple[str, ...]]] = {}
    for each in result.findings:
        network, *row = cells(each, result.rules)
        by_network.setdefault(network, []).append(tuple(row))
    for network, lines in by_network.items():
        out.print()
        out.print(grid(HEADINGS[1:], lines, title=network, words=WORDS, whole=HEADINGS, styles=styles))
    out.print()
    for sentence in (*sentences(result), measured_how(result)):
        out.print(sentence, soft_wrap=True)
    for note in result.notes:
        out.print(f"Note: {note}", soft_wrap=True)
    for stored in result.runs:
        out.print(f"Run stored in {stored.path}.", soft_wrap=True)
