"""The agent's own files after a power cut, or as another program left them: a problem with a code, never a bug."""

import io
import json
import tempfile
import warnings
import zipfile
from pathlib import Path
from typing import Any

import pytest
from agent.test_provision import ANY, write_wheel
from hypothesis import given
from results.factory import stored_run

from sis_agent import lock
from sis_agent.files import JOBS, WHEELS
from sis_agent.job import folder, provision, storage
from sis_agent.protocol import ProblemError
from sis_agent.schema import to_json

from .fuzz import fuzzed, odd_bytes, odd_json

JOB = to_json(stored_run(names=("nin",)).record.job._replace(power=None))
STATE = {"state": "running", "pid": 1, "start_ticks": 7, "problem": {"code": "bug", "message": "x"}}
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
LOCK = {"pid": 1, "start_ticks": 7, "job_id": "j1"}


def is_problem(error: ProblemError) -> None:
    assert error.problem.code != "bug"
    assert error.problem.message


def with_file(place: Path, name: str, data: bytes) -> folder.JobFolder:
    job = folder.JobFolder(str(place), "j1")
    Path(job.path).mkdir(parents=True, exist_ok=True)
    for other, sound in (("job.json", JOB), ("state.json", STATE), ("progress.jsonl", PROGRESS)):
        content = json.dumps(sound).encode() + b"\n"
        Path(job.file(other)).write_bytes(data if other == name else content)
    return job


def check_job(place: Path, name: str, data: bytes) -> None:
    job = with_file(place, name, data)
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
    with_file(place, "", b"")
    assert storage.clean(str(place), keep_bundles=False)["removed"][JOBS] == ["j1"]


def check_wheel(place: Path, data: bytes) -> None:
    (place / WHEELS).mkdir(exist_ok=True)
    (place / WHEELS / ANY).write_bytes(data)
    target = place / "unpacked"
    try:
        provision._unpack(str(place), ANY, str(target))
    except ProblemError as error:
        is_problem(error)
    assert {path.name for path in place.iterdir()} <= {WHEELS, "unpacked", "lock", JOBS, "sound"}


@pytest.mark.parametrize(
    ("name", "sound"), [("job.json", JOB), ("state.json", STATE), ("progress.jsonl", PROGRESS)], ids=str
)
def test_they_are_sound_to_begin_with(tmp_path: Path, name: str, sound: Any) -> None:
    job = with_file(tmp_path, "", b"")
    assert job.job().networks
    assert len(job.progress(0)) == 1
    assert job.state().problem is not None


@fuzzed
@given(text=odd_json(JOB))
def test_jobs(place: Path, text: str) -> None:
    check_job(place, "job.json", text.encode())


@fuzzed
@given(text=odd_json(STATE))
def test_states(place: Path, text: str) -> None:
    check_job(place, "state.json", text.encode())


@fuzzed
@given(text=odd_json(PROGRESS))
def test_progress(place: Path, text: str) -> None:
    check_job(place, "progress.jsonl", text.encode() + b"\n")


@fuzzed
@given(data=odd_bytes(json.dumps(STATE).encode()))
def test_damaged_bytes(place: Path, data: bytes) -> None:
    for name in ("job.json", "state.json", "progress.jsonl"):
        check_job(place, name, data + b"\n")


@fuzzed
@given(text=odd_json(LOCK))
def test_locks(place: Path, text: str) -> None:
    if json.dumps(LOCK) != text:
        check_lock(place, text.encode())


@fuzzed
@given(data=odd_bytes(json.dumps(LOCK).encode()))
def test_damaged_locks(place: Path, data: bytes) -> None:
    check_lock(place, data)


@fuzzed
@given(data=odd_bytes(SOUND_WHEEL))
def test_wheels(place: Path, data: bytes) -> None:
    check_wheel(place, data)
