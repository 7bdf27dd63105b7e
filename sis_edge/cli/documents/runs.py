"""What `bench`, `deploy`, `quickstart`, `meter` and `report` say of measured runs."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from pydantic import Field, create_model

from sis_edge.cli.documents.base import Document, Part, known
from sis_edge.report import summaries
from sis_edge.report.summary import RunSummary
from sis_edge.results.comparison import compare
from sis_edge.results.rows.fields import FIELDS, reasons, values
from sis_edge.results.verdict import Verdict, judge_run

if TYPE_CHECKING:
    from sis_edge.board.measure import StoredFile
    from sis_edge.board.self_check import Check
    from sis_edge.report.overview import AllRuns
    from sis_edge.results.schema import StoredRun


_COLUMNS: dict[str, Any] = {field.name: (field.type | None, ...) for field in FIELDS}

NetworkResult: Any = create_model(
    "NetworkResult",
    __base__=Part,
    __doc__="One network of a run: the columns of a report's `results.csv`.",
    **_COLUMNS,
)


class RunResult(Part):
    """One run: how it was measured, its verdict, and a row for each network as in a report's `results.json`."""

    run_id: str
    stored_at: str
    profile: str
    board: str
    bundle_id: str
    runtime: str
    runtimes: tuple[str, ...] = Field(description="All runtimes that ran networks; the first is `runtime`.")
    threads: int
    batch_size: int
    simulated: bool
    emulated: bool
    verdict: Verdict
    networks: tuple[NetworkResult, ...]


class StoredResult(RunResult):
    """A run that was stored now, in the file `path`."""

    path: str


class _Measured(Document):
    runs: tuple[StoredResult, ...]


class BenchDocument(_Measured):
    """`sis-edge bench`: the runs, one for each number of threads and batch size."""

    document: Literal["bench"] = "bench"


class DeployDocument(_Measured):
    """`sis-edge deploy`: the runs, one for each number of threads and batch size."""

    document: Literal["deploy"] = "deploy"


class JobsFetchDocument(_Measured):
    """`sis-edge jobs fetch`: the run of a job that was started before; none with --output, which stores no run."""

    document: Literal["jobs-fetch"] = "jobs-fetch"


class _JobState(Document):
    job_id: str
    board: str
    state: str


class CancelDocument(_JobState):
    """`sis-edge deploy --cancel`: the job and its state now, which is "cancelled" unless it had ended before."""

    document: Literal["cancel"] = "cancel"


class JobsCancelDocument(_JobState):
    """`sis-edge jobs cancel`: the job and its state now, which is "cancelled" unless it had ended before."""

    document: Literal["jobs-cancel"] = "jobs-cancel"


class JobsResumeDocument(_JobState):
    """`sis-edge jobs resume`: the job and its state, which is "running" now that it goes on."""

    document: Literal["jobs-resume"] = "jobs-resume"


class MeterDocument(_Measured):
    """`sis-edge meter`: the run with the meter's energy."""

    document: Literal["meter"] = "meter"


class QuickstartDocument(_Measured):
    """`sis-edge quickstart`: the runs, and the report's files."""

    document: Literal["quickstart"] = "quickstart"
    bundle: str
    files: tuple[str, ...]


class ReportDocument(Document):
    """`sis-edge report`: the files that were written, and the runs in them."""

    document: Literal["report"] = "report"
    files: tuple[str, ...]
    runs: tuple[RunResult, ...]


class NetworkCheck(Part):
    """One network: the agent's times over those of a plain loop, 1 being the same; intervals are 95%."""

    network: str
    p50_ratio: float
    p50_ratio_low: float | None
    p50_ratio_high: float | None
    p90_ratio: float
    p50_s: float
    p90_s: float
    pairs: int
    inferences_per_turn: int


class SelfCheckDocument(Document):
    """`sis-edge bench --self-check`: the agent against a plain loop, where both agree within `goal`."""

    document: Literal["self-check"] = "self-check"
    goal: float
    checks: tuple[NetworkCheck, ...]


def stored(runs: "Sequence[StoredFile]") -> tuple[StoredResult, ...]:
    """The runs that a command stored, each with its file."""
    return tuple(StoredResult(path=str(each.path), **_values(each.run)) for each in runs)


def reported(runs: "Sequence[StoredRun]", files: Sequence[Path]) -> ReportDocument:
    """The document of a report."""
    results = tuple(RunResult(**_values(run)) for run in runs)
    return ReportDocument(files=tuple(map(str, files)), runs=results)


def overview(found: "AllRuns") -> ReportDocument:
    """The document of a report over all runs, the oldest first; their figures come from the cache."""
    results = tuple(RunResult(**_summarized(summaries.of_file(path))) for path in found.runs)
    return ReportDocument(files=tuple(map(str, found.written)), runs=results)


def _summarized(run: RunSummary) -> dict[str, Any]:
    """The same of a summary as `_values` of a run."""
    return {
        "run_id": run.run_id,
        "stored_at": run.entry["stored_at"],
        "profile": run.profile,
        "board": run.board,
        "bundle_id": run.bundle_id,
        "runtime": run.runtimes[0],
        "runtimes": run.runtimes,
        "threads": run.threads,
        "batch_size": run.batch_size,
        "simulated": run.simulated,
        "emulated": run.emulated,
        "verdict": run.entry["verdict"],
        "networks": [NetworkResult(**network) for network in run.networks],
    }


def checked(checks: "Sequence[Check]", goal: float) -> SelfCheckDocument:
    """The document of a self-check."""
    return SelfCheckDocument(goal=goal, checks=tuple(map(_check, checks)))


def _values(run: "StoredRun") -> dict[str, Any]:
    """The one place that takes rows from a run."""
    record, facts = run.record, run.record.facts_before
    return {
        "run_id": record.run_id,
        "stored_at": run.stored_at.isoformat(),
        "profile": run.profile,
        "board": run.board,
        "bundle_id": run.bundle_id,
        "runtime": run.runtimes[0],
        "runtimes": run.runtimes,
        "threads": record.job.threads,
        "batch_size": record.job.batch_size,
        "simulated": run.is_simulated,
        "emulated": facts.emulated,
        "verdict": judge_run(run),
        "networks": [NetworkResult(**values(row), reasons=reasons(row)) for row in compare(run)],
    }


def _check(check: "Check") -> NetworkCheck:
    interval = check.p50.interval
    few = f"{check.p50.rounds} pairs of turns are too few for an interval"
    return NetworkCheck(
        network=check.network,
        p50_ratio=check.p50.estimate,
        p90_ratio=check.p90_ratio,
        p50_s=check.p50_s,
        p90_s=check.p90_s,
        pairs=check.p50.rounds,
        inferences_per_turn=check.inferences,
        **known(
            p50_ratio_low=(interval.low if interval else None, few),
            p50_ratio_high=(interval.high if interval else None, few),
        ),
    )
