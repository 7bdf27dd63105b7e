"""What `bench`, `deploy` and `quickstart` share: the words of a measuring, and showing what came of it."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from sis_edge.cli import options
from sis_edge.cli.command import gathered
from sis_edge.cli.lists import backends, names, share, whole_numbers
from sis_edge.cli.quantities import duration_s

if TYPE_CHECKING:
    from sis_edge.board.jobs import MeasuringOptions
    from sis_edge.board.measure import StoredFile
    from sis_edge.cli.documents.base import Document

MOST_CORES = 10_000


@dataclass(frozen=True)
class Asked:
    """What the command line says of a measuring, and of the run that it must give."""

    networks: list[str] | None
    seed: int
    options: "MeasuringOptions"
    runtimes: tuple[str, ...]
    require_energy: bool
    require_valid: bool
    queue: bool = True


def asked(
    backend: options.Backend = None,
    networks: options.Networks = None,
    seed: options.OrderSeed = 0,
    strict: options.Strict = False,
    quick: options.Quick = False,
    target_ci: options.TargetCi = None,
    cores: options.Cores = None,
    threads: options.Threads = None,
    batch_size: options.BatchSize = None,
    processes: options.Processes = None,
    lock_clocks: options.LockClocks = False,
    meter: options.ExternalMeter = False,
    sustain: options.Sustain = None,
    rate: options.Rate = None,
    cool_to: options.CoolTo = None,
    rest: options.RestTime = None,
    no_queue: options.NoQueue = False,
    require_energy: options.RequireEnergy = False,
    require_valid: options.RequireValid = False,
    trust: options.Trust = False,
) -> Asked:
    """The words of the command line as options; raises UsageError that says what is valid."""
    from sis_edge.board.jobs import MeasuringOptions
    from sis_edge.board.sustained import SustainedOptions

    sustained = SustainedOptions(
        time_s=None if sustain is None else duration_s("--sustain", sustain),
        rate_hz=rate,
        cool_to_c=cool_to,
        rest_s=None if rest is None else duration_s("--rest", rest),
    )
    runtimes = () if backend is None else backends(backend)
    measuring = MeasuringOptions(
        length="strict" if strict else "quick" if quick else "profile",
        target_ci=None if target_ci is None else share("--target-ci", target_ci),
        cores=() if cores is None else whole_numbers("--cores", cores, "core numbers", MOST_CORES, "0,1"),
        lock_clocks=lock_clocks,
        threads=threads,
        batch_size=batch_size,
        external_meter=meter,
        processes=processes,
        runtimes=runtimes if len(runtimes) > 1 else (),
        trust=trust,
        sustained=sustained,
    )
    only = None if networks is None else list(names(networks))
    return Asked(only, seed, measuring, runtimes, require_energy, require_valid, not no_queue)


measured = gathered("asked", asked, belongs={"rate": ("sustain",)})
"""Gives a command the options of a measuring; what they say goes to its parameter `asked`."""


def finish(
    stored: "Sequence[StoredFile]",
    document: "Callable[[], Document]",
    *,
    as_json: bool,
    asked: Asked | None = None,
) -> None:
    """Print the runs, as tables or as a document; raises BoardError for what went wrong, VerdictError for what must be
    VALID, as far as the board shows it. An error leaves no document: the runs are stored, and a note says where.
    """
    from sis_edge.cli import console
    from sis_edge.report import summaries
    from sis_edge.results import acceptance

    energy, valid = (False, False) if asked is None else (asked.require_energy, asked.require_valid)
    fault = acceptance.fault([each.run for each in stored], require_energy=energy, require_valid=valid)
    if not as_json:
        show(stored)
    elif fault is None:
        console.document(document())
    else:
        for each in stored:
            console.say(f"run stored in {each.path}")
    for each in stored:
        summaries.of_file(each.path)  # now, so that a report over all runs finds its figures computed
    if fault is not None:
        raise fault


def show(stored: "Sequence[StoredFile]") -> None:
    """The tables of the runs, and what can be done with them next."""
    from sis_edge.cli.console import out
    from sis_edge.report import terminal

    for each in stored:
        out.print(terminal.table(each.run))
        out.print(f"Run stored in {each.path}; `sis-edge report` makes a page of it.", soft_wrap=True)
        if each.run.record.job.power is not None and each.run.record.job.power.external_meter:
            out.print(f"`sis-edge meter {each.path} CSV` adds the energy from the meter's recording.", soft_wrap=True)
