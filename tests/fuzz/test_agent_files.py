"""The agent's own files after a power cut, or as another program left them: a problem with a code, never a bug."""

import hashlib
import io
import json
import tempfile
import warnings
import zipfile
import zlib
from pathlib import Path
from random import Random
from typing import Any

import pytest
from agent.test_provision import ANY, write_wheel
from results.factory import stored_run

from sis_agent import lock
from sis_agent.files import WHEELS
from sis_agent.job import claim, folder, listing, provision, queue, receive, storage
from sis_agent.measure.journal import JOURNAL_VERSION, Heading
from sis_agent.measure.packing import packed_network
from sis_agent.protocol import ProblemError
from sis_agent.schema import Facts, NetworkRecord, to_json

from .fuzz import fuzzed, numbers, odd_bytes, odd_json, or_sound

JOB = to_json(stored_run(names=("nin",)).record.job._replace(power=None))
STATE = {"state": "running", "pid": 1, "start_ticks": 7, "problem": {"code": "bug", "message": "x"}}
STATE_NOW = dict(STATE, started_at="2026-11-29T09:00:00Z")
PUSHES = {"b1": {"token": "0123", "at_s": 1.0}}
PROGRESS = {"phase": "rounds", "done": 1, "of": 3}


def packed(members: list[tuple[str, bytes]], compression: int) -> bytes:
    """A wheel as `write_wheel` has it, compressed, in memory; a name may be there twice."""
    buffer = io.BytesIO()
    with warnings.catch_warnings(), zipfile.ZipFile(buffer, "w", compression) as archive:
        warnings.simplefilter("ignore")
        for name, content in members:
            archive.writestr(name, content)
    return buffer.getvalue()


def members() -> list[tuple[str, bytes]]:
    with tempfile.TemporaryDirectory() as made:
        path = write_wheel(Path(made), files={"thing/__init__.py": b"VALUE = 42\n" * 50})
        with zipfile.ZipFile(path) as archive:
            return [(name, archive.read(name)) for name in archive.namelist()]


SOUND_WHEEL = packed(members(), zipfile.ZIP_DEFLATED)
FILES = {
    "job.json": json.dumps(JOB).encode(),
    "state.json": json.dumps(STATE).encode(),
    "progress.jsonl": json.dumps(PROGRESS).encode() + b"\n",
}
CONTENT = b"content"
HEAD = {"path": "a", "sha256": hashlib.sha256(CONTENT).hexdigest(), "size_bytes": len(CONTENT), "last": False}
PIECE = {"offset": 0, "size_bytes": len(CONTENT), "crc32": zlib.crc32(CONTENT)}
LOCK = {"pid": 1, "start_ticks": 7, "job_id": "j1"}


def is_problem(error: ProblemError) -> None:
    assert error.problem.code != "bug"
    assert error.problem.message


def with_file(place: Path, name: str, data: bytes) -> folder.JobFolder:
    """A job's folder in which this file holds that; with no name all of them are sound."""
    job = folder.JobFolder(str(place), "j1")
    if not Path(job.path).exists() or not name:
        Path(job.path).mkdir(parents=True, exist_ok=True)
        for other, sound in FILES.items():
            Path(job.file(other)).write_bytes(sound)
    if name:
        Path(job.file(name)).write_bytes(data)
    return job


def check_job(place: Path, name: str, data: bytes) -> None:
    job = with_file(place, name, data)
    try:
        _read(place, job)
    finally:
        Path(job.file(name)).write_bytes(FILES[name])


def _read(place: Path, job: folder.JobFolder) -> None:
    for call in (job.job, lambda: json.dumps(to_json(folder.status(str(place), "j1")), allow_nan=False)):
        try:
            call()
        except ProblemError as error:
            is_problem(error)


def check_lock(place: Path, data: bytes) -> None:
    (place / lock.LOCK).write_bytes(data)
    assert not lock.is_held(str(place))
    lock.release(str(place), lock.acquire(str(place), "j2"))
    (place / lock.LOCK).write_bytes(data)
    storage.clean(str(place))  # what other tests left here
    with_file(place, "", b"")
    assert [(each["kind"], each["name"]) for each in storage.clean(str(place))["entries"]] == [("jobs", "j1")]


def check_wheel(place: Path, data: bytes) -> None:
    (place / WHEELS).mkdir(exist_ok=True)
    (place / WHEELS / ANY).write_bytes(data)
    target, before = place / "unpacked", set(place.iterdir())
    try:
        provision._unpack(str(place), ANY, str(target))
    except ProblemError as error:
        is_problem(error)
    assert set(place.iterdir()) - before <= {target}, "nothing is written elsewhere"


@pytest.mark.parametrize(
    ("name", "sound"), [("job.json", JOB), ("state.json", STATE), ("progress.jsonl", PROGRESS)], ids=str
)
def test_they_are_sound_to_begin_with(tmp_path: Path, name: str, sound: Any) -> None:
    job = with_file(tmp_path, "", b"")
    assert job.job().networks
    assert len(job.progress(0)) == 1
    assert job.state().problem is not None


@fuzzed(one_in=10, text=odd_json(JOB))
def test_jobs(place: Path, text: str) -> None:
    check_job(place, "job.json", text.encode())


@fuzzed(one_in=10, text=odd_json(STATE))
def test_states(place: Path, text: str) -> None:
    check_job(place, "state.json", text.encode())


@fuzzed(one_in=10, text=odd_json(PROGRESS))
def test_progress(place: Path, text: str) -> None:
    check_job(place, "progress.jsonl", text.encode() + b"\n")


