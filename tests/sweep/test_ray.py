"""Trials on a real Ray cluster of two workers: whatever dies, none is lost and none counts twice."""

import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path

import psutil
import pytest

from sis_edge.cli import run as command
from sis_edge.errors import UsageError
from sis_edge.files.cache import cache_root
from sis_edge.sweep import local, ray, running
from sis_edge.sweep.running import Executor, Outcomes, run
from sis_edge.sweep.trial import Task
from sis_edge.training.train import CHECKPOINT

from .plans import plan_in
from .ray_cluster import RayCluster, ray_cluster, title

pytestmark = pytest.mark.slow

EPOCH = 2  # steps: 64 images in batches of 32


@pytest.fixture(scope="module")
def workers() -> Iterator[RayCluster]:
    with ray_cluster() as found:
        yield found


class Notes:
    """What is reported while trials run."""

    def __init__(self) -> None:
        self.steps: list[tuple[str, int]] = []
        self.said: list[tuple[str, int]] = []
        """Each message, and how many steps had been reported before it."""

    def on_step(self, task: Task, done: int, total: int, loss: float) -> None:
        self.steps.append((task.name, done))

    def say(self, message: str) -> None:
        self.said.append((message, len(self.steps)))


def on(workers: RayCluster, notes: Notes, cpus: int = 1) -> Executor:
    return partial(ray.execute, on_step=notes.on_step, say=notes.say, address=workers.address, cpus=cpus, gpus=None)


def test_the_command_on_two_workers(
    workers: RayCluster, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "80")
    small = ["--t-c", "0.05", "--t-p", "0.1", "--granularity", "neuron", "--epochs", "1", "--limit", "64"]
    words = ["sweep", "--dataset", "digits", *small, "--seeds", "0,1", "--ray", workers.address]
    assert command(words) == 0
    shown = capsys.readouterr()
    assert max(map(len, shown.out.splitlines())) <= 80
    assert shown.out.startswith("digits: accuracy on 129 held-out training images")
    lines = shown.err.splitlines()
    assert sum(line.startswith("train t_c 0.05, t_p 0.1, neuron, uniform, seed ") for line in lines) == 2
    assert sum(line.startswith("trial ") for line in lines) == 2
    # Beside those, how many trials are done, as often as a slow machine lets time for: nothing of Ray's own.
    assert [line for line in lines if not line.startswith(("train t_c ", "trial ", "trials: "))] == []
    assert sorted(path.name for path in (tmp_path / "sweeps/digits/.stages").glob("shared-*")) == []


def test_a_folder_that_the_machines_do_not_see_stays_empty(
    workers: RayCluster, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    @contextmanager
    def not_there(root: Path) -> Iterator[Path]:
        yield root / "shared-by-nobody"

    monkeypatch.setattr(ray, "_marker", not_there)
    found = run(plan_in(tmp_path, granularities=("neuron",), seeds=(0,)), on(workers, Notes()))
    assert len(found.trials) == 1
    assert [path.name for path in (tmp_path / ".stages").iterdir()] == ["lock"]
    assert not any((cache_root() / "sweep" / key[:20]).exists() for key in found.trials)


def test_an_interruption_ends_the_trials(workers: RayCluster, tmp_path: Path) -> None:
    def press(task: Task, done: int, total: int, loss: float) -> None:
        raise KeyboardInterrupt

    notes = Notes()
    notes.on_step = press  # type: ignore[method-assign]
    with pytest.raises(KeyboardInterrupt):
        run(plan_in(tmp_path, granularities=("neuron",), epochs=2000), on(workers, notes))
    psutil.wait_procs(workers.workers(), timeout=60)
    assert workers.workers() == []


def test_a_trial_that_no_machine_has_room_for(workers: RayCluster, tmp_path: Path) -> None:
    sentence = r"has 2 CPUs and 0 GPUs for a trial \(its nodes have 1 and 0, 0 and 0\); change --cpus or --gpus"
    with pytest.raises(UsageError, match=sentence):
        run(plan_in(tmp_path), on(workers, Notes(), cpus=2))


def test_a_worker_and_then_a_machine_are_killed_in_mid_trial(workers: RayCluster, tmp_path: Path) -> None:
    plan = plan_in(tmp_path / "s", granularities=("neuron",), epochs=40)
    notes, killed = Notes(), Killed()
    found = run(plan, killing(workers, on(workers, notes), killed))

    assert [what for what, _ in killed.names] == ["worker", "machine"]
    assert len(notes.said) == 2
    for _, name in killed.names:  # which of them Ray notices first is its own affair
        [steps_before] = [place for message, place in notes.said if message.startswith(f"{name}: worker lost (")]
        later = [step for task, step in notes.steps[steps_before:] if task == name]
        assert later[0] > EPOCH  # it went on where it was
        assert later[-1] == 40 * EPOCH
    assert not found.failures
    assert len(found.trials) == 2
    files = sorted(path.name for path in (tmp_path / "s" / running.TRIALS).iterdir())
    assert files == sorted(f"{key[:20]}.json" for key in found.trials)

    undisturbed = run(plan_in(tmp_path / "other", granularities=("neuron",), epochs=40), _on_this_machine)
    assert {key: trial.wrong for key, trial in found.trials.items()} == {
        key: trial.wrong for key, trial in undisturbed.trials.items()
    }


def _on_this_machine(tasks: Sequence[Task], root: Path) -> Outcomes:
    return local.run_serially(tasks, root, lambda task, done, total, loss: None)


class Killed:
    """What was killed, and the trial that it had."""

    def __init__(self) -> None:
        self.names: list[tuple[str, str]] = []


def killing(workers: RayCluster, executor: Executor, killed: Killed) -> Executor:
    """The same, and in mid-trial SIGKILL to one worker, then to another and its raylet: that machine is gone.

    A trial that has a checkpoint is stopped until it is its turn, else on a busy machine it might be over before.
    """

    def killing_too(tasks: Sequence[Task], root: Path) -> Outcomes:
        ended = threading.Event()
        thread = threading.Thread(target=kill, args=(tasks, root, ended))
        thread.start()
        try:
            yield from executor(tasks, root)
        finally:
            ended.set()
            thread.join()

    def kill(tasks: Sequence[Task], root: Path, ended: threading.Event) -> None:
        checkpoints = {f"ray::{task.name}": root / f"train-{task.key[:20]}" / CHECKPOINT for task in tasks}
        held: dict[str, psutil.Process] = {}
        while len(held) < len(tasks) and not ended.wait(0.05):
            for worker in workers.workers():
                name = title(worker)
                if name not in held and name in checkpoints and checkpoints[name].exists():
                    worker.suspend()
                    held[name] = worker
        for what, (name, worker) in zip(("worker", "machine"), held.items(), strict=True):
            for process in [worker] if what == "worker" else [worker.parent(), worker]:
                process.kill()
            killed.names.append((what, name.removeprefix("ray::")))

    return killing_too
