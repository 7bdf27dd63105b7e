"""A job that waits for the board and then runs, in one process: it needs nobody who starts it when its turn comes."""

import os
import time
from typing import Any, Callable, Dict, Optional

from sis_agent import schema
from sis_agent.job import queue
from sis_agent.job.execute import can_go_on, execute, last_state
from sis_agent.job.folder import JobFolder, State
from sis_agent.protocol import ProblemError

PAUSE_S = 1.0
"""Between two looks, each of some 0.1 ms: a job that waits must not disturb the one that is measured."""


def execute_in_turn(
    root: str, job_id: str, on_start: Callable[[Dict[str, Any]], None], sysroot: str = "/", pause_s: float = PAUSE_S
) -> State:
    """As `execute`; where the board is busy, `on_start` gets the job's place in the queue, and it runs in its turn.

    A cancel ends the waiting. What stands against the job when its turn comes is its last state, since nobody listens
    any more.
    """
    folder = JobFolder(root, job_id, sysroot)
    known = folder.state()
    if known.state != schema.QUEUED and not can_go_on(known):
        return execute(root, job_id, on_start, sysroot)
    mine = queue.enter(root, job_id)
    if mine.pid != os.getpid():  # started before, by a question whose answer was lost on its way
        on_start(_place(root, mine))
        return State(schema.QUEUED, mine.pid, mine.start_ticks)
    try:
        state = _at_once(root, mine, on_start, sysroot)
        if state is not None:
            return state
        folder.write_state(State(schema.QUEUED, mine.pid, mine.start_ticks))
        on_start(_place(root, mine))
        try:
            return _waited(root, mine, folder, sysroot, pause_s)
        except Exception as error:
            _keep_last_word(folder, error)
            raise
    finally:
        queue.leave(root, mine)


def _place(root: str, waiter: queue.Waiter) -> Dict[str, Any]:
    """The answer of `run` for a job that waits."""
    place = queue.place(root, waiter.job_id) or queue.QueuePlace(0, None)
    return dict(job_id=waiter.job_id, pid=waiter.pid, state=schema.QUEUED, **place._asdict())


def _waited(root: str, mine: queue.Waiter, folder: JobFolder, sysroot: str, pause_s: float) -> State:
    while True:
        known = folder.state()
        if known.state in schema.ENDED:  # cancelled meanwhile
            return known
        folder.check_wanted()
        state = _at_once(root, mine, lambda answer: None, sysroot)
        if state is not None:
            return state
        time.sleep(pause_s)


def _at_once(
    root: str, mine: queue.Waiter, on_start: Callable[[Dict[str, Any]], None], sysroot: str
) -> Optional[State]:
    """Run the job if it is the first and the board is free; None where it has to wait. `busy` leaves no trace."""
    if queue.waiting(root)[:1] != [mine]:
        return None
    try:
        return execute(root, mine.job_id, on_start, sysroot)
    except ProblemError as error:
        if error.problem.code != "busy":
            raise
        return None


def _keep_last_word(folder: JobFolder, error: Exception) -> None:
    """What ended a job that nobody listens to any more, unless it has said so itself."""
    try:
        if folder.state().state != schema.QUEUED:
            return
    except ProblemError:  # its folder was removed
        return
    problem = schema.Problem("bug", "{}: {}; log.txt has the traceback".format(type(error).__name__, error))
    if isinstance(error, ProblemError):
        problem = error.problem
    folder.write_state(State(last_state(problem), problem=problem))
