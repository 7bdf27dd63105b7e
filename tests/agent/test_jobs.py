import errno
import json
import os
from pathlib import Path

import pytest

from sis_agent import lock, schema
from sis_agent.files import checked_name, write_atomic
from sis_agent.job.folder import JobFolder, State
from sis_agent.job.job_json import job_from_json
from sis_agent.protocol import ProblemError
from sis_agent.worker import memory


def folder(root: Path) -> JobFolder:
    found = JobFolder(str(root), "j1")
    Path(found.path).mkdir(parents=True)
    return found


def test_a_file_is_written_whole_or_not_at_all(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "record.json"
    write_atomic(str(path), "first")

    def full(descriptor: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(ProblemError) as caught:
        write_atomic(str(path), "second")
    assert caught.value.problem.code == "disk-full"
    assert path.read_text() == "first"
    assert list(tmp_path.iterdir()) == [path]


def test_other_errors_of_the_disk_keep_their_class(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        write_atomic(str(tmp_path / "missing" / "x"), "")


@pytest.mark.parametrize("name", ["", ".", "..", "a/b", "../a", "-a", ".hidden", "a b", "a\n", "x" * 129, "ä"])
def test_names_that_cannot_be_folders(name: str) -> None:
    with pytest.raises(ProblemError) as caught:
        checked_name("job id", name)
    assert caught.value.problem.code == "bad-name"


def test_states(tmp_path: Path) -> None:
    job = folder(tmp_path)
    with pytest.raises(ProblemError, match="no job 'j1'"):
        job.state()
    Path(job.file("job.json")).write_text("{}")
    assert job.state() == State(schema.QUEUED)
    ticks = lock.start_ticks(os.getpid())
    running = State(schema.RUNNING, os.getpid(), ticks)
    job.write_state(running)
    assert job.state() == running
    assert ticks is not None
    job.write_state(running._replace(start_ticks=ticks + 1))
    lost = job.state()
    assert lost.state == schema.FAILED
    assert lost.problem is not None
    assert lost.problem.code == "job-lost"
    done = State(schema.FAILED, 1, 1, schema.Problem("code", "message"))
    job.write_state(done)
    assert job.state() == done


def test_progress_leaves_out_a_line_that_is_being_written(tmp_path: Path) -> None:
    job = folder(tmp_path)
    assert job.progress(0) == []
    Path(job.file("progress.jsonl")).write_text('{"done": 0}\n{"done": 1}\n{"do')
    assert job.progress(0) == [{"done": 0}, {"done": 1}]
    assert job.progress(1) == [{"done": 1}]
    assert job.progress(5) == []


def test_the_lock(tmp_path: Path) -> None:
    mine = lock.acquire(str(tmp_path), "j1")
    with pytest.raises(ProblemError, match="measuring job 'j1'"):
        lock.acquire(str(tmp_path), "j2")
    lock.release(str(tmp_path), mine._replace(job_id="another"))
    with pytest.raises(ProblemError):
        lock.acquire(str(tmp_path), "j2")
    lock.release(str(tmp_path), mine)
    assert lock.acquire(str(tmp_path), "j2").job_id == "j2"


@pytest.mark.parametrize("content", ["", "{", "[1]", '{"pid": 1}', "null"])
def test_a_damaged_lock_is_free(tmp_path: Path, content: str) -> None:
    (tmp_path / "lock").write_text(content)
    assert lock.acquire(str(tmp_path), "j1").pid == os.getpid()


@pytest.mark.parametrize(
    ("state", "expected"),
    [("S", 4242), ("R", 4242), ("Z", None), ("X", None)],
    ids=["sleeps", "runs", "zombie", "dead"],
)
def test_start_ticks(tmp_path: Path, state: str, expected: int | None) -> None:
    (tmp_path / "proc/7/task/7").mkdir(parents=True)
    fields = [state, *["0"] * 18, "4242", "0"]
    # A process may call itself anything.
    (tmp_path / "proc/7/task/7/stat").write_text("7 (a) S 1 (b) " + " ".join(fields))
    assert lock.start_ticks(7, str(tmp_path)) == expected
    assert lock.start_ticks(8, str(tmp_path)) is None


def test_memory(tmp_path: Path) -> None:
    (tmp_path / "proc/self").mkdir(parents=True)
    (tmp_path / "proc/self/status").write_text("Name:\tx\nVmHWM:\t   2000 kB\nVmRSS:\t  1000 kB\n")
    assert memory.read(str(tmp_path)) == (1000 * 1024, 2000 * 1024)
    assert memory.read(str(tmp_path / "none")) == (None, None)


def valid() -> dict[str, object]:
    return {
        "job_version": 1,
        "bundle_id": "b",
        "networks": [{"name": "a", "model": "m", "golden_logits": "l"}],
        "golden_inputs": "i",
        "golden_tolerance": 1e-4,
        "preprocess": {"mean": [0.5], "std": [0.5]},
    }


def test_a_job_survives_json() -> None:
    job = job_from_json(valid())
    assert job_from_json(json.loads(json.dumps(schema.to_json(job)))) == job


@pytest.mark.parametrize(
    ("change", "text"),
    [
        ({"job_version": 2}, "job_version is 2"),
        ({"colour": "red"}, "colour"),
        ({"networks": [{"name": "a"}]}, "model"),
        ({"networks": 3}, "does not fit"),
        ({"preprocess": {"mean": [1]}}, "std"),
        ({"rounds": 1.5}, "rounds is 1.5"),
        ({"threads": "2"}, "threads is '2'"),
        ({"time_limit_s": float("inf")}, "time_limit_s"),
        ({"golden_tolerance": float("nan")}, "golden_tolerance"),
        ({"warmup_s": -1}, "warmup_s"),
        ({"warmup_s": None}, "warmup_s"),
    ],
)
def test_a_wrong_field_is_named(change: dict[str, object], text: str) -> None:
    with pytest.raises(ValueError, match=text):
        job_from_json({**valid(), **change})
