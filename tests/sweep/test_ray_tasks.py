"""Trials as tasks of a cluster, on a small Ray in this process: what is lost, refused, tried again, and said of it."""

import shutil
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

import pytest
import torch
from small_ray import SmallRay, small_ray

from sis_edge.cli import run as command
from sis_edge.errors import TransportError, UsageError
from sis_edge.files.cache import cache_root
from sis_edge.sweep import local, ray, running
from sis_edge.sweep.cluster import connected
from sis_edge.sweep.running import Executor, SweepResult, run
from sis_edge.sweep.trial import Task
from sis_edge.sweep.work import MAX_ATTEMPTS

from .plans import plan_in

__all__ = ["small_ray"]


@pytest.fixture(autouse=True)
def _threads() -> Iterator[None]:
    """A task sets those of its process, which is this one."""
    before = torch.get_num_threads()
    yield
    torch.set_num_threads(before)


class Notes:
    """What is reported while trials run."""

    def __init__(self) -> None:
        self.steps: list[tuple[int, int]] = []
        self.said: list[str] = []

    def on_step(self, task: Task, done: int, total: int, loss: float) -> None:
        self.steps.append((done, total))

    def executor(self, address: str = "auto", cpus: int = 1, gpus: float | None = None) -> Executor:
        return partial(ray.execute, on_step=self.on_step, say=self.said.append, address=address, cpus=cpus, gpus=gpus)


@pytest.fixture(scope="module")
def trained_once(tmp_path_factory: pytest.TempPathFactory) -> SweepResult:
    plan = plan_in(tmp_path_factory.mktemp("sweep") / "s", granularities=("neuron",))
    return run(plan, partial(local.run_serially, on_step=lambda task, done, total, loss: None))


@pytest.fixture
def trained(trained_once: SweepResult, tmp_path: Path) -> SweepResult:
    """A sweep of the test's own with two trials that are trained and whose results are missing."""
    folder = tmp_path / "s"
    shutil.copytree(trained_once.plan.folder, folder)
    shutil.rmtree(folder / running.TRIALS)
    return SweepResult(plan_in(folder, granularities=("neuron",)), *list(vars(trained_once).values())[1:])


@contextmanager
def listening() -> Iterator[tuple[str, socket.socket]]:
    """An address where something answers, until its socket is closed."""
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        one.listen()
        yield f"127.0.0.1:{one.getsockname()[1]}", one


def test_trials_come_back_with_their_progress(small_ray: SmallRay, trained_once: SweepResult, tmp_path: Path) -> None:
    notes = Notes()
    found = run(plan_in(tmp_path / "s", granularities=("neuron",), seeds=(0,)), notes.executor())
    ((key, trial),) = found.trials.items()
    assert trial.wrong == trained_once.trials[key].wrong
    assert notes.steps[-1] == (4, 4)
    assert notes.said == []
    assert not small_ray.is_connected
    assert not list((tmp_path / "s/.stages").glob("shared-*"))
    assert small_ray.options["_work"]["max_retries"] == 0, "a trial is retried by us, who say so"


def test_a_lost_worker_is_replaced_and_after_three_the_trial_fails(small_ray: SmallRay, trained: SweepResult) -> None:
    once, always = (task.name for task in trained.prepared.tasks)
    small_ray.lost = {once: 1, always: MAX_ATTEMPTS}
    notes = Notes()
    found = run(trained.plan, notes.executor())
    assert [trial.seed for trial in found.trials.values()] == [0]
    ((task, failure),) = found.failures
    assert (task.name, failure.reason) == (always, "worker lost 3 times (WorkerCrashedError)")
    lost = "worker lost (WorkerCrashedError); retrying on another"
    assert sorted(notes.said) == sorted([f"{once}: {lost}", *[f"{always}: {lost}"] * (MAX_ATTEMPTS - 1)])
    assert (small_ray.begun.count(once), small_ray.begun.count(always)) == (2, MAX_ATTEMPTS)


def test_a_node_without_sis_edge_fails_its_trial_alone(small_ray: SmallRay, trained: SweepResult) -> None:
    bad, good = trained.prepared.tasks
    small_ray.unable = {bad.name: ModuleNotFoundError("No module named 'sis_edge'")}
    found = run(trained.plan, Notes().executor())
    ((task, failure),) = found.failures
    assert task.key == bad.key
    assert failure.reason == (
        "its node cannot run it (ModuleNotFoundError: No module named 'sis_edge'); "
        "install the same sis-edge on every node"
    )
    assert list(found.trials) == [good.key]
    assert small_ray.begun.count(bad.name) == 1, "another worker has it no more than this one"


