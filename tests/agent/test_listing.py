"""All jobs of a root at a glance, damaged ones among them, and a job's log in pieces."""

import json
from pathlib import Path
from typing import Any

import pytest

from sis_agent import lock, schema
from sis_agent.job import listing
from sis_agent.job.folder import JobFolder, State
from sis_agent.protocol import ProblemError

from .board import Board


def put(board: Board, name: str, state: State, progress: str = "") -> JobFolder:
    board.put_null_job(name)
    folder = JobFolder(str(board.root), name)
    folder.write_state(state)
    Path(folder.file("progress.jsonl")).write_text(progress)
    return folder


def by_id(found: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return {job["job_id"]: job for job in found["jobs"]}


def test_jobs_are_listed_with_all_that_is_known(board: Board) -> None:
    done = put(board, "done", State(schema.DONE), '{"phase": "rounds", "done": 2, "of": 3}\n{"phase": "rou')
    Path(done.file("record.json")).write_text("{}")
    put(board, "failed", State(schema.FAILED, problem=schema.Problem("bad-model", "the runtime refuses it")))
    board.put_null_job("fresh")
    holder = lock.acquire(str(board.root), "failed")  # whatever holds the board comes first
    found = listing.jobs(str(board.root))
    lock.release(str(board.root), holder)
    jobs = by_id(found)
    assert found["jobs"][0]["job_id"] == found["measuring"] == "failed"
    assert {name: job["state"] for name, job in jobs.items()} == {
        "done": "done",
        "failed": "failed",
        "fresh": "queued",
    }
    assert (jobs["done"]["phase"], jobs["done"]["done"], jobs["done"]["of"]) == ("rounds", 2, 3)
    assert [jobs[name]["has_record"] for name in ("done", "failed")] == [True, False]
    assert jobs["done"]["size_bytes"] == sum(path.stat().st_size for path in Path(done.path).iterdir())
    assert (jobs["fresh"]["started_at"], jobs["fresh"]["pid"], jobs["fresh"]["networks"]) == (None, None, ["a", "b"])
    assert jobs["failed"]["problem"].message == "the runtime refuses it"
    assert (found["damaged"], found["left_out"]) == ([], 0)
    assert by_id(listing.jobs(str(board.root), "done")) == {"done": {**jobs["done"], "idle_s": jobs["done"]["idle_s"]}}


def test_damaged_folders_are_named_and_the_rest_is_listed(board: Board) -> None:
    put(board, "sound", State(schema.DONE))
    jobs = board.root / "jobs"
    (jobs / "empty").mkdir()
    (jobs / "a file").write_text("")
    (jobs / "broken").mkdir()
    (jobs / "broken/job.json").write_text("{")
    (jobs / "link").symlink_to("/nowhere")
    found = listing.jobs(str(board.root))
    assert list(by_id(found)) == ["sound"]
    why = {each["name"]: each["why"] for each in found["damaged"]}
    assert set(why) == {"empty", "a file", "broken", "link"}
    assert "cannot be read" in why["broken"]
    assert "has no job.json" in why["empty"]
    assert "cannot be a job id" in why["a file"]
    json.dumps(found["damaged"])


def test_a_long_list_is_cut_to_the_newest(board: Board, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(listing, "MOST_JOBS", 2)
    for name in ("j1", "j2", "j3"):
        put(board, name, State(schema.DONE))
    found = listing.jobs(str(board.root))
    assert (len(found["jobs"]), found["left_out"]) == (2, 1)


def test_a_job_that_is_not_there_is_a_problem(board: Board) -> None:
    for call in (listing.jobs, listing.log):
        with pytest.raises(ProblemError, match="no job 'j1' on this board"):
            call(str(board.root), "j1")


def test_a_log_comes_in_whole_lines(board: Board, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(listing, "PIECE_BYTES", 16)
    root = str(board.root)
    board.put_null_job("j1")
    folder = JobFolder(root, "j1")
    assert listing.log(root, "j1")["lines"] == []
    Path(folder.file("log.txt")).write_bytes(b"one\ntwo\n\nthree \xff\n" + b"x" * 20 + b"\nhalf")
    pieces, begin = [], 0
    while True:
        piece = listing.log(root, "j1", begin)
        if piece["next"] == begin:
            break
        pieces.append(piece["lines"])
        begin = piece["next"]
    # 16 bytes end within "three"; the long line is cut at 16, and the half one waits.
    assert pieces == [["one", "two", ""], ["three �"], ["x" * 16], ["xxxx"]]
    folder.write_state(State(schema.DONE))
    last = listing.log(root, "j1", begin)
    assert (last["lines"], last["next"], last["state"]) == (["half"], last["size_bytes"], "done")
    assert listing.log(root, "j1", -4)["lines"] == ["half"]
    assert listing.log(root, "j1", -(10**9))["begin"] == 0
    assert listing.log(root, "j1", 10**9)["lines"] == []
    monkeypatch.setattr(listing, "LONGEST_LINE", 2)
    assert listing.log(root, "j1", -4)["lines"] == ["ha", "lf"]
