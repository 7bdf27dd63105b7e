"""Trials are run once, kept one by one, and none is lost or counted twice."""

import contextlib
import shutil
import signal
import threading
import time
from collections.abc import Callable, Generator, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path

import psutil
import pytest

from sis_edge import datasets
from sis_edge.datasets import ImageSet
from sis_edge.errors import InUseError, UsageError
from sis_edge.files import stages
from sis_edge.formation import form
from sis_edge.spec import nin
from sis_edge.sweep import local, running
from sis_edge.sweep.running import Executor, Outcomes, SweepResult, run
from sis_edge.sweep.trial import Failure, Task, Trial, load
from sis_edge.sweep.work import MAX_ATTEMPTS, attempt
from sis_edge.training import stage
from sis_edge.training.evaluate import accuracy
from sis_edge.training.train import CHECKPOINT

from .plans import plan_in


class Watch:
    """An executor that notes what it was given, and passes it on to this process."""

    def __init__(self) -> None:
        self.asked: list[str] = []

    def __call__(self, tasks: Sequence[Task], root: Path) -> Outcomes:
        self.asked = [task.key for task in tasks]
        return local.run_serially(tasks, root, lambda task, done, total, loss: None)


def files(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in (folder / running.TRIALS).iterdir()}


@pytest.fixture(scope="module")
def swept_once(tmp_path_factory: pytest.TempPathFactory) -> SweepResult:
    return run(plan_in(tmp_path_factory.mktemp("sweep") / "s"), Watch())


@pytest.fixture
def swept(swept_once: SweepResult, tmp_path: Path) -> Path:
    """A finished sweep of the test's own."""
    shutil.copytree(swept_once.plan.folder, tmp_path / "s")
    return tmp_path / "s"


def test_each_trial_is_a_file_of_its_own(swept_once: SweepResult) -> None:
    assert not swept_once.failures
    assert len(swept_once.trials) == 4
    assert set(files(swept_once.plan.folder)) == {f"{key[:20]}.json" for key in swept_once.trials}
    for task in swept_once.prepared.tasks:
        trial = swept_once.trials[task.key]
        stored = load(task.key, swept_once.plan.folder / running.TRIALS)
        assert stored is not None
        assert stored.model_dump_json() == trial.model_dump_json()
        assert trial.synapses == form(nin(), task.formation).synapse_count
        assert (trial.train_images, trial.held_out, trial.seed) == (64, 100, task.seed)


def test_accuracy_is_that_on_the_last_training_images(swept_once: SweepResult) -> None:
    data = datasets.load("digits")
    held_out = ImageSet(data.train.images[-100:], data.train.labels[-100:])
    task = swept_once.prepared.tasks[0]
    graph = form(nin(), task.formation)
    inputs = stage.inputs(graph, data.sha256, 64, task.recipe, task.seed, held_out=100)
    folder = swept_once.plan.folder / ".stages" / f"train-{stages.key(inputs)[:20]}"
    network = stage.load(graph, folder)
    assert accuracy(network, data, held_out) == pytest.approx(swept_once.trials[task.key].accuracy)
    assert 0 < len(swept_once.trials[task.key].wrong) < 100


def test_what_is_done_is_not_done_again(swept: Path) -> None:
    before, watch = files(swept), Watch()
    again = run(plan_in(swept), watch)
    assert watch.asked == []
    assert (again.done_before, len(again.trials)) == (4, 4)
    assert files(swept) == before


def test_a_larger_sweep_runs_what_is_new(swept: Path) -> None:
    watch = Watch()
    again = run(plan_in(swept, seeds=(0, 1, 2), granularities=("neuron",)), watch)
    assert [task.seed for task in again.prepared.tasks if task.key in watch.asked] == [2]
    assert (again.done_before, len(again.trials)) == (2, 3)
    assert len(files(swept)) == 5


def test_a_trial_of_another_version_or_key_is_made_again(swept: Path) -> None:
    name, data = sorted(files(swept).items())[0]
    key = Trial.model_validate_json(data).key
    path = swept / running.TRIALS / name
    assert load(key, path.parent) is not None
    path.write_bytes(data.replace(b'"trial_version": 1', b'"trial_version": 0'))
    assert load(key, path.parent) is None
    path.write_bytes(data.replace(key.encode(), key[:-1].encode() + (b"0" if key[-1] != "0" else b"1")))
    assert load(key, path.parent) is None
    path.write_bytes(data)


