"""A board whose agent answers anything: one sentence, in bounded time, and nothing that a terminal obeys."""

import io
import itertools
import json
from collections.abc import Callable, Sequence
from contextlib import redirect_stderr, redirect_stdout, suppress
from pathlib import Path
from random import Random
from typing import Any

import pytest
from results.factory import facts

from sis_agent.schema import PROTOCOL_VERSION, to_json
from sis_edge import profiles
from sis_edge.board import cleaning, jobs_on_board
from sis_edge.board.agent_client import AgentClient
from sis_edge.board.calibrate import _calibration
from sis_edge.board.deploy import check_board, check_runtimes, check_threads
from sis_edge.board.events import Event, ignore
from sis_edge.board.patience import Patience
from sis_edge.board.provision import platforms
from sis_edge.board.session import BoardSession
from sis_edge.board.started import StartedJob
from sis_edge.cli import clean as clean_command
from sis_edge.cli import job_tables
from sis_edge.cli.documents import jobs as documents
from sis_edge.errors import AgentError, SisEdgeError
from sis_edge.native import calibrations, probes
from sis_edge.profiles.detect import architecture, detect
from sis_edge.text.foreign import loads
from sis_edge.transport import Completed, Progress

from .fuzz import any_bytes, any_text, fuzzed, numbers, obeyed, odd_bytes, odd_json

JOB_ID = "20261129T090000Z-abcdef"
PROFILES = [profiles.load(name) for name in profiles.names()]
STATUS = {
    "job_id": JOB_ID,
    "state": "done",
    "pid": 7,
    "problem": {"code": "busy", "message": "this board is measuring"},
    "progress": [{"phase": "rounds", "done": 1, "of": 3}, {"phase": "memory", "network": "nin", "done": 1, "of": 1}],
    "next": 2,
    "record_sha256": None,
}


class SayingBoard:
    """A board that has the agent, and answers with these words instead of its own."""

    name = "board"

    def __init__(self, stdout: str, stderr: str = "", probe: str | None = None) -> None:
        self.stdout, self.stderr, self.probe = stdout, stderr, probe

    def run(self, argv: Sequence[str], *, timeout_s: float = 60.0) -> Completed:
        is_probe = argv[1] == "-c"
        if is_probe:
            return Completed(0, self.probe or "[[3, 11, 2], null, null]\n", "")
        agent = Path(argv[1]).stem.partition("-")[2]
        return Completed(1, self.stdout.replace("AGENT", agent), self.stderr)

    def put(self, source: Path, target: str, *, progress: Progress | None = None) -> None:
        """Nothing is kept."""

    def fetch(self, source: str, target: Path, *, progress: Progress | None = None) -> None:
        target.write_bytes(self.stdout.encode(errors="replace"))

    def close(self) -> None:
        """Nothing is open."""


def answer(body: str) -> str:
    return f'{{"protocol": {PROTOCOL_VERSION}, "agent": "AGENT", "ok": true, "answer": {body}}}\n'


@pytest.fixture(scope="module")
def client() -> Callable[[SayingBoard], AgentClient]:
    """A client whose agent is installed, made once: it is an archive of all its files."""
    installed = AgentClient(SayingBoard(""), profiles.AgentSettings())
    installed.install()

    def made(board: SayingBoard) -> AgentClient:
        installed.transport = board
        return installed

    return made


def texts(value: Any) -> list[str]:
    if isinstance(value, dict):
        return [text for pair in value.items() for each in pair for text in texts(each)]
    if isinstance(value, list | tuple):
        return [text for each in value for text in texts(each)]
    return [value] if isinstance(value, str) else []


def harmless(*values: Any) -> None:
    for text in texts(list(values)):
        assert not obeyed(text), ascii(text)
        assert len(text) <= 10_000


@fuzzed(one_in=10, body=odd_json(to_json(facts())), words=lambda random: any_text(random, 200))
def test_facts(client: Callable[[SayingBoard], AgentClient], body: str, words: str) -> None:
    """Whatever the facts say, a profile is found or the board refused."""
    try:
        found = client(SayingBoard(answer(body), words)).facts()
        harmless(to_json(found))
        platforms(architecture(found) or "x86_64", found.glibc)
        detected = detect(found, PROFILES)
        harmless(detected.reason, list(detected.differences))
        check_board(found, detected.profile, "board")
        check_runtimes(["onnxruntime"], found, "board")
        check_threads(2, found, [], "board")
    except SisEdgeError as error:
        harmless(str(error))


@fuzzed(one_in=4, body=odd_json(STATUS))
def test_status(client: Callable[[SayingBoard], AgentClient], body: str) -> None:
    """A job's state and progress as the board reports them, shown and acted upon."""
    events: list[Event] = []
    patience = Patience(sleep=lambda s: None, clock=iter(range(0, 10**9, 100)).__next__)
    try:
        session = BoardSession(SayingBoard(answer(body)), PROFILES[0], events.append, patience)
        session.agent = client(session.transport)
        StartedJob(session, JOB_ID).collect()
    except SisEdgeError as error:
        harmless(str(error))
    for event in events:
        harmless(event.message, event.detail)
        assert event.done is None or event.done >= 0


def test_a_state_that_no_job_has(client: Callable[[SayingBoard], AgentClient]) -> None:
    with pytest.raises(AgentError, match=f"reports that job {JOB_ID} is 'sleeping'"):
        client(SayingBoard(answer(json.dumps({**STATUS, "state": "sleeping"})))).status(JOB_ID)


