"""One job on a board: started, waited for in its turn, followed to its end, fetched; and what is said of it if not."""

import hashlib
import json
import tempfile
from contextlib import suppress
from functools import partial
from pathlib import Path

from sis_agent.schema import CANCELLED, ENDED, QUEUED, Job, Record, to_json
from sis_edge.board import reach
from sis_edge.board.agent_client import AgentSilentError, JobStatus, Started, problem_error
from sis_edge.board.attendance import ATTENDANCE, Attendance
from sis_edge.board.events import Event
from sis_edge.board.session import PASSING, BoardSession, read_record, step
from sis_edge.errors import AgentError, BoardError, EndRequest, Interruption, SisEdgeError, TransportError

JOB_LOST = "job-lost"
CUT_OFF = (JOB_LOST, "disk-full")
MOST_CUTS = 3
"""A job that is cut off more often goes on by hand only: something ends it."""

QUEUED_POLLS = 10
"""A job that waits is asked for as many times more seldom: each question starts a Python beside what is measured."""


class StartedJob:
    """One job of a board. Whatever ends the waiting, the error says what happens to the job and how to come back."""

    def __init__(self, session: BoardSession, job_id: str, attendance: Attendance = ATTENDANCE) -> None:
        self.job_id = job_id
        self._session = session
        self._agent = session.agent
        self._attendance = attendance
        self._name = session.transport.name
        self._is_begun = self._is_started = False
        self._status: JobStatus | None = None
        self._place: tuple[str | None, int] | None = None

    def start(self, job: Job) -> Started:
        """Bring the job to the board and start it, or let it queue; returns what became of it."""
        with tempfile.TemporaryDirectory(prefix="sis-edge-") as folder:
            path = Path(folder) / "job.json"
            path.write_text(json.dumps(to_json(job), indent=2) + "\n", encoding="utf-8")
            target = f"{self._agent.root}/jobs/{self.job_id}/job.json"
            self._session.persist(lambda: self._session.transport.put(path, target))
        self._is_begun = True
        try:
            started = self._start()
        except BoardError:
            self._withdraw()
            raise
        self._is_started = True
        if started.warning is not None:
            self._session.say(Event("measure", started.warning))
        if started.state == QUEUED:
            self._say_place(started.behind, started.ahead)
        else:
            self._session.say(Event("measure", f"job {self.job_id} is running"))
        return started

    def leave(self, job: Job) -> Started:
        """Start the job, or let it queue, and leave it; Ctrl-C before it has answered cancels it."""
        try:
            return self.start(job)
        except KeyboardInterrupt as error:
            raise Interruption(f"interrupted; {self._interrupted(error)}") from error

    def measure(self, job: Job) -> Record:
        """Start the job, wait for its end and fetch its record.

        Ctrl-C asks what becomes of the job, or cancels it, and ends in an Interruption that says what did; a job that
        does not end is cancelled.
        """
        try:
            self.start(job)
            limit_s = job.time_limit_s + self._session.patience.overtime_s
            status = self.follow(limit_s=limit_s)
            for _ in range(MOST_CUTS):
                if not self._went_on(status):
                    break
                status = self.follow(limit_s=limit_s, since=status.next)
            return self.fetch(status)
        except KeyboardInterrupt as error:
            raise Interruption(f"interrupted; {self._interrupted(error)}") from error

    def collect(self) -> Record:
        """Wait for the end of a job that was started before and fetch its record; Ctrl-C leaves it running."""
        return read_record(self.collect_bytes(), f"job {self.job_id} on {self._name}")

    def collect_bytes(self) -> bytes:
        """The same as the board has it, checked by its SHA-256 only."""
        try:
            return self.fetch_bytes(self.follow())
        except KeyboardInterrupt as error:
            raise Interruption(f"interrupted; {self._goes_on()}") from error

    def resume(self) -> None:
        """Let a job that was cut off go on with what it lacks; raises BoardError or AgentError where it cannot."""
        try:
            start = partial(self._agent.start, self.job_id, queue=self._attendance.queue)
            self._session.persist(start, PASSING)
        except PASSING as error:
            raise self._left(error, "may go on") from error

    def follow(self, limit_s: float | None = None, since: int = 0) -> JobStatus:
        """Ask until the job has ended, passing on its progress from a line on; `limit_s` counts from its start."""
        patience = self._session.patience
        begin_s: float | None = None
        while True:
            status = self._asked(since)
            for line in status.progress:
                self._session.say(step(line))
            since = status.next
            if status.state in ENDED:
                return status
            if status.state == QUEUED:
                self._wait_in_turn(status)
                continue
            begin_s = patience.clock() if begin_s is None else begin_s
            if limit_s is not None and patience.clock() - begin_s > limit_s:
                with suppress(SisEdgeError):
                    self._agent.cancel(self.job_id)
                raise AgentError(
                    f"job {self.job_id} on {self._name} did not end within {limit_s:g} s and was cancelled; "
                    f"{self._attendance.command('logs', self.job_id, self._name)} shows its log"
                )
            patience.sleep(patience.pause_s(patience.clock() - begin_s, self._agent.query_s))

    def fetch(self, status: JobStatus) -> Record:
        """Bring the record here and check it: its SHA-256, its version, every field."""
        return read_record(self.fetch_bytes(status), f"job {self.job_id} on {self._name}")

    def fetch_bytes(self, status: JobStatus) -> bytes:
        """The record as the board has it, checked by its SHA-256 only."""
        if status.problem is not None and status.problem.get("code") in CUT_OFF:
            resume = self._attendance.command("resume", self.job_id, self._name)
            self._session.say(Event("measure", f"job {self.job_id} was cut off: {resume} lets it go on from there"))
        if status.record_sha256 is None:
            if status.problem is not None:
                raise problem_error(status.problem, self._name)
            logs = self._attendance.command("logs", self.job_id, self._name)
            raise AgentError(
                f"job {self.job_id} on {self._name} is {status.state} and left no record; {logs} may say why"
            )
        with tempfile.TemporaryDirectory(prefix="sis-edge-") as folder:
            path = Path(folder) / "record.json"
            source = f"{self._agent.root}/jobs/{self.job_id}/record.json"
            try:
                self._session.persist(lambda: self._session.transport.fetch(source, path))
            except TransportError as error:
                raise self._left(error, "has ended") from error
            data = path.read_bytes()
        if hashlib.sha256(data).hexdigest() != status.record_sha256:
            again = self._attendance.command("fetch", self.job_id, self._name)
            raise AgentError(
                f"the record of job {self.job_id} arrived damaged from {self._name}; {again} fetches it again"
            )
        self._session.say(Event("record", f"record of job {self.job_id}", len(data), len(data)))
        return data

    def _went_on(self, status: JobStatus) -> bool:
        """Whether a job that was cut off, as by a restart of the board, goes on now; where it cannot, that is said."""
        if status.problem is None or status.problem.get("code") != JOB_LOST:
            return False
        self._session.say(Event("measure", f"job {self.job_id} on {self._name} was cut off: it goes on from there"))
        try:
            self.resume()
        except AgentSilentError:
            raise
        except (BoardError, AgentError) as error:
            self._session.say(Event("measure", f"job {self.job_id} does not go on: {error}"))
            return False
        return True

    def _asked(self, since: int) -> JobStatus:
        """The job's status, asked for as long as patience lasts."""
        try:
            self._status = self._session.persist(partial(self._agent.status, self.job_id, since), PASSING)
        except (TransportError, AgentError) as error:
            state = "goes on" if self._status is None or self._status.state not in ENDED else "has ended"
            raise self._left(error, state) from error
        return self._status

    def _start(self) -> Started:
        def again() -> Started:
            # The answer may have been lost on the way, not the command: a job that waits or has left the queue is
            # started.
            status = self._agent.status(self.job_id)
            if status.state == QUEUED and status.pid is None:
                return self._agent.start(self.job_id, queue=self._attendance.queue)
            return Started(self.job_id, status.pid, status.state, status.behind, status.ahead)

        try:
            return self._agent.start(self.job_id, queue=self._attendance.queue)
        except PASSING:
            try:
                return self._session.persist(again, PASSING)
            except PASSING as error:
                raise self._left(error, "may have started") from error

    def _withdraw(self) -> None:
        """Let a job that the board has refused not pass for one that is still to run."""
        with suppress(SisEdgeError):
            status = self._agent.status(self.job_id)
            if status.state == QUEUED and status.pid is None:
                self._agent.cancel(self.job_id)

    def _wait_in_turn(self, status: JobStatus) -> None:
        """A pause while other jobs come first; a job whose process is gone, as after a reboot, queues again."""
        if status.pid is None:
            self._session.say(
                Event("measure", f"job {self.job_id} was not started, or the board restarted: starting it")
            )
            self._start()
        else:
            self._say_place(status.behind, status.ahead)
            patience = self._session.patience
            patience.sleep(QUEUED_POLLS * patience.pause_s(0.0, self._agent.query_s))

    def _say_place(self, behind: str | None, ahead: int) -> None:
        """Say where the job stands in the queue, once for each place."""
        if self._place == (behind, ahead):
            return
        self._place = (behind, ahead)
        self._session.say(Event("measure", f"{self._name} is busy: job {self.job_id} waits {waits(behind, ahead)}"))

    def _interrupted(self, error: KeyboardInterrupt) -> str:
        """What became of the job after Ctrl-C, or after a request to end, which asks nothing."""
        if not self._is_begun:
            return f"job {self.job_id} was not started on {self._name}"
        if self._status is not None and self._status.state in ENDED:
            return f"job {self.job_id} on {self._name} has ended{self._fetches()}"
        ask = None if isinstance(error, EndRequest) or not self._is_started else self._attendance.ask
        try:
            if ask is not None and ask(f"Job {self.job_id} on {self._name} does not need this command to go on."):
                return self._goes_on()
        except (KeyboardInterrupt, EOFError, OSError):
            pass  # as if nobody could be asked
        with suppress(OSError):  # a terminal that was closed takes nothing more, and the job must end all the same
            self._session.say(Event("link", f"cancelling job {self.job_id} on {self._name}"))
        cancel = self._attendance.command("cancel", self.job_id, self._name)
        try:
            state = self._agent.cancel(self.job_id)
        except SisEdgeError as failure:
            return f"job {self.job_id} could not be cancelled ({failure}) and may go on: {cancel} ends it later"
        except KeyboardInterrupt:
            return (
                f"job {self.job_id} on {self._name} was told to end and has not answered: "
                f"{cancel} makes sure of it{self._fetches()}"
            )
        was = "is cancelled" if state == CANCELLED else f"had ended before ({state})"
        return f"job {self.job_id} on {self._name} {was}{self._fetches()}"

    def _goes_on(self) -> str:
        back = self._attendance.ways_back(self.job_id, self._name)
        return f"job {self.job_id} on {self._name} goes on: {back}"

    def _fetches(self) -> str:
        """How what it measured is stored; nothing for a simulated board that ends with this command."""
        if "--board" in reach.options(self._name):
            return ""
        return f"; {self._attendance.command('fetch', self.job_id, self._name)} stores what it measured"

    def _left(self, error: SisEdgeError, state: str) -> SisEdgeError:
        """The error, and how to come back to the job that stays behind."""
        kind = next((kind for kind in (AgentSilentError, AgentError, BoardError) if isinstance(error, kind)), None)
        later = self._attendance.command("fetch", self.job_id, self._name)
        return (kind or TransportError)(
            f"{error}; job {self.job_id} {state} on the board: {later} waits for its end and stores its run"
        )


def waits(behind: str | None, ahead: int) -> str:
    """Where a job stands in the queue, behind "waits".

    >>> waits("j1", 1), waits("calibration", 2), waits(None, 0)
    ('behind job j1', 'behind the calibration, 2 jobs come first', 'for its turn')
    """
    if behind is None:
        return "for its turn"
    first = {"calibration": "the calibration", "inference": "the classification of images"}.get(behind, f"job {behind}")
    return f"behind {first}" + (f", {ahead} jobs come first" if ahead > 1 else "")
