"""Jobs that wait for a busy board: in order, cancelled while they wait, and never run twice."""

import calendar
import json
import os
import signal
import subprocess
import time
from pathlib import Path
from typing import Any

import pytest
from sshd import wait_for

from sis_agent import lock, schema
from sis_agent.job import execute, folder, queue, waiting
from sis_agent.job.execute import cancel
from sis_agent.job.folder import JobFolder, State
from sis_agent.job.queue import QUEUE, QueuePlace, Waiter
from sis_agent.protocol import ProblemError

from .board import FOR_EVER, Board


@pytest.fixture
def others() -> Any:
    """Processes that wait: each entry has a pid of its own."""
    processes: list[subprocess.Popen[bytes]] = []

    def waiter(job_id: str) -> dict[str, Any]:
        process = subprocess.Popen(["sleep", "60"])
        processes.append(process)
        return Waiter(process.pid, lock.start_ticks(process.pid) or 0, job_id)._asdict()

    yield waiter
    for process in processes:
        process.kill()
        process.wait()


def test_a_queue_is_in_order_and_knows_the_one_before(tmp_path: Path, others: Any) -> None:
    root = str(tmp_path)
    (tmp_path / QUEUE).write_text(json.dumps([others("j1"), others("j2")]))
    mine = queue.enter(root, "j3")
    assert [waiter.job_id for waiter in queue.waiting(root)] == ["j1", "j2", "j3"]
    assert queue.place(root, "j1") == QueuePlace(0, None)
    assert queue.place(root, "j3") == QueuePlace(2, "j2")
    holder = lock.acquire(root, "j0")
    assert queue.place(root, "j1") == QueuePlace(1, "j0")
    lock.release(root, holder)
    queue.leave(root, mine)
    assert queue.place(root, "j3") is None


def test_a_waiter_that_is_gone_holds_up_nobody(tmp_path: Path, others: Any) -> None:
    root = str(tmp_path)
    gone = dict(others("j1"), start_ticks=1)  # a pid that somebody else has by now
    (tmp_path / QUEUE).write_text(json.dumps([gone, others("j2")]))
    assert queue.place(root, "j1") is None
    assert queue.place(root, "j2") == QueuePlace(0, None)


@pytest.mark.parametrize(
    "content",
    ["", "{", "null", "[1, null]", '[{"pid": 1}]', '[{"pid": "1", "start_ticks": 1, "job_id": "j1"}]', "[" * 100],
)
def test_a_damaged_queue_is_empty(tmp_path: Path, content: str) -> None:
    (tmp_path / QUEUE).write_text(content)
    assert queue.waiting(str(tmp_path)) == []
    mine = queue.enter(str(tmp_path), "j1")
    assert queue.waiting(str(tmp_path)) == [mine]