@pytest.mark.parametrize("name", FILES)
@fuzzed(one_in=10, random=numbers)
def test_damaged_bytes(place: Path, name: str, random: Random) -> None:
    check_job(place, name, odd_bytes(FILES[name])(random))


@fuzzed(one_in=20, text=odd_json(LOCK))
def test_locks(place: Path, text: str) -> None:
    if json.dumps(LOCK) != text:
        check_lock(place, text.encode())


def check_queue(place: Path, data: bytes) -> None:
    (place / queue.QUEUE).write_bytes(data)
    assert queue.waiting(str(place)) == []  # pid 1 started at another time
    mine = queue.enter(str(place), "j2")
    assert queue.waiting(str(place)) == [mine]
    queue.leave(str(place), mine)


def check_pushes(place: Path, data: bytes) -> None:
    (place / claim.PUSHES).write_bytes(data)
    claim.pushed(str(place))
    claim.claim(str(place), "b2", "me")
    assert claim.release(str(place), "b2", "me")["held"] in (True, False)


def check_listing(place: Path, name: str, data: bytes) -> None:
    with_file(place, name, data)
    found = to_json(listing.jobs(str(place)))
    json.dumps(found, allow_nan=False)
    assert [each["job_id"] for each in found["jobs"]] + [each["name"] for each in found["damaged"]] == ["j1"]


@fuzzed(one_in=20, text=odd_json([LOCK, dict(LOCK, job_id="j2")]), data=odd_bytes(json.dumps([LOCK]).encode()))
def test_queues(place: Path, text: str, data: bytes) -> None:
    check_queue(place, text.encode())
    check_queue(place, data)


@fuzzed(one_in=20, text=odd_json(PUSHES), data=odd_bytes(json.dumps(PUSHES).encode()))
def test_pushes(place: Path, text: str, data: bytes) -> None:
    check_pushes(place, text.encode())
    check_pushes(place, data)


@fuzzed(one_in=20, job=odd_json(JOB), state=odd_json(STATE_NOW), progress=odd_json(PROGRESS))
def test_listed_jobs(place: Path, job: str, state: str, progress: str) -> None:
    check_listing(place, "job.json", job.encode())
    check_listing(place, "state.json", state.encode())
    check_listing(place, "progress.jsonl", progress.encode() + b"\n")


@fuzzed(one_in=20, data=odd_bytes(json.dumps(LOCK).encode()))
def test_damaged_locks(place: Path, data: bytes) -> None:
    check_lock(place, data)


def check_journal(place: Path, line: bytes) -> None:
    """What a journal holds goes no further than its first odd line, and a record is made of it."""
    job = with_file(place, "", b"")
    Path(job.file(folder.JOURNAL)).write_bytes(json.dumps(HEADING).encode() + b"\n" + line + b"\n")
    Path(job.file(folder.RECORD)).unlink(missing_ok=True)
    assert folder.status(str(place), "j1")["state"] == "failed"


HEADING = to_json(Heading("0123456789ab", "a" * 64, "2026-11-29T12:00:00Z", Facts())) | {"journal": JOURNAL_VERSION}
NETWORK = packed_network(NetworkRecord("nin", 9))
PART = {"t_s": 1.5, "at": "now", "networks": {"nin": NETWORK}, "turns": {}, "windows": [{"name": "x"}], "rounds": 1}


@fuzzed(one_in=20, text=odd_json(PART))
def test_journals(place: Path, text: str) -> None:
    check_journal(place, text.encode())


@fuzzed(one_in=20, data=odd_bytes(json.dumps(PART).encode()))
def test_damaged_journals(place: Path, data: bytes) -> None:
    check_journal(place, data)


@fuzzed(one_in=4, data=odd_bytes(SOUND_WHEEL))
def test_wheels(place: Path, data: bytes) -> None:
    check_wheel(place, data)


@fuzzed(
    one_in=5,
    head=or_sound(json.dumps(HEAD), odd_json(HEAD)),
    piece=or_sound(json.dumps(PIECE), odd_json(PIECE)),
    sent=or_sound(CONTENT, odd_bytes(CONTENT)),
)
def test_a_push(head: str, piece: str, sent: bytes) -> None:
    """Whatever comes on standard input, no file takes its place but one of the content that was announced."""
    with tempfile.TemporaryDirectory() as made:
        stream = Path(made, "stream")
        stream.write_bytes(head.encode() + b"\n" + piece.encode() + b"\n" + sent + b'{"end": true}\n')
        with stream.open("rb") as file:
            try:
                receive.receive(f"{made}/agent", "bundles/b", receive.Incoming(file.fileno()))
            except ProblemError as error:
                is_problem(error)
        for path in Path(made).rglob("*"):
            if path.is_file() and path != stream and path.suffix != ".part":
                assert hashlib.sha256(path.read_bytes()).hexdigest() in head
                assert path.is_relative_to(Path(made, "agent", "bundles", "b"))


@fuzzed(one_in=5, files=odd_json([HEAD, {**HEAD, "path": "b"}]))
def test_a_list_of_files(files: str) -> None:
    with tempfile.TemporaryDirectory() as made:
        Path(made, "stream").write_text(files + "\n")
        with Path(made, "stream").open("rb") as file:
            try:
                assert receive.adopt(made, "bundles/b", receive.Incoming(file.fileno()))["adopted"] == 0
            except ProblemError as error:
                is_problem(error)
