"""Boards as tasks of a cluster, on a small Ray in this process: what is lost, refused, tried again, and said of it."""

import socket
import threading
from collections.abc import Callable
from pathlib import Path

import pytest
from results.factory import stored_run
from small_ray import SmallRay, small_ray
from tiny_bundle import tiny_bundle, tiny_profile

from sis_edge.board.events import Event
from sis_edge.board.inventory import InventoryBoard
from sis_edge.errors import TransportError
from sis_edge.fleet import ray
from sis_edge.fleet.attempt import OnBoardEvent, OnBoardState
from sis_edge.fleet.plan import FleetTask
from sis_edge.fleet.run import run
from sis_edge.fleet.state import BoardState
from sis_edge.results import store

__all__ = ["small_ray"]

LOST = "worker lost (WorkerCrashedError); going on from another"


class Boards:
    """Boards that are measured at once, in place of `fleet.attempt`: what each was asked, and what is told of it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.asked: list[FleetTask] = []
        self.states: dict[str, list[BoardState]] = {}
        self.links: list[str] = []
        self.on_done: Callable[[str], None] = lambda name: None
        bundle = tiny_bundle(folder / "bundle")
        self.tasks = [
            FleetTask(name, InventoryBoard(host=name), bundle, tiny_profile(), way=("--host", name))
            for name in ("one", "other")
        ]

    def attempt(
        self,
        task: FleetTask,
        runs_dir: Path,
        is_over: threading.Event,
        on_event: OnBoardEvent,
        on_state: OnBoardState,
    ) -> BoardState:
        self.asked.append(task)
        job_id = task.job_id or f"job-{len(self.asked)}"
        on_event(task.name, Event("agent", "connected"))
        on_state(task.name, BoardState(progress="running", job_id=job_id))
        return BoardState(progress="done", runs=(str(store.save(stored_run(), runs_dir)),), job_id=job_id)

    def event(self, name: str, event: Event) -> None:
        self.links.append(f"{name}: {event.message}")

    def state(self, name: str, state: BoardState) -> None:
        self.states.setdefault(name, []).append(state)
        if state.progress == "done":
            self.on_done(name)

    def measure(self, address: str = "auto", parallel: int = 2) -> None:
        how = (self.tasks, self.folder / "runs", self.event, self.state, parallel)
        with ray.executor(address, *how) as executor:
            run(executor, self.state)


@pytest.fixture
def boards(small_ray: SmallRay, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Boards:
    found = Boards(tmp_path)
    monkeypatch.setattr("sis_edge.fleet.ray.attempt", found.attempt)
    return found


def test_each_board_goes_whole_to_a_node_and_its_run_comes_back(boards: Boards, small_ray: SmallRay) -> None:
    boards.measure()
    for sent, asked in zip(boards.tasks, boards.asked, strict=True):
        assert asked.bundle.path != sent.bundle.path
        assert (asked.bundle.id, asked.board, asked.profile) == (sent.bundle.id, sent.board, sent.profile)
        assert (asked.way, asked.job_id) == (sent.way, None)
        assert asked.request.options.trust, "whoever planned the fleet has judged the bundle"
        assert not asked.bundle.path.exists(), "nothing is left on the node"
    for name, job_id in (("one", "job-1"), ("other", "job-2")):
        running, done = boards.states[name]
        assert (running.progress, running.job_id) == ("running", job_id)
        assert (done.progress, done.job_id) == ("done", job_id)
        (path,) = done.runs
        assert Path(path).parent == boards.folder / "runs"
        assert store.load(Path(path)).record == stored_run().record
    assert boards.links == ["one: connected", "other: connected"]
    assert not small_ray.is_connected


def test_a_lost_worker_s_job_is_fetched_by_the_next(boards: Boards, small_ray: SmallRay) -> None:
    small_ray.lost = {"board one": 1}
    boards.measure()
    assert [(task.name, task.job_id) for task in boards.asked if task.name == "one"] == [
        ("one", None),
        ("one", "job-1"),
    ]
    assert [state.progress for state in boards.states["one"]] == ["running", "running", "done"]
    assert [link for link in boards.links if "lost" in link] == [f"one: {LOST}"]
    assert len(list((boards.folder / "runs").glob("*.json.gz"))) == 2


def test_a_board_whose_worker_is_always_lost_fails_alone(boards: Boards, small_ray: SmallRay) -> None:
    small_ray.lost = {"board one": ray.MAX_ATTEMPTS}
    boards.measure()
    last = boards.states["one"][-1]
    assert (last.progress, last.exit_code, last.job_id) == ("failed", TransportError.exit_code, "job-1")
    assert last.problem == "worker lost 3 times (WorkerCrashedError)"
    assert boards.links.count(f"one: {LOST}") == ray.MAX_ATTEMPTS - 1
    assert boards.states["other"][-1].progress == "done"


def test_a_node_without_sis_edge(boards: Boards, small_ray: SmallRay) -> None:
    small_ray.unable = {"board other": ModuleNotFoundError("No module named 'sis_edge'")}
    boards.measure()
    (state,) = boards.states["other"]
    assert (state.progress, state.exit_code) == ("failed", 1)
    assert state.problem == (
        "its node cannot run it (ModuleNotFoundError: No module named 'sis_edge'); "
        "install the same sis-edge on every node"
    )
    assert small_ray.begun.count("board other") == 1


def test_after_ctrl_c_no_lost_worker_is_replaced(boards: Boards, small_ray: SmallRay) -> None:
    def press(name: str) -> None:
        raise KeyboardInterrupt

    boards.on_done = press
    small_ray.lost = {"board other": 1}
    with pytest.raises(KeyboardInterrupt):
        boards.measure()
    assert boards.states["other"][-1].progress == "failed"
    assert boards.states["other"][-1].job_id == "job-2", "it may go on, and has a name"
    assert small_ray.begun == ["board one", "board other"]


def test_boards_that_do_not_answer_after_ctrl_c_are_given_up(
    boards: Boards, small_ray: SmallRay, monkeypatch: pytest.MonkeyPatch
) -> None:
    def press(name: str) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(ray, "GRACE_S", 0.0)
    boards.on_done = press
    with pytest.raises(KeyboardInterrupt):
        boards.measure()
    last = boards.states["other"][-1]
    assert (last.progress, last.exit_code, last.problem) == ("cancelled", 130, "interrupted")
    assert last.job == "its worker did not answer within 0 s; no job was started"


def test_a_board_that_waits_is_not_begun_after_ctrl_c(boards: Boards, small_ray: SmallRay) -> None:
    def press(name: str) -> None:
        raise KeyboardInterrupt

    boards.on_done = press
    with pytest.raises(KeyboardInterrupt):
        boards.measure(parallel=1)
    assert small_ray.begun == ["board one"]
    assert list(boards.states) == ["one"]


def test_a_head_that_is_gone_names_what_is_kept(boards: Boards, small_ray: SmallRay) -> None:
    with socket.socket() as head:
        head.bind(("127.0.0.1", 0))
        head.listen()
        address = f"127.0.0.1:{head.getsockname()[1]}"

        def then_gone(name: str) -> None:
            small_ray.actors_are_dead = True
            head.close()

        boards.on_done = then_gone
        with pytest.raises(TransportError, match=r"lost the Ray cluster at .*the same command with --resume measures"):
            boards.measure(address, parallel=1)
    assert boards.states["one"][-1].progress == "done"


def test_a_cluster_whose_leases_are_lost_is_lost(boards: Boards, small_ray: SmallRay) -> None:
    """Its head may answer still: without leases a board could be measured twice at once."""

    def then_gone(name: str) -> None:
        small_ray.actors_are_dead = True

    boards.on_done = then_gone
    with pytest.raises(
        TransportError, match=r"lost the Ray cluster at auto \(ActorDiedError: its node is gone\); runs"
    ):
        boards.measure(parallel=1)