def test_a_queue_has_an_end(tmp_path: Path, others: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(queue, "MOST_WAITING", 2)
    (tmp_path / QUEUE).write_text(json.dumps([others("j1"), others("j2")]))
    with pytest.raises(ProblemError, match="2 jobs wait for this board already") as found:
        queue.enter(str(tmp_path), "j3")
    assert found.value.problem.code == "busy"


@pytest.mark.fault("a waiting job is killed or cancelled", "the next one has its turn")
def test_jobs_run_one_behind_the_other(board: Board) -> None:
    root = str(board.root)
    board.put_null_job("first", rounds=FOR_EVER)
    for name in ("second", "third", "fourth"):
        board.put_null_job(name)
    board.call("run", "--queue", "--job-id", "first")
    answers = {name: board.call("run", "--queue", "--job-id", name).answer for name in ("second", "third", "fourth")}
    places = [(answer["state"], answer["behind"], answer["ahead"]) for answer in answers.values()]
    assert places == [("queued", "first", 1), ("queued", "second", 2), ("queued", "third", 3)]
    found = folder.status(root, "third")
    assert (found["state"], found["behind"], found["ahead"]) == ("queued", "second", 2)
    assert found["pid"] == answers["third"]["pid"]

    assert cancel(root, "third")["state"] == "cancelled"
    os.kill(answers["second"]["pid"], signal.SIGKILL)  # as by a board short of memory; it waits to be started again
    wait_for(lambda: folder.status(root, "second")["pid"] is None, "it is still there")
    assert folder.status(root, "second")["state"] == "queued"
    cancel(root, "first")
    wait_for(lambda: folder.status(root, "fourth")["state"] in schema.ENDED, "it never had its turn")
    assert [folder.status(root, name)["state"] for name in answers] == ["queued", "cancelled", "done"]
    wait_for(lambda: queue.waiting(root) == [], "somebody still waits")


@pytest.mark.fault("job started twice", "one job")
@pytest.mark.parametrize("words", [[], ["--queue"]])
def test_a_job_that_is_started_twice_is_one_job(board: Board, words: list[str]) -> None:
    """A host whose link was cut asks again, before the first process has said anything."""
    root = str(board.root)
    board.put_null_job("first", rounds=FOR_EVER)
    board.put_null_job("second")
    pid = board.call("run", *words, "--job-id", "first").answer["pid"]
    (board.root / "jobs/first/state.json").unlink()  # as in that moment
    assert board.call("run", "--job-id", "first").answer == {"job_id": "first", "pid": pid}
    waits = board.call("run", "--queue", "--job-id", "second").answer
    assert board.call("run", "--queue", "--job-id", "second").answer == waits
    assert [waiter.job_id for waiter in queue.waiting(root)][-1:] == ["second"]
    cancel(root, "second")
    os.kill(pid, signal.SIGTERM)
    wait_for(lambda: folder.status(root, "first")["state"] == "cancelled", "it did not end")


def test_a_free_board_is_the_first_ones(board: Board, others: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Who came later does not overtake, though nothing is measured at that moment."""
    board.put_null_job("j2")
    path = board.root / QUEUE
    path.write_text(json.dumps([others("j1")]))
    told: list[dict[str, Any]] = []
    naps: list[float] = []

    def first_leaves(pause_s: float) -> None:
        naps.append(pause_s)
        path.write_text(json.dumps([entry for entry in json.loads(path.read_text()) if entry["job_id"] == "j2"]))

    monkeypatch.setattr(waiting.time, "sleep", first_leaves)
    monkeypatch.setattr(execute.StopRequest, "listen", lambda self: None)
    waiting.execute_in_turn(str(board.root), "j2", told.append)
    # Whoever else sleeps in this process does not sleep so long.
    assert (told[0]["state"], told[0]["behind"], naps.count(waiting.PAUSE_S)) == ("queued", "j1", 1)
    assert folder.status(str(board.root), "j2")["state"] == "done"


def test_what_stands_against_a_job_in_its_turn_is_its_last_word(board: Board, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody listens any more when it comes to that."""
    board.put_null_job("j1")
    holder = lock.acquire(str(board.root), "before")
    told: list[dict[str, Any]] = []

    def leave(pause_s: float) -> None:
        if pause_s == waiting.PAUSE_S:
            (board.root / "bundles/b1/model").unlink()
            lock.release(str(board.root), holder)

    monkeypatch.setattr(waiting.time, "sleep", leave)
    monkeypatch.setattr(execute.StopRequest, "listen", lambda self: None)  # the tests' process keeps its signals
    with pytest.raises(ProblemError, match="model"):
        waiting.execute_in_turn(str(board.root), "j1", told.append)
    assert [answer["behind"] for answer in told] == ["before"]
    state = JobFolder(str(board.root), "j1").state()
    assert state.problem is not None
    assert (state.state, state.problem.code) == ("failed", "bad-bundle")


def test_a_job_that_was_cut_off_waits_too_before_it_goes_on(board: Board, monkeypatch: pytest.MonkeyPatch) -> None:
    board.put_null_job("j1")
    job = JobFolder(str(board.root), "j1")
    job.write_state(State(schema.RUNNING, 1, 1))  # a process that is gone
    assert job.state().state == schema.FAILED
    holder = lock.acquire(str(board.root), "before")
    told: list[dict[str, Any]] = []
    states: list[str] = []

    def leave(pause_s: float) -> None:
        if pause_s == waiting.PAUSE_S:  # whoever else sleeps in this process does not sleep so long
            states.append(job.state().state)
            lock.release(str(board.root), holder)

    monkeypatch.setattr(waiting.time, "sleep", leave)
    monkeypatch.setattr(execute.StopRequest, "listen", lambda self: None)
    waiting.execute_in_turn(str(board.root), "j1", told.append)
    assert ([answer["behind"] for answer in told], states) == (["before"], [schema.QUEUED])
    assert job.state().state == schema.DONE
    assert board.record("j1").problem is None


def test_a_wish_for_the_end_that_came_early_is_not_forgotten(board: Board) -> None:
    board.put_null_job("j1")
    job = JobFolder(str(board.root), "j1")
    holder = lock.acquire(str(board.root), "before")
    job.ask_for_end()
    with pytest.raises(ProblemError, match="it never ran"):
        waiting.execute_in_turn(str(board.root), "j1", lambda answer: None)
    assert job.state().state == schema.CANCELLED
    lock.release(str(board.root), holder)


def test_a_job_knows_when_it_started_and_ended(board: Board) -> None:
    board.put_null_job("j1")
    job = JobFolder(str(board.root), "j1")
    assert job.times() == (None, None)
    job.write_state(State(schema.RUNNING, 1, 1))
    started_at, ended_at = job.times()
    assert started_at is not None
    assert abs(calendar.timegm(time.strptime(started_at, "%Y-%m-%dT%H:%M:%SZ")) - time.time()) < 60
    assert ended_at is None
    job.write_state(State(schema.DONE))
    assert job.times()[0] == started_at
    assert (job.times()[1] or "") >= started_at
    assert job.state() == State(schema.DONE)