JOB = {
    **{"job_id": JOB_ID, "state": "running", "pid": 7, "behind": None, "ahead": 0, "bundle_id": "0123456789abcdef"},
    **{"networks": ["nin"], "started_at": "2026-11-29T09:00:00Z", "ended_at": None, "idle_s": 1.5, "size_bytes": 12},
    **{"phase": "rounds", "done": 1, "of": 3, "problem": {"code": "x", "message": "y"}, "has_record": False},
}
JOBS = {
    **{"jobs": [JOB, JOB | {"state": "queued", "behind": "j2"}], "damaged": [{"name": "x", "why": "y"}]},
    **{"left_out": 0, "measuring": None, "root": "/home/pi/.sis-edge"},
}
LOG = {"job_id": JOB_ID, "state": "done", "lines": ["one", "two"], "begin": 0, "next": 8, "size_bytes": 8}
CLEANED = {
    "entries": [{"kind": "jobs", "folder": "jobs", "name": "j1", "size_bytes": 7, "idle_s": 1.5}],
    "failed": [{"kind": "jobs", "name": "j2", "why": "no permission"}],
    **{"freed_bytes": 7, "running": None, "waiting": ["j3"], "as_of_s": 1.5},
}


@fuzzed(one_in=20, jobs=odd_json(JOBS), log=odd_json(LOG), cleaned=odd_json(CLEANED))
def test_what_is_shown_of_jobs(client: Callable[[SayingBoard], AgentClient], jobs: str, log: str, cleaned: str) -> None:
    """Lists, logs and what can be cleaned away: tables and documents of whatever a board answers."""

    def at(body: str) -> BoardSession:
        session = BoardSession(SayingBoard(answer(body)), PROFILES[0], ignore, Patience(sleep=lambda s: None))
        session.agent = client(session.transport)
        return session

    def listed() -> None:
        found = jobs_on_board.jobs(at(jobs))
        documents.listed("board", found)
        job_tables.show_list(found, "board")
        for job in found.jobs:
            job_tables.show_status(job, "board")

    def logged() -> None:
        for piece in itertools.islice(jobs_on_board.log(at(log), JOB_ID), 3):
            harmless(piece.lines)

    def clean() -> None:
        found = cleaning.clean(at(cleaned))
        documents.cleaned("board", found, dry_run=True)
        clean_command._show(found, "board")

    for call in (listed, logged, clean):
        with redirect_stdout(io.StringIO()) as out, redirect_stderr(out), suppress(SisEdgeError):
            call()
        assert not obeyed(out.getvalue().replace("\n", "")), ascii(out.getvalue())


@fuzzed(line=odd_json(json.loads(answer('{"state": "done"}'))), problem=odd_json({"code": "busy", "message": "busy"}))
def test_what_frames_an_answer(client: Callable[[SayingBoard], AgentClient], line: str, problem: str) -> None:
    for text in (line, answer("{}").replace('"ok": true, "answer": {}', f'"ok": false, "problem": {problem}')):
        try:
            harmless(client(SayingBoard(text)).cancel(JOB_ID))
        except SisEdgeError as error:
            harmless(str(error))


@fuzzed(out=odd_bytes(answer('{"state": "done"}').encode()), err=any_bytes)
def test_bytes(client: Callable[[SayingBoard], AgentClient], out: bytes, err: bytes) -> None:
    try:
        harmless(client(SayingBoard(out.decode(errors="replace"), err.decode(errors="replace"))).cancel(JOB_ID))
    except SisEdgeError as error:
        harmless(str(error))


@fuzzed(probe=odd_json([[3, 11, 2], "0" * 64, ["/tmp", 511]]))
def test_the_first_question(probe: str) -> None:
    """The Python that is asked for its version, before any agent is there."""
    try:
        AgentClient(SayingBoard("", probe=probe), profiles.AgentSettings())._probe()
    except SisEdgeError as error:
        harmless(str(error))


@pytest.fixture(scope="module")
def calibration() -> dict[str, Any]:
    """An answer to `calibrate` that a cost model can be fitted to."""
    dense = {probe.name: [name for layer in probe.layers for name in operators(layer.pool)] for probe in probes.DENSE}
    return {
        "native": {probe.name: [1e-4] * probe.stage_count for probe in probes.NATIVE},
        "dense": {name: [1e-4] * len(names) for name, names in dense.items()},
        "plain": {probe.name: 1e-3 for probe in probes.PLAIN},
        "operators": dense,
        "other_cores": 0.1,
        "cpu": "Cortex-A78",
        "instruction_set": "neon",
        "onnxruntime": "1.23.2",
        "peak_flops": 1e10,
        "threads": 1,
    }


def operators(pool: int) -> list[str]:
    return ["FusedConv", "MaxPool"] if pool > 1 else ["FusedConv"]


@fuzzed(one_in=100, random=numbers)
def test_a_calibration(calibration: dict[str, Any], random: Random) -> None:
    try:
        answered = loads(odd_json(calibration)(random))
    except ValueError:
        return  # the transport's answer is read by it, and refused
    if not isinstance(answered, dict):
        return
    try:
        found = _calibration(answered, "board", board="nano", library="aarch64-0123")
        harmless(found.basis, found.doubt)
    except SisEdgeError as error:
        harmless(str(error))


@pytest.mark.parametrize("version", ["../../../../tmp/x", "/etc/passwd", "1.23.2/../..", "..", "a\0b", "é" * 400])
def test_a_version_is_no_path(tmp_path: Path, version: str) -> None:
    """What a board says of itself names a file in the cache, and nothing else."""
    path = calibrations.place(tmp_path, "aarch64-0123", version, 1, "nano", f"Cortex {version}", [])
    assert path.parent == tmp_path
    assert path.resolve().parent == tmp_path.resolve()
    assert len(path.name) < 255
    path.write_text("")
