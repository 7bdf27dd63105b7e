"""Jobs that wait for the board, first come, first served.

The file `queue` in the root lists them in their order: each a process that waits, by pid, start ticks and job. As with
the lock, the file is read and written under flock and never removed, and an entry whose process has ended counts no
more.
"""

import contextlib
import json
import os
from typing import Any, Iterator, List, NamedTuple, Optional

from sis_agent import lock
from sis_agent.files import guarded_file, parsed_json, rewrite
from sis_agent.protocol import ProblemError

QUEUE = "queue"
MOST_WAITING = 32
"""Each is a process with its memory, on a board that may have little."""


class Waiter(NamedTuple):
    """A job that waits, and the process that will measure it."""

    pid: int
    start_ticks: int
    job_id: str


class QueuePlace(NamedTuple):
    """Where a job stands: how many come before it, and the one right before it; None where it is next."""

    ahead: int
    behind: Optional[str]


def enter(root: str, job_id: str) -> Waiter:
    """Put this process at the end of the queue, or return the one that waits with this job already.

    Raises the problem `busy` where too many wait.
    """
    ticks = lock.start_ticks(os.getpid())
    if ticks is None:
        raise ProblemError("no-proc", "/proc is not mounted on this board; the agent needs it to guard a job")
    mine = Waiter(os.getpid(), ticks, job_id)
    with _changed(root) as waiters:
        for waiter in waiters:
            if waiter.job_id == job_id:
                return waiter
        if len(waiters) >= MOST_WAITING:
            raise ProblemError("busy", "{} jobs wait for this board already; try again later".format(len(waiters)))
        waiters.append(mine)
    return mine


def leave(root: str, mine: Waiter) -> None:
    """Take this process out of the queue."""
    with _changed(root) as waiters:
        waiters[:] = [waiter for waiter in waiters if waiter != mine]


def waiting(root: str) -> List[Waiter]:
    """Every job that waits, or waited and is measured now, in order; nothing is written and nobody waited for."""
    try:
        with open(os.path.join(root, QUEUE), encoding="utf-8") as file:
            return _living(file.read())
    except (OSError, ValueError):
        return []


def place(root: str, job_id: str) -> Optional[QueuePlace]:
    """Where a job stands in the queue; None for one that does not wait."""
    names = [waiter.job_id for waiter in waiting(root)]
    if job_id not in names:
        return None
    before = names[: names.index(job_id)]
    measured = measuring(root)
    if measured is not None and measured not in names:
        before.insert(0, measured)
    return QueuePlace(len(before), before[-1] if before else None)


def measuring(root: str) -> Optional[str]:
    """The job that holds the board; None where it is free."""
    with lock.guarded(root) as file:
        owner = lock.owner(file)
    return None if owner is None else owner.job_id


@contextlib.contextmanager
def _changed(root: str) -> Iterator[List[Waiter]]:
    """The living entries, to be changed; nobody else changes them meanwhile."""
    with guarded_file(root, QUEUE) as file:
        waiters = _living(file.read())
        yield waiters
        rewrite(file, json.dumps([waiter._asdict() for waiter in waiters]) if waiters else "")


def _living(text: str) -> List[Waiter]:
    """The entries whose process still waits; of a damaged file none."""
    try:
        entries = parsed_json(text) if text else []
    except ValueError:
        return []
    found = [_waiter(entry) for entry in entries] if isinstance(entries, list) else []
    return [waiter for waiter in found if waiter is not None and lock.is_alive(waiter.pid, waiter.start_ticks)]


def _waiter(entry: Any) -> Optional[Waiter]:
    try:
        waiter = Waiter(**entry)
    except TypeError:
        return None
    sound = all(isinstance(number, int) for number in waiter[:2]) and isinstance(waiter.job_id, str)
    return waiter if sound else None
