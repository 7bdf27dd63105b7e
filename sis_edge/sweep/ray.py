"""Trials on a Ray cluster (extra `ray`): each is a Ray task, on whatever node has room for it.

The nodes need the same sis-edge, and the data set or a way to fetch it. A trial that lost its worker is retried on
another: from its last epoch where the nodes share the sweep's folder, else from the first. Results come back to the
process that started the sweep, and it alone writes them, so a worker that Ray gave up counts for nothing.
"""

import os
import shutil
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path
from secrets import token_hex
from typing import TYPE_CHECKING, Any

from sis_edge.errors import UsageError
from sis_edge.files.cache import cache_root
from sis_edge.files.disk import writing
from sis_edge.sweep.cluster import check_head, connected, one_line, our_node
from sis_edge.sweep.running import OnStep, Outcomes, Say
from sis_edge.sweep.trial import Failure, Task, Trial
from sis_edge.sweep.work import MAX_ATTEMPTS, attempt

if TYPE_CHECKING:
    from types import ModuleType

    from sis_edge.training.train import Progress

_POLL_S = 1.0  # between two looks at what is ready
KEPT = "finished trials are kept, run the same command again to resume"


def execute(
    tasks: Sequence[Task], root: Path, on_step: OnStep, say: Say, *, address: str, cpus: int, gpus: float | None
) -> Outcomes:
    """Each task's outcome as it comes; a trial takes `cpus` CPUs and `gpus` GPUs (None: one, if there are any).

    Raises UsageError without the extra, for text that is not an address and for trials that no node has room for,
    TransportError where the cluster cannot be reached or is lost.
    """
    if not tasks:
        return
    root = root.absolute()
    with connected(address, KEPT) as ray, _marker(root) as marker:
        gpus = _gpus(ray, address, cpus, gpus)
        steps = ray.remote(num_cpus=0, max_restarts=-1, scheduling_strategy=our_node(ray))(_Steps).remote()
        work = ray.remote(num_cpus=cpus, num_gpus=gpus, max_retries=0, scheduling_strategy="SPREAD")(_work)

        def begin(task: Task) -> tuple[Any, Task]:
            return work.options(name=task.name).remote(_with_absolute_paths(task), root, marker, cpus, steps), task

        waiting = dict(begin(task) for task in tasks)
        deaths: Counter[str] = Counter()
        while waiting:
            ready, _ = ray.wait(list(waiting), timeout=_POLL_S)
            running = {task.key: task for task in waiting.values()}
            for key, done, total, loss in _new_steps(ray, steps, address):
                if key in running:
                    on_step(running[key], done, total, loss)
            for ref in ready:
                task = waiting.pop(ref)
                outcome = _outcome(ray, ref)
                if isinstance(outcome, str):
                    deaths[task.key] += 1
                    if deaths[task.key] < MAX_ATTEMPTS:
                        say(f"{task.name}: worker lost ({outcome}); retrying on another")
                        waiting.update([begin(task)])
                        continue
                    outcome = Failure(f"worker lost {MAX_ATTEMPTS} times ({outcome})")
                yield task, outcome


def _outcome(ray: "ModuleType", ref: Any) -> Trial | Failure | str:
    """A task's outcome; where its worker was lost, Ray's name for how."""
    try:
        outcome = ray.get(ref)
    except ray.exceptions.RayTaskError as error:  # before the trial began: most often a node without sis-edge
        reason = f"its node cannot run it ({one_line(error.cause)}); install the same sis-edge on every node"
        return Failure(reason, str(error))
    except ray.exceptions.RayError as error:
        return type(error).__name__
    assert isinstance(outcome, (Trial, Failure))
    return outcome


def _work(task: Task, root: Path, marker: Path, cpus: int, steps: Any) -> Trial | Failure:
    """One trial, on a node of the cluster."""
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")  # as the command line does
    import torch

    torch.set_num_threads(cpus)
    progress = _reporter(task.key, steps)
    if marker.exists():
        return attempt(task, root, progress)
    own = cache_root() / "sweep" / task.key[:20]  # resumed from there, should the trial come back to this node
    outcome = attempt(task, own, progress)
    if isinstance(outcome, Trial):
        shutil.rmtree(own, ignore_errors=True)
    return outcome


def _reporter(key: str, steps: Any) -> "Progress":
    """Reports a trial's progress to `steps`, about once a second and at its end."""
    import ray

    last = 0.0

    def progress(done: int, total: int, loss: float) -> None:
        nonlocal last
        now = time.monotonic()
        if done < total and now - last < _POLL_S:
            return
        last = now
        added = steps.add.remote(key, done, total, loss)
        if done == total:
            with suppress(ray.exceptions.RayError):
                ray.get(added, timeout=10)

    return progress


class _Steps:
    """An actor: the trials' progress, for the process that started the sweep."""

    def __init__(self) -> None:
        self._steps: list[tuple[str, int, int, float]] = []

    def add(self, key: str, done: int, total: int, loss: float) -> None:
        """A step of a trial."""
        self._steps.append((key, done, total, loss))

    def drain(self) -> list[tuple[str, int, int, float]]:
        """The steps since the last call."""
        steps, self._steps = self._steps, []
        return steps


def _new_steps(ray: "ModuleType", steps: Any, address: str) -> list[tuple[str, int, int, float]]:
    try:
        new: list[tuple[str, int, int, float]] = ray.get(steps.drain.remote(), timeout=_POLL_S)
    except ray.exceptions.RayError:  # busy, or gone with its node; only what is shown is lost with it
        check_head(address, KEPT)
        return []
    return new


@contextmanager
def _marker(root: Path) -> Iterator[Path]:
    """A file by which a node knows that it sees this very folder, and not another of the same name."""
    with writing(root):
        root.mkdir(parents=True, exist_ok=True)
        marker = root / f"shared-{token_hex(8)}"
        marker.touch()
    try:
        yield marker
    finally:
        marker.unlink(missing_ok=True)


def _with_absolute_paths(task: Task) -> Task:
    return task if task.data_dir is None else replace(task, data_dir=task.data_dir.absolute())


def _gpus(ray: "ModuleType", address: str, cpus: int, gpus: float | None) -> float:
    """GPUs per trial; raises UsageError where no node has room for one, since it would wait for ever."""
    resources = [node["Resources"] for node in ray.nodes() if node["Alive"]]
    sizes = [(each.get("CPU", 0.0), each.get("GPU", 0.0)) for each in resources]
    needed = gpus if gpus is not None else float(any(node_gpus > 0 for _, node_gpus in sizes))
    if not any(node_cpus >= cpus and node_gpus >= needed for node_cpus, node_gpus in sizes):
        there = ", ".join(
            f"{node_cpus:g} and {node_gpus:g}" for node_cpus, node_gpus in sorted(set(sizes), reverse=True)
        )
        raise UsageError(
            f"no node of the Ray cluster at {address} has {cpus} CPUs and {needed:g} GPUs for a trial (its nodes have "
            f"{there}); change --cpus or --gpus"
        )
    return needed