def test_a_node_that_does_not_see_the_folder_works_in_its_cache(
    small_ray: SmallRay, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    @contextmanager
    def not_there(root: Path) -> Iterator[Path]:
        yield root / "shared-by-nobody"

    monkeypatch.setattr(ray, "_marker", not_there)
    monkeypatch.setenv("SIS_EDGE_CACHE", str(tmp_path / "cache"))
    found = run(plan_in(tmp_path / "s", granularities=("neuron",), seeds=(0,)), Notes().executor())
    assert len(found.trials) == 1
    assert [path.name for path in (tmp_path / "s/.stages").iterdir()] == ["lock"]
    assert cache_root() == tmp_path / "cache"
    assert list((cache_root() / "sweep").iterdir()) == [], "what is done is not kept twice"


@pytest.mark.parametrize(
    ("nodes", "gpus", "asked"),
    [
        ([{"CPU": 2.0}], None, 0.0),
        ([{"CPU": 2.0}, {"CPU": 2.0, "GPU": 1.0}], None, 1.0),
        ([{"CPU": 2.0, "GPU": 1.0}], 0.25, 0.25),
        ([{"CPU": 2.0, "GPU": 1.0}], 0.0, 0.0),
    ],
)
def test_a_trial_takes_a_gpu_where_there_is_one(
    nodes: list[dict[str, float]], gpus: float | None, asked: float, small_ray: SmallRay, trained: SweepResult
) -> None:
    small_ray.nodes_resources = nodes
    assert len(run(trained.plan, Notes().executor(cpus=2, gpus=gpus)).trials) == 2
    assert {name: small_ray.options["_work"][name] for name in ("num_cpus", "num_gpus")} == {
        "num_cpus": 2,
        "num_gpus": asked,
    }


def test_a_trial_that_no_node_has_room_for(small_ray: SmallRay, trained: SweepResult) -> None:
    """One has the processors and another the GPU."""
    small_ray.nodes_resources = [{"CPU": 4.0}, {"CPU": 1.0, "GPU": 1.0}]
    sentence = (
        r"no node of the Ray cluster at auto has 2 CPUs and 1 GPUs for a trial \(its nodes have 4 and 0, 1 and 1\); "
        "change --cpus or --gpus"
    )
    with pytest.raises(UsageError, match=sentence):
        run(trained.plan, Notes().executor(cpus=2, gpus=1.0))
    assert small_ray.begun == []


def test_progress_that_is_lost_loses_no_trial(small_ray: SmallRay, trained: SweepResult) -> None:
    small_ray.actors_are_dead = True
    with listening() as (address, _):
        assert len(run(trained.plan, Notes().executor(address)).trials) == 2


def test_a_head_that_is_gone_ends_the_sweep_and_keeps_what_is_done(small_ray: SmallRay, trained: SweepResult) -> None:
    with listening() as (address, head):
        executor = Notes().executor(address)

        def then_gone(done: int, total: int, what: str) -> None:
            if done == 1:
                small_ray.actors_are_dead = True
                head.close()

        sentence = (
            f"lost the Ray cluster at {address} \\(ConnectionRefusedError: .*\\); finished trials are kept, run the "
            "same command again to resume"
        )
        with pytest.raises(TransportError, match=sentence):
            run(trained.plan, executor, then_gone)
    assert len(list((trained.plan.folder / running.TRIALS).iterdir())) == 1
    assert not small_ray.is_connected


def test_a_connection_of_rays_client_that_breaks(small_ray: SmallRay) -> None:
    sentence = r"lost the Ray cluster at auto \(ConnectionError: gone\); all is kept"
    with pytest.raises(TransportError, match=sentence), connected("auto", "all is kept"):
        raise ConnectionError("gone\n traceback: much")
    with pytest.raises(BrokenPipeError), connected("auto", "all is kept"):  # whoever read our output went away
        raise BrokenPipeError
    assert not small_ray.is_connected


def test_a_cluster_that_refuses(
    small_ray: SmallRay, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    words = [
        "sweep",
        "--dataset",
        "digits",
        "--t-c",
        "0.05",
        "--t-p",
        "0.1",
        "--granularity",
        "neuron",
        "--limit",
        "64",
    ]
    small_ray.refusal = RuntimeError("Version mismatch:\n the cluster has Ray 2.40")
    with listening() as (address, _):
        assert command([*words, "--folder", str(tmp_path), "--ray", address]) == 6
    shown = " ".join(capsys.readouterr().err.split())
    assert f"cannot connect to the Ray cluster at {address} (RuntimeError: Version mismatch: the cluster" in shown
    assert "from other machines use ray://HOST:10001; Ray and Python must have the cluster's versions" in shown
    small_ray.refusal = ConnectionError("could not find any running Ray instance")
    assert command([*words, "--folder", str(tmp_path), "--ray", "auto"]) == 6
    shown = " ".join(capsys.readouterr().err.split())
    assert "no Ray cluster runs on this machine; start one with `ray start --head`, or give --ray HOST:PORT" in shown
