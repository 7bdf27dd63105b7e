import json
import os
from pathlib import Path

import pytest

from sis_agent import lock, schema
from sis_agent.job.folder import RESERVE_BYTES, JobFolder, State
from sis_agent.job.storage import clean, list_files
from sis_agent.protocol import ProblemError

from .test_job_json import valid


def folder(root: Path) -> JobFolder:
    found = JobFolder(str(root), "j1")
    Path(found.path).mkdir(parents=True)
    return found


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


def test_space_for_the_last_word_is_kept_back_and_freed(tmp_path: Path) -> None:
    job = folder(tmp_path)
    job.drop_reserve()  # where there is none
    job.keep_reserve()
    reserve = Path(job.file("reserve"))
    last = schema.to_json(State(schema.FAILED, 1, 1, schema.Problem("disk-full", "a long sentence " * 64)))
    assert reserve.stat().st_size == RESERVE_BYTES > 4 * len(json.dumps(last))
    job.drop_reserve()
    assert not reserve.exists()


def test_a_restart_of_the_board_is_seen_by_its_boot_id(tmp_path: Path) -> None:
    """Even where another process has the pid and the start of the one that measured."""
    folder(tmp_path)
    job = JobFolder(str(tmp_path), "j1", sysroot=str(tmp_path / "sysroot"))
    Path(job.file("job.json")).write_text("{}")
    name = tmp_path / "sysroot" / lock.BOOT_ID
    name.parent.mkdir(parents=True)
    running = State(schema.RUNNING, os.getpid(), lock.start_ticks(os.getpid()), boot_id="start 1")
    job.write_state(running)
    for text, state in (("start 1", schema.RUNNING), ("", schema.RUNNING), ("start 2", schema.FAILED)):
        name.write_text(text + "\n")
        found = job.state()
        assert found.state == state
    assert found.problem is not None
    assert "the board restarted" in found.problem.message


def test_room_is_kept_back_for_a_record_of_the_journal(tmp_path: Path) -> None:
    job = folder(tmp_path)
    job.keep_reserve()
    reserve = Path(job.file("reserve"))
    sizes = []
    for journal_bytes in (1000, 10**6, 1000, 10**6):
        job.grow_reserve(journal_bytes)
        sizes.append(reserve.stat().st_size)
        assert sizes[-1] >= RESERVE_BYTES + 2 * journal_bytes
    assert sizes == sorted(sizes)
    assert reserve.stat().st_blocks * 512 >= 2 * 10**6, "not a hole"
    job.shrink_reserve()
    assert reserve.stat().st_size == RESERVE_BYTES


def test_progress_leaves_out_a_line_that_is_being_written(tmp_path: Path) -> None:
    job = folder(tmp_path)
    assert job.progress(0) == []
    Path(job.file("progress.jsonl")).write_text('{"done": 0}\n{"done": 1}\n{"do')
    assert job.progress(0) == [{"done": 0}, {"done": 1}]
    assert job.progress(1) == [{"done": 1}]
    assert job.progress(5) == []


def test_whole_files_below_the_root_are_listed(tmp_path: Path) -> None:
    root = tmp_path / "root"
    for name in ("bundles/b/model.onnx", "bundles/b/model.onnx.part", "bundles/b/data/images.npy"):
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text("content")
    (tmp_path / "root-too").mkdir()
    assert sorted(list_files(str(root), "bundles/b")["files"]) == ["data/images.npy", "model.onnx"]
    for folder in ("..", "bundles/../../root-too", "../root-too", "/etc"):
        with pytest.raises(ProblemError, match="is not inside the agent's root"):
            list_files(str(root), folder)


def test_cleaning_beside_a_running_job_leaves_what_it_may_use(tmp_path: Path) -> None:
    kept = ["agents/sis_agent-1.pyz", "bundles/b/model", "engines/e", "jobs/j1/job.json", "site/s", "wheels/w.whl"]
    for name in (*kept, "bundles/old/model", "jobs/j0/job.json"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(json.dumps(valid()))
    mine = lock.acquire(str(tmp_path), "j1")
    answer = clean(str(tmp_path))
    assert [(each["kind"], each["name"]) for each in answer["entries"]] == [("jobs", "j0"), ("bundles", "old")]
    assert all((tmp_path / name).exists() for name in kept)
    lock.release(str(tmp_path), mine)
    assert clean(str(tmp_path))["running"] is None
    assert [path.name for path in tmp_path.rglob("*") if path.is_file()] == ["lock"]
