"""Every job of the agent's root at a glance, and a job's log piece by piece."""

import os
import time
from typing import Any, Dict, List, Optional

from sis_agent import schema
from sis_agent.files import JOBS
from sis_agent.job import queue
from sis_agent.job.extent import extent
from sis_agent.job.folder import PROGRESS, RECORD, JobFolder, progress_step
from sis_agent.job.storage import entries
from sis_agent.protocol import ProblemError

MOST_JOBS = 500
TAIL_BYTES = 4096
PIECE_BYTES = 65536
LONGEST_LINE = 8000
"""Characters; the host cuts longer texts of a board."""


def jobs(root: str, only: Optional[str] = None) -> Dict[str, Any]:
    """Every job, or one: those that run or wait first, then the newest; folders that are no job's are named as damaged.

    Beyond MOST_JOBS only the newest are listed and the others counted, since a board's answer has a bound.
    """
    now_s = time.time()
    measured = queue.measuring(root)
    names = sorted(entries(root, JOBS), key=lambda name: -_changed_s(root, name))
    busy = [name for name in [measured, *(waiter.job_id for waiter in queue.waiting(root))] if name in names]
    order = list(dict.fromkeys(busy + names))
    if only is not None:
        JobFolder(root, only).state()  # raises the problem of one that is not there
        order = [only]
    listed: List[Dict[str, Any]] = []
    damaged: List[Dict[str, str]] = []
    for name in order[:MOST_JOBS]:
        try:
            listed.append(_job(root, name, now_s))
        except ProblemError as error:
            damaged.append({"name": name, "why": error.problem.message})
        except OSError as error:
            damaged.append({"name": name, "why": "it cannot be read ({})".format(error.strerror)})
    return {
        "jobs": listed,
        "damaged": damaged,
        "left_out": max(len(order) - MOST_JOBS, 0),
        "measuring": measured,
        "root": root,
    }


def log(root: str, job_id: str, begin: int = 0) -> Dict[str, Any]:
    """Whole lines of a job's log from byte `begin` on, PIECE_BYTES at most; a negative one counts from the end.

    A line that is still being written waits for the next call, until the job has ended; one that is longer than a piece
    or LONGEST_LINE comes in several.
    """
    folder = JobFolder(root, job_id)
    state = folder.state().state
    try:
        with open(folder.file("log.txt"), "rb") as file:
            size_bytes = os.fstat(file.fileno()).st_size
            begin = max(size_bytes + begin, 0) if begin < 0 else begin
            file.seek(begin)
            data = file.read(PIECE_BYTES)
    except FileNotFoundError:
        size_bytes, data = 0, b""
    whole = data.rfind(b"\n") + 1
    is_last = state in schema.ENDED and begin + len(data) >= size_bytes
    if is_last or (not whole and len(data) == PIECE_BYTES):
        whole = len(data)
    lines = data[:whole].decode("utf-8", "replace").split("\n")
    return {
        "job_id": job_id,
        "state": state,
        "lines": [part for line in (lines if lines[-1] else lines[:-1]) for part in _parts(line)],
        "begin": begin,
        "next": begin + whole,
        "size_bytes": size_bytes,
    }


def _parts(line: str) -> List[str]:
    return [line[at : at + LONGEST_LINE] for at in range(0, max(len(line), 1), LONGEST_LINE)]


def _job(root: str, name: str, now_s: float) -> Dict[str, Any]:
    """What is known of one job; raises ProblemError for a folder that is no job's or is damaged."""
    folder = JobFolder(root, name)
    if not os.path.isfile(folder.file("job.json")):
        raise ProblemError("no-job", "it has no job.json: it is not a job's, or was never whole")
    job = folder.job()
    state = folder.state()
    size_bytes, changed_s = extent(folder.path)
    place = queue.place(root, name) if state.state == schema.QUEUED else None
    started_at, ended_at = folder.times()
    step = _last_step(folder)
    return {
        "job_id": name,
        "state": state.state,
        "pid": state.pid,
        "behind": place.behind if place else None,
        "ahead": place.ahead if place else 0,
        "bundle_id": job.bundle_id,
        "networks": [network.name for network in job.networks],
        "started_at": started_at,
        "ended_at": ended_at,
        "idle_s": round(max(now_s - changed_s, 0.0), 1),
        "phase": step.get("phase"),
        "done": step.get("done"),
        "of": step.get("of"),
        "problem": state.problem,
        "has_record": os.path.isfile(folder.file(RECORD)),
        "size_bytes": size_bytes,
    }


def _last_step(folder: JobFolder) -> Dict[str, Any]:
    """The last whole line of a job's progress; empty where there is none."""
    try:
        with open(folder.file(PROGRESS), "rb") as file:
            file.seek(0, os.SEEK_END)
            file.seek(max(file.tell() - TAIL_BYTES, 0))
            lines = file.read().decode("utf-8", "replace").split("\n")[:-1]
    except OSError:
        return {}
    return progress_step(lines[-1]) if lines else {}


def _changed_s(root: str, name: str) -> float:
    try:
        return os.lstat(os.path.join(root, JOBS, name)).st_mtime
    except OSError:
        return 0.0
