"""What `bench`, `deploy` and `quickstart` share: the options of a measuring, doing it, and showing what came of it."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from sis_edge.board.jobs import MeasuringOptions
    from sis_edge.bundles.verify import Bundle
    from sis_edge.cli.console import Bars
    from sis_edge.profiles import DeviceProfile
    from sis_edge.results.schema import StoredRun
    from sis_edge.transport import Transport

RunsDir = Annotated[Path, typer.Option("--runs-dir", help="Where measured runs are stored, one file each.")]
Networks = Annotated[str | None, typer.Option(help="Only these networks, with commas between.")]
Seed = Annotated[int, typer.Option(min=0, help="Of the networks' order in each round.")]
Strict = Annotated[bool, typer.Option("--strict", help="60 s and 1,024 inferences of each network at least.")]
TargetCi = Annotated[
    str | None,
    typer.Option(metavar="SHARE", help="Stop once every speed-up is known that well: 1% or 0.01, for example."),
]
Cores = Annotated[str | None, typer.Option(metavar="LIST", help="Keep the run time on these cores: 0,1 for example.")]
LockClocks = Annotated[
    bool, typer.Option("--lock-clocks", help="Fix the board's clocks while it measures, where that is permitted.")
]
RequireEnergy = Annotated[
    bool, typer.Option("--require-energy", help="End with code 8 where no energy could be measured.")
]
RequireValid = Annotated[
    bool, typer.Option("--require-valid", help="End with code 11 where the verdict is not VALID; the run is stored.")
]
ExternalMeter = Annotated[
    bool,
    typer.Option("--meter", help="A power meter beside the board records: rest and work for it; see `sis-edge meter`."),
]
Backend = Annotated[
    str | None,
    typer.Option(
        metavar="NAME",
        help="The run time, one of the profile's: tensorrt, trtexec, tensorrt_rtx or onnxruntime. [default: the first "
        "that the board has]",
    ),
]
Threads = Annotated[int | None, typer.Option(min=1, help="Of the run time. [default: the profile's]")]
BatchSize = Annotated[int | None, typer.Option(min=1, help="Images in a call. [default: the profile's]")]

Stored = list[tuple["StoredRun", Path]]


def options(
    *,
    length: str = "profile",
    target_ci: str | None = None,
    cores: str | None = None,
    lock_clocks: bool = False,
    threads: int | None = None,
    batch_size: int | None = None,
    external_meter: bool = False,
) -> "MeasuringOptions":
    """The words of the command line as options; raises UsageError that says what is meant."""
    from sis_edge.board.jobs import MeasuringOptions

    return MeasuringOptions(
        length=length,
        target_ci=None if target_ci is None else share(target_ci),
        cores=() if cores is None else core_list(cores),
        lock_clocks=lock_clocks,
        threads=threads,
        batch_size=batch_size,
        external_meter=external_meter,
    )


def share(text: str) -> float:
    """A share from "1%" or "0.01".

    >>> share("1%"), share("0.02"), share(" 2.5 % ")
    (0.01, 0.02, 0.025)
    """
    from sis_edge.errors import UsageError

    words = text.strip()
    try:
        value = float(words.removesuffix("%")) / (100 if words.endswith("%") else 1)
    except ValueError:
        value = -1.0
    if not 0 < value < 1:
        raise UsageError(f"--target-ci is '{text}', and must be a share between 0 and 1, such as 1% or 0.01")
    return value


def core_list(text: str) -> tuple[int, ...]:
    """Core numbers from "0,1".

    >>> core_list("0,1"), core_list("3")
    ((0, 1), (3,))
    """
    from sis_edge.errors import UsageError

    parts = [part.strip() for part in text.split(",")]
    if not all(part.isascii() and part.isdigit() and len(part) < 5 for part in parts):
        raise UsageError(f"--cores is '{text}', and must be core numbers with commas between, such as 0,1")
    return tuple(dict.fromkeys(map(int, parts)))


def name_list(text: str | None) -> list[str] | None:
    """Names from a list with commas; None stays None."""
    return None if text is None else [part.strip() for part in text.split(",") if part.strip()]


def measure(
    bundle: "Bundle",
    transport: "Transport",
    profile: "DeviceProfile",
    runs_dir: Path,
    shown: "Bars",
    *,
    networks: list[str] | None = None,
    seed: int = 0,
    asked: "MeasuringOptions | None" = None,
    provision: bool = False,
    job: str | None = None,
) -> Stored:
    """Deploy, or collect an older job, and store each record as it comes: one for each threads and batch size."""
    from datetime import UTC, datetime

    from sis_edge.board import deploy
    from sis_edge.board.jobs import DEFAULT
    from sis_edge.files.cache import cache_root
    from sis_edge.results import store
    from sis_edge.results.schema import StoredRun

    if job is None:
        records = deploy.deploy_each(
            bundle,
            transport,
            profile,
            networks=networks,
            seed=seed,
            options=asked or DEFAULT,
            provision_from=cache_root() / "wheels" if provision else None,
            on_event=shown.event,
        )
    else:
        records = iter([deploy.collect(transport, profile, job, on_event=shown.event)])
    found = []
    for record in records:
        run = StoredRun(
            stored_at=datetime.now(UTC),
            profile=profile.name,
            board=transport.name,
            bundle_id=bundle.id,
            manifest=bundle.manifest,
            record=record,
        )
        found.append((run, store.save(run, runs_dir)))
    return found


def show(stored: Stored, require_energy: bool = False, require_valid: bool = False) -> None:
    """The tables of the runs; then raises BoardError for what went wrong, VerdictError for what must be VALID."""
    from sis_edge.cli.console import out
    from sis_edge.errors import BoardError
    from sis_edge.report import terminal

    for run, path in stored:
        out.print(terminal.table(run))
        out.print(f"Run stored in {path}; `sis-edge report` makes the page of it.", soft_wrap=True)
        if run.record.job.power is not None and run.record.job.power.external_meter:
            out.print(f"`sis-edge meter {path} CSV` adds the energy of the meter's recording.", soft_wrap=True)
    faults = [fault for run, _ in stored for fault in _faults(run)]
    if not faults and require_energy:
        faults = _without_energy([run for run, _ in stored])
    if faults:
        raise BoardError("; ".join(dict.fromkeys(faults)))
    if require_valid:
        _must_be_valid([run for run, _ in stored])


def _must_be_valid(runs: "Sequence[StoredRun]") -> None:
    from sis_edge.errors import VerdictError
    from sis_edge.results.verdict import judge

    for run in runs:
        verdict = judge(run.record)
        if verdict.level != "VALID":
            reasons = "; ".join(reason.sentence for reason in verdict.reasons)
            raise VerdictError(f"--require-valid, and the verdict is {verdict.level} ({reasons}); the run is stored")


def _faults(run: "StoredRun") -> list[str]:
    if run.record.problem is not None:
        return [f"the job did not end well: {run.record.problem.message}"]
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
    return [f"--require-energy, and {found[0]}; the run is stored all the same"] if found else []