@pytest.mark.parametrize("damage", [b"", b"{", b'{"trial_version": 9}'])
def test_a_damaged_trial_is_made_again_from_its_training(swept: Path, damage: bytes) -> None:
    before = files(swept)
    name = sorted(before)[1]
    (swept / running.TRIALS / name).write_bytes(damage)
    steps: list[int] = []
    again = run(plan_in(swept), partial(local.run_serially, on_step=lambda task, done, total, loss: steps.append(done)))
    assert again.done_before == 3
    assert steps == []  # the training was found
    made = load(next(key for key in again.trials if name.startswith(key[:20])), swept / running.TRIALS)
    assert made is not None
    assert made.wrong == Trial.model_validate_json(before[name]).wrong


def test_an_interruption_keeps_what_is_done(tmp_path: Path) -> None:
    def press(task: Task, done: int, total: int, loss: float) -> None:
        if task.seed == 1:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run(plan_in(tmp_path / "s"), partial(local.run_serially, on_step=press))
    assert len(files(tmp_path / "s")) == 1
    watch = Watch()
    assert len(run(plan_in(tmp_path / "s"), watch).trials) == 4
    assert len(watch.asked) == 3


def test_an_interruption_ends_the_executor(tmp_path: Path) -> None:
    ended: list[bool] = []

    def forever(tasks: Sequence[Task], root: Path) -> Generator[tuple[Task, Trial | Failure], None, None]:
        try:
            for task in tasks:
                yield task, Failure("no reason")
        finally:
            ended.append(True)

    def press(done: int, total: int, what: str) -> None:
        if done:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run(plan_in(tmp_path / "s"), forever, press)
    assert ended == [True]


def test_a_failed_trial_leaves_the_others_alone(tmp_path: Path) -> None:
    plan = plan_in(tmp_path / "s", granularities=("neuron",))
    found = run(plan_in(tmp_path / "other", granularities=("neuron",)), _fails)
    keys = [task.key for task, _ in found.failures]
    blocked = tmp_path / "s" / ".stages" / f"train-{keys[0][:20]}"
    blocked.parent.mkdir(parents=True)
    blocked.touch()  # a file where the training's folder must be
    first = run(plan, Watch())
    assert [task.key for task, _ in first.failures] == keys[:1]
    assert "cannot write" in first.failures[0][1].reason
    assert list(first.trials) == keys[1:]
    blocked.unlink()
    watch = Watch()
    second = run(plan, watch)
    assert watch.asked == keys[:1]
    assert not second.failures
    assert len(second.trials) == 2


def _fails(tasks: Sequence[Task], root: Path) -> Outcomes:
    for task in tasks:
        yield task, Failure("no reason")


def test_other_images_on_a_machine_are_refused(swept_once: SweepResult, tmp_path: Path) -> None:
    task = replace(swept_once.prepared.tasks[0], dataset_sha256="0" * 64)
    outcome = attempt(task, tmp_path)
    assert isinstance(outcome, Failure)
    assert (
        "the images of digits on this machine differ from the sweep's (SHA-256 da189819564c, expected 000000000000)"
        in outcome.reason
    )
    assert not outcome.details
    unknown = attempt(
        replace(task, graph_sha256="0", dataset_sha256=swept_once.prepared.tasks[0].dataset_sha256), tmp_path
    )
    assert isinstance(unknown, Failure)
    assert "install the same version on all machines" in unknown.reason


def test_a_bug_of_ours_fails_its_trial_with_a_traceback(swept_once: SweepResult, tmp_path: Path) -> None:
    def broken(done: int, total: int, loss: float) -> None:
        raise ZeroDivisionError("of ours")

    outcome = attempt(swept_once.prepared.tasks[0], tmp_path, broken)
    assert isinstance(outcome, Failure)
    assert outcome.reason == "ZeroDivisionError: of ours"
    assert "Traceback" in outcome.details


def test_an_unknown_data_set_is_no_trial(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="unknown data set 'x'"):
        run(plan_in(tmp_path, dataset="x"), Watch())
    assert not (tmp_path / ".stages").exists()


def test_one_sweep_at_a_time_in_a_folder(tmp_path: Path) -> None:
    with stages.alone(tmp_path / ".stages"), pytest.raises(InUseError, match="or give another --folder"):
        run(plan_in(tmp_path), Watch())


