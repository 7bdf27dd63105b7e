"""Jobs of a board for people: a table of all, one in detail, a log; at most 80 columns."""

from collections.abc import Iterable
from typing import TYPE_CHECKING

from sis_agent.schema import QUEUED, RUNNING
from sis_edge.cli import console
from sis_edge.cli.progress import elapsed

if TYPE_CHECKING:
    from sis_edge.board.jobs_on_board import BoardJob, BoardJobs, LogPiece

WIDEST_NETWORKS = 22


def show_list(found: "BoardJobs", board: str) -> None:
    """The table of all jobs; damaged folders are named below it."""
    from sis_edge.report.grid import grid
    from sis_edge.report.rows import size

    if not found.jobs:
        console.out.print(f"There is no job on {board}.", soft_wrap=True)
    else:
        headings = ("job", "state", "networks", "where it stands", "size")
        lines = [
            (job.job_id, job.state, _networks(job.networks), _stands(job, is_short=True), size(job.size_bytes))
            for job in found.jobs
        ]
        console.out.print(grid(headings, lines, words=headings[:4], whole=("job", "state", "size")))
    if found.left_out:
        console.say(f"{found.left_out:,} older jobs are not listed; `sis-edge clean --kinds jobs` removes old ones")
    if found.measuring is not None and all(job.job_id != found.measuring for job in found.jobs):
        console.say(f"{board} is busy: {found.measuring}")
    for folder in found.damaged:
        console.warn(f"{found.root}/jobs/{folder.name} is no job: {folder.why}")


def show_status(job: "BoardJob", board: str) -> None:
    """One job in detail."""
    from sis_edge.report.grid import pairs
    from sis_edge.report.rows import size

    problem = (job.problem or {}).get("message")
    lines = (
        ("job", job.job_id),
        ("board", board),
        ("state", job.state),
        ("where it stands", _stands(job)),
        ("started", job.started_at or ("not yet" if job.state == QUEUED else "not known")),
        ("ended", job.ended_at or ("not yet" if job.state in (QUEUED, RUNNING) else "not known")),
        ("networks", ", ".join(job.networks)),
        ("bundle", job.bundle_id),
        ("record", "there" if job.has_record else "none"),
        ("problem", str(problem) if problem else "none"),
        ("size on the board", size(job.size_bytes)),
    )
    console.out.print(pairs(lines))


def print_log(first: "LogPiece", others: "Iterable[LogPiece]") -> None:
    """The lines of a log as they come."""
    if first.begin:
        console.say(f"{first.begin:,} bytes before this are left out; --bytes prints more")
    last = first
    _print_lines(first.lines)
    for last in others:
        _print_lines(last.lines)
    if not last.size_bytes:
        console.say(f"the log of job {last.job_id} is empty, and the job is {last.state}")


def _print_lines(lines: list[str]) -> None:
    for line in lines:
        console.out.print(line, soft_wrap=True)


def _networks(names: list[str]) -> str:
    """As many names as there is room for."""
    text = ", ".join(names)
    if len(text) <= WIDEST_NETWORKS:
        return text
    return f"{names[0]} and {len(names) - 1} more" if len(names) > 1 else names[0]


def _stands(job: "BoardJob", *, is_short: bool = False) -> str:
    """How far a job is, in a few words; the short ones leave out which job comes before it."""
    from sis_edge.board.started import waits

    if job.state == QUEUED:
        if job.pid is None:
            return "was not started"
        short = "next in turn" if job.ahead < 2 else f"{job.ahead} jobs come first"
        return short if is_short else f"waits {waits(job.behind, job.ahead)}"
    if job.state == RUNNING:
        return f"{job.phase} {job.done:,.0f} of {job.of:,.0f}" if _is_counted(job) else str(job.phase or "begins")
    return f"ended {age(job.idle_s)} ago{'' if job.has_record else ', no record'}"


def age(seconds: float) -> str:
    """How long ago something was.

    >>> age(90), age(30 * 86400)
    ('1 min 30 s', '30 days')
    """
    return f"{seconds / 86400:,.0f} days" if seconds >= 2 * 86400 else elapsed(seconds)


def _is_counted(job: "BoardJob") -> bool:
    return all(isinstance(each, int | float) for each in (job.done, job.of))
