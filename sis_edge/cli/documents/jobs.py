"""What `jobs`, `deploy --detach` and `clean` say of a board's jobs and of what it keeps."""

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, Literal

from sis_edge.cli.documents.base import Document, Part, known

if TYPE_CHECKING:
    from sis_edge.board.agent_client import Started
    from sis_edge.board.cleaning import Cleaned
    from sis_edge.board.jobs_on_board import BoardJob, BoardJobs, DamagedJob

NOT_KEPT = "the board has not kept it"


class JobEntry(Part):
    """One job: its state is queued, running, done, failed or cancelled; times are of the board's clock, in UTC.

    `behind` is the job before it in the queue; `phase`, `done` and `of` are its last step, `idle_s` the time since its
    files last changed.
    """

    job_id: str
    state: str
    behind: str | None
    bundle_id: str
    networks: tuple[str, ...]
    started_at: str | None
    ended_at: str | None
    idle_s: float
    phase: str | None
    done: float | None
    of: float | None
    problem: str | None
    has_record: bool
    size_bytes: int


class DamagedFolder(Part):
    """A folder among the jobs that is not one, or cannot be read."""

    name: str
    why: str


class JobsListDocument(Document):
    """`sis-edge jobs list`: the jobs of a board, those that run or wait first, then the newest."""

    document: Literal["jobs-list"] = "jobs-list"
    board: str
    measuring: str | None
    jobs: tuple[JobEntry, ...]
    damaged: tuple[DamagedFolder, ...]
    left_out: int


class JobsStatusDocument(Document):
    """`sis-edge jobs status`: one job of a board."""

    document: Literal["jobs-status"] = "jobs-status"
    board: str
    job: JobEntry


class JobsLogsDocument(Document):
    """`sis-edge jobs logs`: the end of a job's log, which has `size_bytes` in all; the lines begin at byte `begin`."""

    document: Literal["jobs-logs"] = "jobs-logs"
    job_id: str
    board: str
    state: str
    begin: int
    size_bytes: int
    lines: tuple[str, ...]


class StartedEntry(Part):
    """A job that was started and left: it runs, or waits `behind` another one."""

    job_id: str
    state: str
    behind: str | None
    status_command: str
    fetch_command: str
    cancel_command: str


class DetachDocument(Document):
    """`sis-edge deploy --detach`: the jobs, one for each number of threads and batch size, and how to come back."""

    document: Literal["detach"] = "detach"
    board: str
    jobs: tuple[StartedEntry, ...]


class CleanEntry(Part):
    """One thing on a board, and how long ago it changed or was used."""

    kind: str
    name: str
    size_bytes: int
    idle_s: float


class CleanDocument(Document):
    """`sis-edge clean`: what was removed from a board, or with --dry-run would be."""

    document: Literal["clean"] = "clean"
    board: str
    dry_run: bool
    entries: tuple[CleanEntry, ...]
    failed: tuple[DamagedFolder, ...]
    freed_bytes: int


def listed(board: str, found: "BoardJobs") -> JobsListDocument:
    """The document of a board's jobs."""
    return JobsListDocument(
        board=board,
        jobs=tuple(map(entry, found.jobs)),
        damaged=tuple(map(_damaged, found.damaged)),
        left_out=found.left_out,
        **known(measuring=(found.measuring, "nothing is measured")),
    )


def entry(job: "BoardJob") -> JobEntry:
    """One job."""
    kept = job._asdict()
    own: dict[str, Any] = {name: kept[name] for name in JobEntry.model_fields if name in kept}
    no_step = "it has no step yet"
    return JobEntry(
        **own
        | known(
            behind=(job.behind, "it does not wait for another one"),
            started_at=(job.started_at, "it has not started" if job.state == "queued" else NOT_KEPT),
            ended_at=(job.ended_at, "it has not ended" if job.state in ("queued", "running") else NOT_KEPT),
            phase=(job.phase if isinstance(job.phase, str) else None, no_step),
            done=(_number(job.done), no_step),
            of=(_number(job.of), no_step),
            problem=(str((job.problem or {}).get("message") or "") or None, "it had none"),
        )
    )


def detached(board: str, jobs: "Sequence[Started]", command: Callable[[str, str], str]) -> DetachDocument:
    """The document of jobs that were left; `command` gives that of a verb and a job."""
    return DetachDocument(
        board=board,
        jobs=tuple(
            StartedEntry(
                job_id=job.job_id,
                state=job.state,
                status_command=command("status", job.job_id),
                fetch_command=command("fetch", job.job_id),
                cancel_command=command("cancel", job.job_id),
                **known(behind=(job.behind, "it does not wait for another one")),
            )
            for job in jobs
        ),
    )


def cleaned(board: str, found: "Cleaned", *, dry_run: bool) -> CleanDocument:
    """The document of what went, or would."""
    entries = tuple(
        CleanEntry(kind=each.kind, name=each.name, size_bytes=each.size_bytes, idle_s=each.idle_s)
        for each in found.entries
    )
    failed = tuple(DamagedFolder(name=f"{each.kind} {each.name}", why=each.why) for each in found.failed)
    return CleanDocument(board=board, dry_run=dry_run, entries=entries, failed=failed, freed_bytes=found.freed_bytes)


def _damaged(folder: "DamagedJob") -> DamagedFolder:
    return DamagedFolder(name=folder.name, why=folder.why)


def _number(value: object) -> float | None:
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else None
