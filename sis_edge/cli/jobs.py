"""`sis-edge jobs`: the jobs of a board, listed, asked, followed, fetched and cancelled."""

from pathlib import Path
from typing import Annotated, Any

import typer

from sis_edge.cli import measuring, options, reach
from sis_edge.cli.command import alone, command, group
from sis_edge.errors import BoardError, Interruption

app, _jobs = group("jobs", "The jobs of a board; without a command, list them.", is_command=True)

TAIL_BYTES = 262_144
"""Of a log that is printed without --bytes."""


@reach.board
def _list(connect: reach.Way, profile: options.AgentProfile = None, as_json: options.Json = False) -> None:
    """List a board's jobs: those that run or wait first, then the newest."""
    from sis_edge.board import jobs_on_board
    from sis_edge.cli import at_board, console, job_tables
    from sis_edge.cli.documents.jobs import listed

    with at_board.session(connect, profile) as at:
        found, board = jobs_on_board.jobs(at), at.transport.name
    if as_json:
        console.document(listed(board, found))
        return
    job_tables.show_list(found, board)


command(_jobs, "list")(_list)
alone(_jobs)(_list)


@command(_jobs)
@reach.board
def status(
    connect: reach.Way, job_id: options.JobId, profile: options.AgentProfile = None, as_json: options.Json = False
) -> None:
    """Show one job: its state, its place in the queue, how far it is, its problem."""
    from sis_edge.board import jobs_on_board
    from sis_edge.cli import at_board, console, job_tables
    from sis_edge.cli.documents.jobs import JobsStatusDocument, entry

    with at_board.session(connect, profile) as at:
        found, board = jobs_on_board.jobs(at, job_id), at.transport.name
    for folder in found.damaged:
        raise BoardError(f"{board}: job {job_id} is damaged: {folder.why}")
    if as_json:
        console.document(JobsStatusDocument(board=board, job=entry(found.jobs[0])))
        return
    job_tables.show_status(found.jobs[0], board)


@command(_jobs, excludes={"follow": ("as_json",)})
@reach.board
def logs(
    connect: reach.Way,
    job_id: options.JobId,
    follow: Annotated[bool, typer.Option("--follow", "-f", help="Go on until the job ends; Ctrl-C leaves it.")] = False,
    last_bytes: Annotated[
        int, typer.Option("--bytes", min=1, metavar="N", help="Print this much of the log's end.")
    ] = TAIL_BYTES,
    profile: options.AgentProfile = None,
    as_json: options.Json = False,
) -> None:
    """Print a job's log: what its process and the runtimes wrote."""
    from sis_edge.board import jobs_on_board
    from sis_edge.cli import at_board, console, job_tables
    from sis_edge.cli.documents.jobs import JobsLogsDocument

    with at_board.session(connect, profile) as at:
        pieces = jobs_on_board.log(at, job_id, -last_bytes, follow=follow)
        first = next(pieces)
        if not as_json:
            try:
                job_tables.print_log(first, pieces)
            except KeyboardInterrupt as error:
                raise Interruption(f"interrupted; job {job_id} on {at.transport.name} is left as it is") from error
            return
        lines = [*first.lines, *(line for piece in pieces for line in piece.lines)]
        where: dict[str, Any] = {"begin": first.begin, "size_bytes": first.size_bytes, "state": first.state}
        console.document(JobsLogsDocument(job_id=job_id, board=at.transport.name, lines=tuple(lines), **where))


@command(_jobs, excludes={"bundle": ("build_dir",), "output": ("as_json", "runs_dir", "bundle", "build_dir")})
@reach.board
def fetch(
    connect: reach.Way,
    job_id: options.JobId,
    bundle: Annotated[
        Path | None,
        typer.Option("--bundle", metavar="FOLDER", help="Bundle that it measured. [default: in the builds, or there]"),
    ] = None,
    output: Annotated[
        Path | None,
        typer.Option("--output", "-o", metavar="FILE", help="Write the record as the board has it; store no run."),
    ] = None,
    profile: options.AgentProfile = None,
    build_dir: options.BuildDir = Path("build"),
    runs_dir: options.RunsDir = Path("runs"),
    as_json: options.Json = False,
) -> None:
    """Wait for a job's end and store its run; no bundle is needed here."""
    from sis_edge.cli import at_board, console
    from sis_edge.cli.documents import runs

    if output is None:
        places: dict[str, Any] = {"bundle": bundle, "build_dir": build_dir, "runs_dir": runs_dir}
        stored = at_board.fetch(job_id, connect, profile=profile, **places)
        measuring.finish(stored, lambda: runs.JobsFetchDocument(runs=runs.stored(stored)), as_json=as_json)
        return
    at_board.write_record(job_id, connect, profile=profile, build_dir=build_dir, output=output)
    console.out.print(f"Record of job {job_id} written to {output}.", soft_wrap=True)


@command(_jobs)
@reach.board
def cancel(
    connect: reach.Way, job_id: options.JobId, profile: options.AgentProfile = None, as_json: options.Json = False
) -> None:
    """End a job, whether it runs or waits; what it measured stays in its record."""
    from sis_edge.cli import at_board
    from sis_edge.cli.documents.runs import JobsCancelDocument

    known = at_board.profile_of(connect, profile)
    at_board.cancel(job_id, connect, known, JobsCancelDocument, as_json=as_json)


@command(_jobs)
@reach.board
def resume(
    connect: reach.Way, job_id: options.JobId, profile: options.AgentProfile = None, as_json: options.Json = False
) -> None:
    """Let a job go on that was cut off, by a restart of the board or a full disk: it measures what it lacks."""
    from sis_edge.board import jobs_on_board
    from sis_edge.cli import at_board, console
    from sis_edge.cli.documents.runs import JobsResumeDocument

    with at_board.session(connect, profile) as at:
        jobs_on_board.resume(at, job_id)
        board = at.transport.name
    if as_json:
        console.document(JobsResumeDocument(job_id=job_id, board=board, state="running"))
        return
    console.out.print(f"Job {job_id} on {board} goes on.", soft_wrap=True)
