"""Trials on a Ray cluster (extra `ray`): each is a Ray task, on whatever machine has room for it.

The machines need the same sis-edge, and the data set or a way to fetch it. A trial that lost its worker is run again
elsewhere: from its last epoch where the machines share the sweep's folder, else from the first. Results come back to
the process that started the sweep, and it alone writes them: a worker that was given up for dead counts for nothing.
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
from sis_edge.sweep.ray_connection import connected, line, still_there
from sis_edge.sweep.running import OnStep, Outcomes, Say
from sis_edge.sweep.trial import Failure, Task, Trial
from sis_edge.sweep.work import ATTEMPTS, attempt

if TYPE_CHECKING:
    from types import ModuleType

    from sis_edge.training.train import Progress

_POLL_S = 1.0  # between two looks at what is ready


def on_ray(
    tasks: Sequence[Task], root: Path, on_step: OnStep, say: Say, *, address: str, cpus: int, gpus: float | None
) -> Outcomes:
    """Each task's outcome as it comes; a trial takes `cpus` processors and `gpus` GPUs (None: one, if there are any).

    Raises UsageError without the extra, for an address that is none and for trials that no machine has room for,
    TransportError where the cluster cannot be reached or is lost.
    """
    if not tasks:
        return
    root = root.absolute()
    with connected(address) as ray, _sign(root) as sign:
        gpus = _gpus(ray, address, cpus, gpus)
        steps = ray.remote(num_cpus=0, max_restarts=-1, scheduling_strategy=_beside_us(ray))(_Steps).remote()
        work = ray.remote(num_cpus=cpus, num_gpus=gpus, max_retries=0, scheduling_strategy="SPREAD")(_work)

        def begin(task: Task) -> tuple[Any, Task]:
            return work.options(name=task.name).remote(_anywhere(task), root, sign, cpus, steps), task

        waiting = dict(begin(task) for task in tasks)
        lost: Counter[str] = Counter()
        while waiting:
            ready, _ = ray.wait(list(waiting), timeout=_POLL_S)
            running = {task.key: task for task in waiting.values()}
            try:
                told = ray.get(steps.take.remote(), timeout=_POLL_S)
            except ray.exceptions.RayError:  # busy, or gone with its machine; only what is shown is lost with it
                still_there(address)
                told = []
            for key, *step in told:
                if key in running:
                    on_step(running[key], *step)
            for ref in ready:
                task = waiting.pop(ref)
                outcome = _outcome(ray, ref)
                if isinstance(outcome, str):
                    lost[task.key] += 1
                    if lost[task.key] < ATTEMPTS:
                        say(f"{task.name}: lost with its worker ({outcome}), it is run again")
                        waiting.update([begin(task)])
                        continue
                    outcome = Failure(f"it was lost with its worker {ATTEMPTS} times ({outcome})")
                yield task, outcome


def _outcome(ray: "ModuleType", ref: Any) -> Trial | Failure | str:
    """What came of a trial; where that is nothing, how it was lost."""
    try:
        found = ray.get(ref)
    except ray.exceptions.RayTaskError as error:  # before the trial began: most often a machine without sis-edge
        return Failure(f"its machine cannot run it ({line(error.cause)}); it needs the same sis-edge", str(error))
    except ray.exceptions.RayError as error:
        return type(error).__name__
    assert isinstance(found, (Trial, Failure))
    return found


def _work(task: Task, root: Path, sign: Path, cpus: int, steps: Any) -> Trial | Failure:
    """One trial, on a machine of the cluster."""
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")  # as the command line's
    import torch

    torch.set_num_threads(cpus)
    progress = _reporter(task.key, steps)
    if sign.exists():
        return attempt(task, root, progress)
    own = cache_root() / "sweep" / task.key[:20]  # goes on there, should the trial come back to this machine
    outcome = attempt(task, own, progress)
    if isinstance(outcome, Trial):
        shutil.rmtree(own, ignore_errors=True)
    return outcome


def _reporter(key: str, steps: Any) -> "Progress":
    """Tells `steps` where a trial is, about once a second and at its end."""
    import ray

    last = 0.0

    def progress(done: int, total: int, loss: float) -> None:
        nonlocal last
        now = time.monotonic()
        if done < total and now - last < _POLL_S:
            return
        last = now
        noted = steps.note.remote(key, done, total, loss)
        if done == total:
            with suppress(ray.exceptions.RayError):
                ray.get(noted, timeout=10)

    return progress


class _Steps:
    """An actor: how far trials are, for whoever started the sweep."""

    def __init__(self) -> None:
        self._steps: list[tuple[str, int, int, float]] = []

    def note(self, key: str, done: int, total: int, loss: float) -> None:
        """A step of a trial."""
        self._steps.append((key, done, total, loss))

    def take(self) -> list[tuple[str, int, int, float]]:
        """What was noted since the last call."""
        taken, self._steps = self._steps, []
        return taken


def _beside_us(ray: "ModuleType") -> Any:
    """The machine that this process, or its proxy, is connected to: no other one's death takes the steps along."""
    from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

    return NodeAffinitySchedulingStrategy(ray.get_runtime_context().get_node_id(), soft=False)


@contextmanager
def _sign(root: Path) -> Iterator[Path]:
    """A file by which a machine knows that it sees the same folder, and not only one of the same name."""
    with writing(root):
        root.mkdir(parents=True, exist_ok=True)
        sign = root / f"shared-{token_hex(8)}"
        sign.touch()
    try:
        yield sign
    finally:
        sign.unlink(missing_ok=True)


def _anywhere(task: Task) -> Task:
    """The task with a path that means the same from every folder."""
    return task if task.data_dir is None else replace(task, data_dir=task.data_dir.absolute())


def _gpus(ray: "ModuleType", address: str, cpus: int, gpus: float | None) -> float:
    """GPUs a trial; raises UsageError where no machine has room for one, for it would wait for ever."""
    machines = [node["Resources"] for node in ray.nodes() if node["Alive"]]
    sizes = [(each.get("CPU", 0.0), each.get("GPU", 0.0)) for each in machines]
    wanted = gpus if gpus is not None else float(any(has > 0 for _, has in sizes))
    if not any(has >= cpus and also >= wanted for has, also in sizes):
        there = ", ".join(f"{has:g} and {also:g}" for has, also in sorted(set(sizes), reverse=True))
        raise UsageError(
            f"no machine of the Ray cluster at {address} has {cpus} processors and {wanted:g} GPUs for a trial; they "
            f"have {there}; give other --cpus or --gpus"
        )
    return wanted
