"""A job's life on the board: from the lock to the record, and its end by a cancel."""

import contextlib
import json
import os
import signal
import time
from typing import Any, Callable, Dict, Iterator, Optional

from sis_agent import clock, lock, runners, schema
from sis_agent.files import disk_full_is_a_problem
from sis_agent.job.folder import CAN_GO_ON, JOB_LOST, JOURNAL, JobFolder, State
from sis_agent.measure.going_on import PROCESS_ENDED, JournalFile
from sis_agent.measure.journal import job_sha256, read
from sis_agent.measure.measurement import Measurement
from sis_agent.protocol import ProblemError
from sis_agent.worker.process import StoppedError, StopRequest

# How long a cancelled job may take to write its record before it is ended by force.
CANCEL_GRACE_S = 20.0


def execute(root: str, job_id: str, on_start: Callable[[Dict[str, Any]], None], sysroot: str = "/") -> State:
    """Measure a job in this process and return its last state; `sysroot` is the board's file tree.

    `on_start` gets the answer of `run` as soon as the job is known to be sound and the board is this job's. A job that
    was cut off goes on with what it lacks. Raises ProblemError for a job that cannot start: an ended or unreadable one,
    a busy board, a missing runtime or file, one that cannot go on since the board is not what it was.
    """
    folder = JobFolder(root, job_id, sysroot)
    job = folder.job()
    known = folder.state()
    if known.state in schema.ENDED and not can_go_on(known):
        raise ProblemError("job-ended", "job '{}' has ended already ({}); use a new id".format(job_id, known.state))
    for runner in sorted({network.runner or job.runner for network in job.networks}):
        runners.check(runner)
    try:
        owner = lock.acquire(root, job_id)
    except lock.HeldError as held:
        if held.owner.job_id != job_id:
            raise
        # Started before, by a question whose answer was lost on its way.
        on_start({"job_id": job_id, "pid": held.owner.pid})
        return State(schema.RUNNING, held.owner.pid, held.owner.start_ticks)
    try:
        stop = StopRequest(clock.now_s() + job.time_limit_s)
        with _progress(folder) as say:
            journal = _journal(folder, known)
            measurement = Measurement(root, job_id, job, stop, say, sysroot=sysroot, journal=journal)
            measurement.check()
            folder.keep_reserve()
            stop.listen()  # before anybody can know the pid and cancel
            state = State(schema.RUNNING, owner.pid, owner.start_ticks, boot_id=lock.boot_id(sysroot))
            folder.write_state(state)
            folder.drop_record()  # of the job's first part; the journal has all of it
            on_start({"job_id": job_id, "pid": owner.pid})
            return _measured(folder, state, measurement)
    finally:
        lock.release(root, owner)


def _measured(folder: JobFolder, state: State, measurement: Measurement) -> State:
    """The last state of a job whose process is this one; its record and that state are written."""
    problem: Optional[schema.Problem] = None
    try:
        # After the state is written: a cancel either finds it, or its wish is found here.
        folder.check_wanted()
        record = measurement.run()
        problem = record.problem
        folder.write_record(record)
    except (ProblemError, StoppedError) as error:
        problem = error.problem
    except Exception as error:
        problem = schema.Problem("bug", "{}: {}; log.txt has the traceback".format(type(error).__name__, error))
        raise
    finally:
        # Written even for a bug of ours, whose traceback goes on to the log.
        if problem is not None and problem.code == "bug":
            with contextlib.suppress(ProblemError, OSError):
                folder.recover(problem)
        folder.drop_reserve()
        state = state._replace(state=last_state(problem), problem=problem)
        folder.write_state(state)
        if not can_go_on(state) and folder.record_sha256() is not None:
            folder.drop_journal()
    return state


def can_go_on(state: State) -> bool:
    """Whether a job that ended can be started again, since it was cut off."""
    return state.problem is not None and state.problem.code in CAN_GO_ON


def _journal(folder: JobFolder, known: State) -> JournalFile:
    """The job's journal, with what it holds of an earlier process."""
    path = folder.file(JOURNAL)
    cut_by = "the disk was full" if known.problem is not None and known.problem.code == "disk-full" else PROCESS_ENDED
    return JournalFile(path, job_sha256(folder.file("job.json")), folder.grow_reserve, read(path), cut_by)


def cancel(root: str, job_id: str, grace_s: float = CANCEL_GRACE_S) -> Dict[str, Any]:
    """End a job and everything that it started; it may still write what it has measured so far."""
    folder = JobFolder(root, job_id)
    if folder.state().state == schema.QUEUED:
        folder.ask_for_end()
    state = folder.state()
    if state.state == schema.QUEUED:
        folder.write_state(state._replace(state=schema.CANCELLED, problem=schema.Problem("cancelled", "it never ran")))
    elif state.state == schema.RUNNING and state.pid is not None:
        with contextlib.suppress(ProcessLookupError):
            group = os.getpgid(state.pid)
            os.kill(state.pid, signal.SIGTERM)
            if not _ended_within(state, grace_s):
                os.kill(state.pid, signal.SIGKILL)
                _ended_within(state, grace_s)
            if group == state.pid:  # a job in the foreground shares its shell's group
                os.killpg(group, signal.SIGKILL)
        last = folder.state()
        if last.problem is not None and last.problem.code == JOB_LOST:
            text = "the job did not end by itself and was killed; its record has what was finished by then"
            problem = schema.Problem("cancelled", text)
            with contextlib.suppress(ProblemError, OSError):
                folder.recover(problem)
            folder.write_state(state._replace(state=schema.CANCELLED, problem=problem))
    return {"job_id": job_id, "state": folder.state().state}


def last_state(problem: Optional[schema.Problem]) -> str:
    """The state in which a job ends."""
    if problem is None:
        return schema.DONE
    return schema.CANCELLED if problem.code == "cancelled" else schema.FAILED


@contextlib.contextmanager
def _progress(folder: JobFolder) -> Iterator[Callable[[Dict[str, Any]], None]]:
    """A function that appends a line to the job's progress."""
    with disk_full_is_a_problem(), open(folder.file("progress.jsonl"), "a", encoding="utf-8") as file:

        def say(step: Dict[str, Any]) -> None:
            with disk_full_is_a_problem():
                file.write(json.dumps(step) + "\n")
                file.flush()

        yield say


def _ended_within(state: State, limit_s: float) -> bool:
    end_s = clock.now_s() + limit_s
    while lock.is_alive(state.pid, state.start_ticks):
        if clock.now_s() >= end_s:
            return False
        time.sleep(0.05)
    return True
