"""The folder of a job on the board: what was requested, how far it is, the result.

jobs/<job_id>/
  job.json         the job, put there by the host
  state.json       state, pid, start ticks, problem; written atomically
  progress.jsonl   a line a step
  log.txt          standard error of the job and its workers
  record.json      the result; written atomically, there only when it is whole
  reserve          space kept back, so that a full disk can still be reported
  cancelled        there once somebody has asked for the job's end
"""

import contextlib
import hashlib
import json
import os
from typing import Any, Dict, List, NamedTuple, Optional

from sis_agent import lock, schema
from sis_agent.files import JOBS, checked_name, parsed_json, read_json, write_atomic
from sis_agent.job.job_json import job_from_json
from sis_agent.protocol import ProblemError

RECORD = "record.json"
CANCELLED = "cancelled"
RESERVE_BYTES = 16384
JOB_LOST = "job-lost"
STATES = (schema.QUEUED, schema.RUNNING, *schema.ENDED)


class State(NamedTuple):
    """State of a job; pid and start ticks are of the process that measures, or that did."""

    state: str = schema.QUEUED
    pid: Optional[int] = None
    start_ticks: Optional[int] = None
    problem: Optional[schema.Problem] = None


class JobFolder:
    """One job's files under the agent's root."""

    def __init__(self, root: str, job_id: str) -> None:
        self.root = root
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
        if state.state == schema.RUNNING and not lock.is_alive(state.pid, state.start_ticks):
            lost = schema.Problem(
                JOB_LOST,
                "the process of job '{}' ended without a record: it was killed, ran out of memory, or the board "
                "restarted; its log.txt may say more; run it again under a new id".format(self.job_id),
            )
            return state._replace(state=schema.FAILED, problem=lost)
        return state

    def write_state(self, state: State) -> None:
        """Keep the job's state."""
        write_atomic(self.file("state.json"), json.dumps(schema.to_json(state)))

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

    def drop_reserve(self) -> None:
        """Free that space."""
        with contextlib.suppress(FileNotFoundError):
            os.remove(self.file("reserve"))

    def progress(self, since: int) -> List[Any]:
        """The steps from line `since` on; a line that is still being written waits for the next call.

        A damaged line is an empty step, so that the numbers of the others stay.
        """
        try:
            with open(self.file("progress.jsonl"), encoding="utf-8", errors="replace") as file:
                lines = file.read().split("\n")[:-1]
        except FileNotFoundError:
            return []
        return [_step(line) for line in lines[since:]]

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
    state = State(problem=schema.Problem(**problem) if problem else None, **fields)
    numbers = [number for number in (state.pid, state.start_ticks) if number is not None]
    if not all(isinstance(number, int) for number in numbers) or state.state not in STATES:
        raise ValueError("it names no state")
    return state


def _step(line: str) -> Dict[str, Any]:
    try:
        step = parsed_json(line)
    except ValueError:
        step = None
    return step if isinstance(step, dict) else {}


def status(root: str, job_id: str, since: int = 0) -> Dict[str, Any]:
    """A job's state, and its steps from line `since` on."""
    folder = JobFolder(root, job_id)
    state = folder.state()
    progress = folder.progress(since)
    return {
        "job_id": job_id,
        "state": state.state,
        "pid": state.pid,
        "problem": state.problem,
        "progress": progress,
        "next": since + len(progress),
        "record_sha256": folder.record_sha256(),
    }
