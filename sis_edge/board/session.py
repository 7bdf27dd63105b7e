"""One board at work: the agent is met, the bundle pushed, a job started, followed and fetched.

Every step can be repeated: files that are whole on the board stay, a job that runs is followed again, so a broken
connection costs only the time of the outage.
"""

import hashlib
import json
import tempfile
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any, Literal, TypeVar

from pydantic import TypeAdapter, ValidationError

from sis_agent.schema import ENDED, QUEUED, RECORD_VERSION, Facts, Job, Record, to_json
from sis_edge.board import reach
from sis_edge.board.agent_client import AgentClient, AgentSilentError, JobStatus, problem_error
from sis_edge.board.provision import provision
from sis_edge.bundles.manifest import MANIFEST, FileEntry
from sis_edge.bundles.verify import Bundle
from sis_edge.errors import AgentError, BoardError, SisEdgeError, TransportError
from sis_edge.files.hashing import file_sha256
from sis_edge.profiles import DeviceProfile
from sis_edge.text.foreign import loads, one_line
from sis_edge.text.limits import with_limit
from sis_edge.transport import Transport, UnreachableError

Stage = Literal["agent", "facts", "provision", "push", "measure", "link", "record"]

# Room that the job itself needs beside the bundle: its record, its log, the file system's own blocks.
SPARE_BYTES = 16 << 20

# A job that has been started is not given up for one question that nobody answered.
PASSING: tuple[type[SisEdgeError], ...] = (UnreachableError, AgentSilentError)

LONGEST_PHASE = 80

T = TypeVar("T")


class UnreadableRecordError(AgentError):
    """A record that came and cannot be used; `data` is what came, to be kept."""

    def __init__(self, message: str, data: bytes) -> None:
        super().__init__(message)
        self.data = data


@dataclass(frozen=True)
class Event:
    """Something that the user may want to see; `done` of `total` are bytes while pushing, the agent's count else.

    `detail` is the agent's own progress line, empty at other stages.
    """

    stage: Stage
    message: str
    done: float | None = None
    total: float | None = None
    detail: dict[str, Any] = field(default_factory=dict)


OnEvent = Callable[[Event], None]


@dataclass(frozen=True)
class Patience:
    """How long things may take, in seconds: a board that is lost, and the pauses between two questions.

    `overtime_s` is what a job may need beyond its own time limit before it counts as stuck.
    """

    lost_s: float = 300.0
    first_pause_s: float = 1.0
    longest_pause_s: float = 30.0
    poll_s: float = 1.0
    answer_s: float = 60.0
    overtime_s: float = 300.0
    sleep: Callable[[float], None] = time.sleep
    clock: Callable[[], float] = time.monotonic


def ignore(event: Event) -> None:
    """The `on_event` of a caller that shows nothing."""


