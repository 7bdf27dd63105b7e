"""The folder of a job on the board: what was requested, how far it is, the result.

jobs/<job_id>/
  job.json         the job, put there by the host
  state.json       state, pid, start ticks, problem, when it started and ended; written atomically
  progress.jsonl   a line a step
  log.txt          standard error of the job and its workers
  record.json      the result; written atomically, there only when it is whole
  manifest.json    the bundle's, there once the bundle itself was cleaned away
  journal.jsonl    what was measured so far, until there is a record of all of it (see `measure/journal.py`)
  reserve          space kept back, so that a full disk still takes a record of that, and the last word
  cancelled        there once somebody has asked for the job's end
"""

import contextlib
import hashlib
import json
import os
import time
from typing import Any, Dict, List, NamedTuple, Optional, Tuple

from sis_agent import lock, schema
from sis_agent.files import JOBS, checked_name, parsed_json, read_json, write_atomic
from sis_agent.job import queue
from sis_agent.job.job_json import job_from_json
from sis_agent.protocol import ProblemError

RECORD = "record.json"
JOURNAL = "journal.jsonl"
PROGRESS = "progress.jsonl"
MANIFEST = "manifest.json"
CANCELLED = "cancelled"
RESERVE_BYTES = 16384
RESERVE_STEP_BYTES = 65536
JOB_LOST = "job-lost"
# A job that ended so can go on, if there is a journal or it had not begun.
CAN_GO_ON = (JOB_LOST, "disk-full")
# A record takes up to so much more space than its journal.
RECORD_SHARE = 2
TIMES = ("started_at", "ended_at")


class State(NamedTuple):
    """State of a job; pid, start ticks and the board's boot id are of the process that measures, or that did.

    A queued job that has a pid waits for the board; without one nobody has started it, or its process is gone.
    """

    state: str = schema.QUEUED
    pid: Optional[int] = None
    start_ticks: Optional[int] = None
    problem: Optional[schema.Problem] = None
    boot_id: Optional[str] = None


class JobFolder:
    """One job's files under the agent's root; `sysroot` is the board's file tree."""

    def __init__(self, root: str, job_id: str, sysroot: str = "/") -> None:
        self.root = root
        self.sysroot = sysroot
        self.job_id = checked_name("job id", job_id)
        self.path = os.path.join(root, JOBS, job_id)

    def file(self, name: str) -> str:
        """Path of one of the folder's files."""
        return os.path.join(self.path, name)

    def job(self) -> schema.Job:
        """What was requested; raises the problems `no-job` and `bad-job`."""
        try:
            data = read_json(self.file("job.json"))
            if not isinstance(data, dict):
                raise ValueError("job.json holds no object")
            return job_from_json(data)
        except FileNotFoundError:
            raise ProblemError("no-job", "no job '{}' on this board; put its job.json first".format(self.job_id))
        except ValueError as error:
            raise ProblemError("bad-job", "job '{}' cannot be read: {}".format(self.job_id, error))

    def state(self) -> State:
        """The job's state; a job whose process is gone without a last word has failed."""
        boot_id = lock.boot_id(self.sysroot)
        try:
            state = _state(read_json(self.file("state.json")))
        except FileNotFoundError:
            if not os.path.exists(self.file("job.json")):
                raise ProblemError(
                    "no-job",
                    "no job '{}' on this board; {} has them all".format(self.job_id, os.path.dirname(self.path)),
                )
            return State()
        except (ValueError, TypeError) as error:
            message = "state.json of job '{}' is damaged ({}): was the power cut, is the disk failing? run it again"
            return State(schema.FAILED, problem=schema.Problem(JOB_LOST, message.format(self.job_id, error)))
        restarted = None not in (state.boot_id, boot_id) and state.boot_id != boot_id
        if state.state == schema.RUNNING and (restarted or not lock.is_alive(state.pid, state.start_ticks)):
            how = "the board restarted" if restarted else "it was killed, ran out of memory, or the board restarted"
            lost = schema.Problem(
                JOB_LOST,
                "the process of job '{}' ended without a last word: {}; what it had finished is kept, and it can go on "
                "from there; its log.txt may say more".format(self.job_id, how),
            )
            return state._replace(state=schema.FAILED, problem=lost)
        if state.state == schema.QUEUED and not lock.is_alive(state.pid, state.start_ticks):
            return State()
        return state

    def write_state(self, state: State) -> None:
        """Keep the job's state, and when it started and ended by the board's clock."""
        now = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
        started_at, _ = self.times()
        if state.state == schema.RUNNING:
            started_at = started_at or now
        times = {"started_at": started_at, "ended_at": now if state.state in schema.ENDED else None}
        write_atomic(self.file("state.json"), json.dumps(dict(schema.to_json(state), **times)))

    def times(self) -> Tuple[Optional[str], Optional[str]]:
        """When the job started and ended (UTC by the board's clock); None for what has not been, or was not kept."""
        try:
            data = read_json(self.file("state.json"))
        except (OSError, ValueError):
            data = None
        found = [data.get(name) if isinstance(data, dict) else None for name in TIMES]
        started_at, ended_at = (each if isinstance(each, str) and len(each) == 20 else None for each in found)
        return started_at, ended_at

    def ask_for_end(self) -> None:
        """Keep the wish, for a job whose process has not said yet that it runs."""
        write_atomic(self.file(CANCELLED), "")

    def check_wanted(self) -> None:
        """Raise the problem `cancelled` where somebody has asked for the job's end."""
        if os.path.exists(self.file(CANCELLED)):
            raise ProblemError("cancelled", "it never ran")

    def keep_reserve(self) -> None:
        """Keep some space back for the last word."""
        write_atomic(self.file("reserve"), "." * RESERVE_BYTES)

    def grow_reserve(self, journal_bytes: int) -> None:
        """Keep as much more as a record of the journal takes; raises OSError on a full disk."""
        wanted_bytes = RESERVE_BYTES + RECORD_SHARE * journal_bytes
        with open(self.file("reserve"), "ab") as file:
            have_bytes = file.tell()
            if have_bytes < wanted_bytes:
                # In steps, for each is a change of the file system too.
                os.posix_fallocate(file.fileno(), have_bytes, wanted_bytes - have_bytes + RESERVE_STEP_BYTES)

    def shrink_reserve(self) -> None:
        """Free what is for the record; space for the last word stays."""
        with contextlib.suppress(FileNotFoundError):
            os.truncate(self.file("reserve"), RESERVE_BYTES)

    def drop_reserve(self) -> None:
        """Free that space."""
        with contextlib.suppress(FileNotFoundError):
            os.remove(self.file("reserve"))

    def progress(self, since: int) -> List[Any]:
        """The steps from line `since` on; a line that is still being written waits for the next call.

        A damaged line is an empty step, so that the numbers of the others stay.
        """
        try:
            with open(self.file(PROGRESS), encoding="utf-8", errors="replace") as file:
                lines = file.read().split("\n")[:-1]
        except FileNotFoundError:
            return []
        return [progress_step(line) for line in lines[since:]]

    def write_record(self, record: schema.Record) -> None:
        """Keep the record, for which space was kept back."""
        self.shrink_reserve()
        write_atomic(self.file(RECORD), json.dumps(schema.to_json(record), allow_nan=False))

    def drop_record(self) -> None:
        """Remove the record of a job that goes on."""
        with contextlib.suppress(FileNotFoundError):
            os.remove(self.file(RECORD))

    def drop_journal(self) -> None:
        """Remove the journal, when a record has all of it."""
        with contextlib.suppress(FileNotFoundError):
            os.remove(self.file(JOURNAL))

    def recover(self, problem: schema.Problem) -> None:
        """Make the record of a job that did not write it itself, from its journal; nothing without one."""
        from sis_agent.measure import journal  # which a job's status seldom needs

        kept = None if os.path.exists(self.file(RECORD)) else journal.read(self.file(JOURNAL))
        if kept is not None:
            agent, job = kept.heading.agent_id, self.job()
            # Nobody has looked at the board when the job ended: its facts then are unknown.
            self.write_record(kept.results.record(self.job_id, agent, job, schema.Facts(), kept.t_s, problem))

    def record_sha256(self) -> Optional[str]:
        """SHA-256 of the record's file; None as long as there is none."""
        try:
            with open(self.file(RECORD), "rb") as file:
                return hashlib.sha256(file.read()).hexdigest()
        except FileNotFoundError:
            return None


