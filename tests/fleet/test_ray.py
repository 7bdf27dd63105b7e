"""A fleet on a real Ray cluster of two nodes: a worker that dies costs its board nothing."""

import json
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import psutil
import pytest
from tiny_bundle import tiny_bundle

from sis_edge.board import inventory
from sis_edge.board.events import Event
from sis_edge.fleet import ray
from sis_edge.fleet.plan import FleetRequest, FleetTask, plan
from sis_edge.fleet.run import run
from sis_edge.fleet.state import BoardState
from tests.sweep.ray_cluster import RayCluster, ray_cluster, title

from .boards import Lab, lab
from .null_backend import python_path, register_null

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RayCluster]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYTHONPATH", python_path(tmp_path_factory.mktemp("null")))
        patch.delenv("SSH_AUTH_SOCK", raising=False)
        with ray_cluster() as found:
            yield found


@pytest.fixture(autouse=True)
def _null(monkeypatch: pytest.MonkeyPatch) -> None:
    register_null(monkeypatch)


def tasks_of(boards: Lab, tmp_path: Path) -> list[FleetTask]:
    bundle = tiny_bundle(tmp_path / "bundle")
    return plan(inventory.load(boards.inventory).boards, FleetRequest(), bundle, tmp_path)


def workers(cluster: RayCluster, board: str) -> list[psutil.Process]:
    """The processes that have this board."""
    found = []
    for raylet in cluster.raylets:
        with suppress(psutil.NoSuchProcess):
            found += [child for child in psutil.Process(raylet).children() if title(child) == f"ray::board {board}"]
    return found


class Seen:
    """What is told of the boards on the way; `on_start` is called once, with the first board whose job runs."""

    def __init__(self, on_start: Callable[[str], None] = lambda name: None) -> None:
        self.states: dict[str, BoardState] = {}
        self.links: list[str] = []
        self._on_start = on_start
        self._is_started = False

    def event(self, name: str, event: Event) -> None:
        if event.stage == "link":
            self.links.append(f"{name}: {event.message}")
        if event.message.endswith(" is running") and not self._is_started:
            self._is_started = True
            self._on_start(name)

    def state(self, name: str, state: BoardState) -> None:
        self.states[name] = state


@pytest.mark.fault("a fleet's Ray worker is killed in mid-job", "another worker fetches the same job")
def test_a_worker_that_is_killed_in_mid_job(cluster: RayCluster, tmp_path: Path) -> None:
    with lab(tmp_path, ["one", "other"], dead=["dead"], rounds=1500) as boards:
        struck: list[str] = []

        def strike(name: str) -> None:
            struck.append(name)
            for worker in workers(cluster, name):
                worker.kill()

        seen = Seen(strike)
        tasks = tasks_of(boards, tmp_path)
        with ray.executor(cluster.address, tasks, tmp_path / "runs", seen.event, seen.state) as executor:
            run(executor, seen.state)
        jobs = {name: sorted(path.name for path in boards.home(name).glob(".sis-edge/jobs/*")) for name in boards.ports}
    progress = {name: state.progress for name, state in seen.states.items()}
    assert progress == {"one": "done", "other": "done", "dead": "failed"}, seen.states
    (name,) = struck
    assert len([link for link in seen.links if link.startswith(f"{name}: worker lost (")]) == 1
    assert jobs[name] == [seen.states[name].job_id]  # fetched by the next worker, not measured again
    files = sorted(str(path) for path in (tmp_path / "runs").glob("*.json.gz"))
    assert files == sorted(path for state in seen.states.values() for path in state.runs)
    assert len(files) == 2


def test_ctrl_c_ends_the_jobs_that_were_begun_on_the_nodes(cluster: RayCluster, tmp_path: Path) -> None:
    with lab(tmp_path, ["first", "second"], rounds=10_000_000) as boards:

        def press(name: str) -> None:
            raise KeyboardInterrupt

        seen = Seen(press)
        how = (tasks_of(boards, tmp_path), tmp_path / "runs", seen.event, seen.state)
        with ray.executor(cluster.address, *how, parallel=1) as executor, pytest.raises(KeyboardInterrupt):
            run(executor, seen.state)
        (job,) = boards.home("first").glob(".sis-edge/jobs/*/state.json")
        assert json.loads(job.read_text())["state"] == "cancelled"
        assert not boards.home("second").exists()
    state = seen.states["first"]
    assert (state.progress, state.job_id) == ("cancelled", job.parent.name)
    assert "is cancelled" in str(state.job)
    assert "second" not in seen.states
