"""What `bench`, `deploy` and `quickstart` share: the words of a measuring, and showing what came of it."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from sis_edge.cli import options
from sis_edge.cli.command import gathered
from sis_edge.cli.lists import names, share, whole_numbers
from sis_edge.registries import BACKENDS

if TYPE_CHECKING:
    from sis_edge.board.jobs import MeasuringOptions
    from sis_edge.board.measure import StoredFile
    from sis_edge.cli.documents.base import Document
    from sis_edge.errors import SisEdgeError
    from sis_edge.results.schema import StoredRun

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


def asked(
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
) -> Asked:
    """The words of the command line as options; raises UsageError that says what is valid."""
    from sis_edge.board.jobs import MeasuringOptions

    runtimes = _runtimes(backend)
    measuring = MeasuringOptions(
        length="strict" if strict else "profile",
        target_ci=None if target_ci is None else share("--target-ci", target_ci),
        cores=() if cores is None else whole_numbers("--cores", cores, "core numbers", MOST_CORES, "0,1"),
        lock_clocks=lock_clocks,
        threads=threads,
        batch_size=batch_size,
        external_meter=meter,
        processes=processes,
        runtimes=runtimes if len(runtimes) > 1 else (),
    )
    only = None if networks is None else list(names(networks))
    return Asked(only, seed, measuring, runtimes, require_energy, require_valid)


def _runtimes(text: str | None) -> tuple[str, ...]:
    """The runtimes of `--backend`, none where it is left out; raises UsageError for an unknown one."""
    if text is None:
        return ()
    found = tuple(dict.fromkeys(names(text)))
    for name in found or (text,):
        BACKENDS.checked(name)
    return found


measured = gathered("asked", asked)
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

    require = (False, False) if asked is None else (asked.require_energy, asked.require_valid)
    fault = _fault([each.run for each in stored], *require)
    if not as_json:
        show(stored)
    elif fault is None:
        console.document(document())
    else:
        for each in stored:
            console.say(f"run stored in {each.path}")
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


def _fault(runs: "Sequence[StoredRun]", require_energy: bool, require_valid: bool) -> "SisEdgeError | None":
    """What ends the command with an error though the runs are stored."""
    from sis_edge.errors import BoardError, VerdictError
    from sis_edge.results.verdict import ACCEPTED, judge_run

    faults = [fault for run in runs for fault in _problems(run)]
    if not faults and require_energy:
        faults = _without_energy(runs)
    if faults:
        return BoardError("; ".join(dict.fromkeys(faults)))
    for verdict in (judge_run(run) for run in runs if require_valid):
        if verdict.level not in ACCEPTED:
            reasons = "; ".join(reason.sentence for reason in verdict.reasons) or "measure without --quick"
            accepted = " and ".join(f"'{level}'" for level in ACCEPTED)
            return VerdictError(
                f"--require-valid accepts {accepted}, and the verdict is {verdict.level} ({reasons}); the run is stored"
            )
    return None


def _problems(run: "StoredRun") -> list[str]:
    if run.record.problem is not None:
        return [f"the job failed: {run.record.problem.message}"]
    problems = [f"{network.name}: {network.problem.message}" for network in run.record.networks if network.problem]
    if not problems:
        return []
    return [f"{len(problems)} of {len(run.record.networks)} networks had a problem: {'; '.join(problems)}"]


def _without_energy(runs: "Sequence[StoredRun]") -> list[str]:
    from sis_edge.results import energy

    found = []
    for run in runs:
        for name, measured in energy.per_inference(run).items():
            if measured.gross_j is None:
                found.append(f"{name} has no energy ({measured.reason or 'no reason was given'})")
    return [f"--require-energy, and {found[0]}; the run is stored"] if found else []