class BoardSession:
    """One board at work, step by step; every step survives a lost connection."""

    def __init__(self, transport: Transport, profile: DeviceProfile, on_event: OnEvent, patience: Patience) -> None:
        self.transport = transport
        self.agent = AgentClient(transport, profile.agent, timeout_s=patience.answer_s)
        self.profile = profile
        self.say = on_event
        self.patience = patience

    def meet(self) -> Facts:
        """Install the agent and ask it for the board's facts; the first contact is not tried twice."""
        name = self.transport.name
        self.say(Event("agent", f"looking for the agent on {name}"))
        self.agent.install()
        facts = self._persist(self.agent.facts)
        self.say(Event("facts", f"{name}: {facts.model or facts.machine or 'unknown board'}, Python {facts.python}"))
        if facts.kill_user_processes:
            self.say(
                Event(
                    "facts",
                    f"{name} ends a user's programs when he logs out (logind's KillUserProcesses): a lost connection "
                    "ends the job, unless `loginctl enable-linger` was run there for this user",
                )
            )
        return facts

    def provision(self, facts: Facts, cache: Path) -> bool:
        """Bring the profile's wheels; returns whether the board has something new."""

        def say(message: str) -> None:
            self.say(Event("provision", message))

        return self._persist(lambda: provision(self.transport, self.agent, self.profile, facts, cache, say))

    def push(self, bundle: Bundle, facts: Facts) -> None:
        """Bring the bundle to the board; what is whole there already is not sent again."""
        missing = self._missing(bundle)
        size_bytes = sum(entry.size_bytes for entry in missing)
        free_bytes = facts.disk_free_bytes
        if free_bytes is not None and free_bytes < size_bytes + SPARE_BYTES:
            free, needed = with_limit(free_bytes / 1e6, (size_bytes + SPARE_BYTES) / 1e6, ",.1f")
            raise BoardError(
                f"{self.transport.name} has {free} MB free, the bundle and the job's record need {needed} MB; "
                "free space on the board, or clean the agent's folder"
            )

        def send(entry: FileEntry, before_bytes: int) -> None:
            done_bytes = before_bytes

            def advance(piece_bytes: int) -> None:
                nonlocal done_bytes
                done_bytes += piece_bytes
                self.say(Event("push", entry.path, done_bytes, size_bytes))

            target = f"{self.agent.root}/{_folder(bundle)}/{entry.path}"
            self.transport.put(bundle.path / entry.path, target, progress=advance)

        sent_bytes = 0
        for entry in missing:
            self._persist(partial(send, entry, sent_bytes))
            sent_bytes += entry.size_bytes
        if missing and (wrong := self._missing(bundle)):
            raise BoardError(
                f"{len(wrong)} files arrived damaged on {self.transport.name} (first: {wrong[0].path}); "
                "does another program write there, or is the board's storage failing?"
            )
        self.say(Event("push", "the bundle is on the board", size_bytes, size_bytes))

    def measure(self, job: Job, job_id: str) -> Record:
        """Start the job, wait for its end and fetch the record; Ctrl-C and a stuck job end in a cancel."""
        with tempfile.TemporaryDirectory(prefix="sis-edge-") as folder:
            path = Path(folder) / "job.json"
            path.write_text(json.dumps(to_json(job), indent=2) + "\n", encoding="utf-8")
            self._persist(lambda: self.transport.put(path, f"{self.agent.root}/jobs/{job_id}/job.json"))
        try:
            self._start(job_id)
            status = self.follow(job_id, limit_s=job.time_limit_s + self.patience.overtime_s)
        except KeyboardInterrupt:
            self._cancel(job_id)
            raise
        return self.fetch(status)

    def follow(self, job_id: str, limit_s: float | None = None) -> JobStatus:
        """Ask until the job has ended, passing on its progress."""
        begin_s, since = self.patience.clock(), 0
        while True:
            try:
                status = self._persist(partial(self.agent.status, job_id, since), PASSING)
            except (TransportError, AgentSilentError) as error:
                raise _left(error, job_id, "goes on") from error
            for line in status.progress:
                self.say(_step(line))
            since = status.next
            if status.state in ENDED:
                return status
            if limit_s is not None and self.patience.clock() - begin_s > limit_s:
                with suppress(SisEdgeError):
                    self.agent.cancel(job_id)
                raise AgentError(
                    f"job {job_id} on {self.transport.name} did not end within {limit_s:g} s and was cancelled; "
                    f"its log is {self.agent.root}/jobs/{job_id}/log.txt"
                )
            self.patience.sleep(self.patience.poll_s)

    def fetch(self, status: JobStatus) -> Record:
        """Bring the record here and check it: its SHA-256, its version, every field."""
        name, job_id = self.transport.name, status.job_id
        if status.record_sha256 is None:
            if status.problem is not None:
                raise problem_error(status.problem, name)
            raise AgentError(f"job {job_id} on {name} is {status.state} and left no record; see its log")
        with tempfile.TemporaryDirectory(prefix="sis-edge-") as folder:
            path = Path(folder) / "record.json"
            source = f"{self.agent.root}/jobs/{job_id}/record.json"
            try:
                self._persist(lambda: self.transport.fetch(source, path))
            except TransportError as error:
                raise _left(error, job_id, "has ended") from error
            data = path.read_bytes()
        if hashlib.sha256(data).hexdigest() != status.record_sha256:
            raise AgentError(f"the record of job {job_id} arrived damaged from {name}; collect it again by its id")
        self.say(Event("record", f"record of job {job_id}", len(data), len(data)))
        return read_record(data, f"job {job_id} on {name}")

    def _cancel(self, job_id: str) -> None:
        """End the job as this command ends; where that fails, say how it can be done later."""
        name = self.transport.name
        try:
            self.agent.cancel(job_id)
            self.say(Event("measure", f"job {job_id} on {name} is cancelled"))
        except SisEdgeError as error:
            words = " ".join(["sis-edge deploy", *reach.words(name), "--cancel", job_id])
            self.say(Event("link", f"job {job_id} could not be cancelled ({error}); `{words}` does it later"))

    def _start(self, job_id: str) -> None:
        def start() -> None:
            # The answer may have been lost on the way, not the command: a job that has left the queue is started.
            if self.agent.status(job_id).state == QUEUED:
                self.agent.start(job_id)

        try:
            self.agent.start(job_id)
        except PASSING:
            try:
                self._persist(start, PASSING)
            except PASSING as error:
                raise _left(error, job_id, "may have started") from error
        self.say(Event("measure", f"job {job_id} is running"))

    def _missing(self, bundle: Bundle) -> list[FileEntry]:
        """The files that the board lacks or has otherwise; the manifest goes last, as in a bundle's making."""
        there = self._persist(lambda: self.agent.files(_folder(bundle)))
        path = bundle.path / MANIFEST
        manifest = FileEntry(path=MANIFEST, sha256=file_sha256(path), size_bytes=path.stat().st_size)
        return [
            entry
            for entry in (*bundle.manifest.files, manifest)
            if there.get(entry.path) != (entry.sha256, entry.size_bytes)
        ]

    def _persist(self, call: Callable[[], T], passing: tuple[type[SisEdgeError], ...] = (UnreachableError,)) -> T:
        """The call's answer; after an error that may pass, try again with growing pauses as long as patience lasts."""
        patience = self.patience
        pause_s, give_up_s = patience.first_pause_s, None
        while True:
            try:
                return call()
            except passing as error:
                now_s = patience.clock()
                give_up_s = now_s + patience.lost_s if give_up_s is None else give_up_s
                if now_s + pause_s > give_up_s:
                    raise
                self.say(Event("link", f"{error}; trying again in {pause_s:g} s"))
                patience.sleep(pause_s)
                pause_s = min(2 * pause_s, patience.longest_pause_s)