def _state(data: Any) -> State:
    """A state from its JSON; raises TypeError and ValueError for anything else."""
    fields = dict(data)
    problem = fields.pop("problem", None)
    for name in TIMES:
        fields.pop(name, None)
    state = State(problem=schema.Problem(**problem) if problem else None, **fields)
    if not isinstance(state.boot_id, (str, type(None))):
        raise ValueError("its boot id is no text")
    numbers = [number for number in (state.pid, state.start_ticks) if number is not None]
    if not all(isinstance(number, int) for number in numbers) or state.state not in schema.STATES:
        raise ValueError("it names no state")
    return state


def progress_step(line: str) -> Dict[str, Any]:
    """A line of a job's progress; empty where it is damaged."""
    try:
        step = parsed_json(line)
    except ValueError:
        step = None
    return step if isinstance(step, dict) else {}


def status(root: str, job_id: str, since: int = 0, sysroot: str = "/") -> Dict[str, Any]:
    """A job's state, and its steps from line `since` on; of a job that was lost the record is made now."""
    folder = JobFolder(root, job_id, sysroot)
    state = folder.state()
    if state.problem is not None and state.problem.code in CAN_GO_ON:
        state = recovered(folder)
    progress = folder.progress(since)
    place = queue.place(root, job_id) if state.state == schema.QUEUED else None
    return {
        "job_id": job_id,
        "state": state.state,
        "pid": state.pid,
        "behind": place.behind if place else None,
        "ahead": place.ahead if place else 0,
        "problem": state.problem,
        "progress": progress,
        "next": since + len(progress),
        "record_sha256": folder.record_sha256(),
    }


def recovered(folder: JobFolder) -> State:
    """The state of a job that was lost, with a record of what it had finished, if the disk has room for that."""
    with lock.guarded(folder.root):  # nobody makes it go on meanwhile
        state = folder.state()
        if state.problem is not None and state.problem.code in CAN_GO_ON:
            with contextlib.suppress(ProblemError, OSError):
                folder.recover(state.problem)
        return state