def _killing(times: int, killed: set[int]) -> Executor:
    """Two processes at a time; that of the first task is killed in mid-training so many times, noted in `killed`."""

    def runner(tasks: Sequence[Task], root: Path) -> Outcomes:
        checkpoint = root / f"train-{tasks[0].key[:20]}" / CHECKPOINT
        ended = threading.Event()
        thread = threading.Thread(target=kill, args=(checkpoint, ended))
        thread.start()
        try:
            yield from local.run_in_processes(tasks, root, jobs=2)
        finally:
            ended.set()
            thread.join()

    def kill(checkpoint: Path, ended: threading.Event) -> None:
        spared: list[int] = []
        while len(killed) < times and not ended.wait(0.02):
            workers = sorted(_workers(), key=lambda process: process.create_time())
            if not spared and len(workers) == 2:
                spared = [workers[1].pid]
            for process in workers:
                if spared and process.pid not in killed | set(spared) and checkpoint.exists():
                    process.kill()
                    killed.add(process.pid)

    return runner


def _workers() -> list[psutil.Process]:
    found = []
    for process in psutil.Process().children():
        with contextlib.suppress(psutil.NoSuchProcess):
            if "spawn_main" in " ".join(process.cmdline()):
                found.append(process)
    return found


@pytest.mark.slow
class TestProcesses:
    def test_they_find_what_one_process_finds(self, swept_once: SweepResult, tmp_path: Path) -> None:
        found = run(plan_in(tmp_path), partial(local.run_in_processes, jobs=2))
        assert not found.failures
        assert {key: trial.wrong for key, trial in found.trials.items()} == {
            key: trial.wrong for key, trial in swept_once.trials.items()
        }

    def test_one_that_is_killed_goes_on_and_counts_once(self, tmp_path: Path) -> None:
        plan = plan_in(tmp_path, granularities=("neuron",), epochs=30)
        killed: set[int] = set()
        found = run(plan, _killing(1, killed))
        assert len(killed) == 1
        assert not found.failures
        assert len(found.trials) == len(files(tmp_path)) == 2
        undisturbed = run(plan_in(tmp_path / "other", granularities=("neuron",), epochs=30), Watch())
        assert {key: trial.wrong for key, trial in found.trials.items()} == {
            key: trial.wrong for key, trial in undisturbed.trials.items()
        }

    def test_one_that_always_dies_fails_and_the_others_go_on(self, tmp_path: Path) -> None:
        found = run(plan_in(tmp_path, granularities=("neuron",), epochs=30), _killing(MAX_ATTEMPTS, set()))
        assert [failure.reason for _, failure in found.failures] == [f"worker died {MAX_ATTEMPTS} times (exit code -9)"]
        assert len(found.trials) == 1


def test_a_trial_learns_from_a_finished_training_of_the_same_sweep(swept: Path) -> None:
    plan = plan_in(swept, granularities=("neuron",), seeds=(0,))
    taught_by = swept / ".stages" / f"train-{run(plan, Watch()).prepared.tasks[0].key[:20]}"
    found = run(replace(plan, recipes=("default", f"teacher={taught_by},temperature=3")), Watch())
    assert (len(found.trials), found.done_before, found.failures) == (2, 1, ())
    (taught,) = (trial for trial in found.trials.values() if "teacher" in trial.recipe)
    assert taught_by.name in taught.recipe["teacher"]
    assert taught.recipe["temperature"] == 3.0
    with pytest.raises(UsageError, match="trained on 64 images, and the last 1,234 of 1,297 are held out here"):
        run(replace(plan, held_out=1234, recipes=(f"teacher={taught_by}",)), Watch())


class DeadlyTask(Task):
    """Ends the process that it is sent to, as a system does that is out of memory."""

    def __reduce__(self) -> tuple[Callable[[int], None], tuple[int]]:
        return signal.raise_signal, (signal.SIGKILL,)


class EndlessTask(Task):
    """Never arrives in the process that it is sent to."""

    def __reduce__(self) -> tuple[Callable[[float], None], tuple[float]]:
        return time.sleep, (1000.0,)


@pytest.mark.slow
def test_a_worker_that_dies_is_replaced_twice_and_an_interruption_ends_the_others(
    swept_once: SweepResult, tmp_path: Path
) -> None:
    deadly, endless = swept_once.prepared.tasks[:2]
    said: list[str] = []
    tasks = [DeadlyTask(**vars(deadly)), EndlessTask(**vars(endless))]
    outcomes = local.run_in_processes(tasks, tmp_path, 2, said.append)
    task, outcome = next(outcomes)
    assert (task.key, outcome) == (deadly.key, Failure(f"worker died {MAX_ATTEMPTS} times (exit code -9)"))
    assert said == [f"{deadly.name}: worker died (exit code -9); retrying in a new process"] * (MAX_ATTEMPTS - 1)
    assert len(_workers()) == 1
    outcomes.close()  # as `running.run` does
    assert not _workers()
