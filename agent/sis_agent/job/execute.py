"""A job's life on the board: from the lock to the record, and its end by a cancel."""

import contextlib
import json
import os
import signal
import time
from typing import Any, Callable, Dict, Iterator, Optional

from sis_agent import clock, lock, runners, schema
from sis_agent.files import disk_full_is_a_problem, write_atomic
from sis_agent.job.folder import JOB_LOST, RECORD, JobFolder, State
from sis_agent.measure.measurement import Measurement
from sis_agent.protocol import ProblemError
from sis_agent.worker.process import StopRequest

# How long a cancelled job may take to write its record before it is ended by force.
CANCEL_GRACE_S = 20.0


def execute(root: str, job_id: str, on_start: Callable[[Dict[str, Any]], None], sysroot: str = "/") -> State:
    """Measure a job in this process and return its last state; `sysroot` is the board's file tree.

    `on_start` gets the answer of `run` as soon as the job is known to be sound and the board is this job's. Raises
    ProblemError for a job that cannot start: an ended or unreadable one, a busy board, a missing runtime or file.
    """
    folder = JobFolder(root, job_id)
    job = folder.job()
    known = folder.state()
    if known.state in schema.ENDED:
        raise ProblemError("job-ended", "job '{}' has ended already ({}); use a new id".format(job_id, known.state))
    for runner in sorted({network.runner or job.runner for network in job.networks}):
        runners.check(runner)
    owner = lock.acquire(root, job_id)
    try:
        stop = StopRequest(clock.now_s() + job.time_limit_s)
        with _progress(folder) as say:
            measurement = Measurement(root, job_id, job, stop, say, sysroot=sysroot)
            folder.keep_reserve()
            stop.listen()  # before anybody can know the pid and cancel
            state = State(schema.RUNNING, owner.pid, owner.start_ticks)
            folder.write_state(state)
            on_start({"job_id": job_id, "pid": owner.pid})
            problem: Optional[schema.Problem] = None
            try:
                # After the state is written: a cancel either finds it, or its wish is found here.
                folder.check_wanted()
                record = measurement.run()
                write_atomic(folder.file(RECORD), json.dumps(schema.to_json(record), allow_nan=False))
                problem = record.problem
            except ProblemError as error:
                problem = error.problem
            except Exception as error:
                problem = schema.Problem("bug", "{}: {}; log.txt has the traceback".format(type(error).__name__, error))
                raise
            finally:
                # Written even for a bug of ours, whose traceback goes on to the log.
                folder.drop_reserve()
                state = state._replace(state=_last_state(problem), problem=problem)
                folder.write_state(state)
        return state
    finally:
        lock.release(root, owner)


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
            problem = schema.Problem("cancelled", "the job did not end by itself and was killed, so it has no record")
            folder.write_state(state._replace(state=schema.CANCELLED, problem=problem))
    return {"job_id": job_id, "state": folder.state().state}


def _last_state(problem: Optional[schema.Problem]) -> str:
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