def read_record(data: bytes, what: str) -> Record:
    """A record from its JSON; raises UnreadableRecordError that names the first wrong field."""
    try:
        parsed = loads(data)
        version = parsed.get("record_version")
        if version != RECORD_VERSION:
            raise UnreadableRecordError(
                f"the record of {what} has version {one_line(str(version), 40)}, this sis-edge reads {RECORD_VERSION}",
                data,
            )
        return TypeAdapter(Record).validate_python(parsed)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        place = ".".join(map(str, first["loc"]))
        raise UnreadableRecordError(f"the record of {what} is unreadable ({place}: {first['msg']})", data) from error
    except (ValueError, AttributeError) as error:
        raise UnreadableRecordError(f"the record of {what} is unreadable ({error})", data) from error


def _step(line: dict[str, Any]) -> Event:
    """A line of the agent's progress; of what is not a number nothing is counted."""
    done, total = (
        number if isinstance(number, int | float) and number >= 0 else None
        for number in (line.get("done"), line.get("of"))
    )
    return Event("measure", one_line(str(line.get("phase", "")), LONGEST_PHASE), done, total, line)


def _left(error: SisEdgeError, job_id: str, state: str) -> SisEdgeError:
    """The error, and how to come back to the job that stays behind."""
    kind = AgentError if isinstance(error, AgentError) else TransportError
    return kind(
        f"{error}; job {job_id} {state} on the board: fetch its record later with `sis-edge deploy --job {job_id}`"
    )


def _folder(bundle: Bundle) -> str:
    return f"bundles/{bundle.id}"
