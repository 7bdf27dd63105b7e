"""Trials on a Ray cluster (extra `ray`): each is a Ray task, on whatever node has room for it.

The nodes need the same sis-edge, and the data set or a way to fetch it. A trial that lost its worker is retried on
another: from its last epoch where the nodes share the sweep's folder, else from the first. Results come back to the
process that started the sweep, and it alone writes them, so a worker that Ray gave up counts for nothing.
"""

import os
import re
import shutil
import socket
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, redirect_stdout, suppress
from dataclasses import replace
from pathlib import Path
from secrets import token_hex
from typing import TYPE_CHECKING, Any

from sis_edge.errors import TransportError, UsageError
from sis_edge.files.cache import cache_root
from sis_edge.files.disk import writing
from sis_edge.sweep.running import OnStep, Outcomes, Say
from sis_edge.sweep.trial import Failure, Task, Trial
from sis_edge.sweep.work import MAX_ATTEMPTS, attempt

if TYPE_CHECKING:
    from types import ModuleType

    from sis_edge.training.train import Progress

INSTALL = "pip install 'sis-edge[ray]'"
ADDRESS = re.compile(r"(?:ray://)?(?P<host>[\w.-]+|\[[0-9a-fA-F:.]+\]):(?P<port>\d{1,5})")
_POLL_S = 1.0  # between two looks at what is ready
_PROBE_S = 10.0  # for a machine to answer at all
_RETRIES = {"RAY_NUM_REDIS_GET_RETRIES": "2"}  # where something else than Ray answers: by default 20, 40 s each


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
    with _connected(address) as ray, _marker(root) as marker:
        gpus = _gpus(ray, address, cpus, gpus)
        steps = ray.remote(num_cpus=0, max_restarts=-1, scheduling_strategy=_our_node(ray))(_Steps).remote()
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
        reason = f"its node cannot run it ({_one_line(error.cause)}); install the same sis-edge on every node"
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
        _check_head(address)
        return []
    return new


def _our_node(ray: "ModuleType") -> Any:
    """The node that this process, or its proxy, is connected to: the steps survive the death of any other."""
    from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

    return NodeAffinitySchedulingStrategy(ray.get_runtime_context().get_node_id(), soft=False)


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


@contextmanager
def _connected(address: str) -> Iterator["ModuleType"]:
    """Ray, connected until the end of the block, which also ends trials that still run."""
    os.environ.update({**_RETRIES, **os.environ})  # Ray reads it when it is imported
    try:
        import ray
    except ImportError:
        raise UsageError(f"--ray needs Ray, which is not installed here; install it with {INSTALL}") from None
    probe(address)
    try:
        ray.init(address=address, log_to_driver=False, configure_logging=False)
    except (OSError, RuntimeError, ValueError, TimeoutError) as error:
        if address == "auto":
            raise TransportError(
                "no Ray cluster runs on this machine; start one with `ray start --head`, or give --ray HOST:PORT"
            ) from None
        raise TransportError(
            f"cannot connect to the Ray cluster at {address} ({_one_line(error)}); HOST:PORT works on its own nodes, "
            "from other machines use ray://HOST:10001; Ray and Python must have the cluster's versions"
        ) from None
    try:
        # Ray reports every death on standard output, at length, whatever its settings; we do it in one line.
        with Path(os.devnull).open("w") as nowhere, redirect_stdout(nowhere):
            yield ray
    except BrokenPipeError:  # whoever reads our progress went away
        raise
    except ConnectionError as error:  # Ray's client
        raise _lost(address, error) from None
    finally:
        ray.shutdown()


def probe(address: str) -> None:
    """Raise UsageError for text that is not an address, TransportError where nothing answers: Ray tries for minutes."""
    parts = ADDRESS.fullmatch(address)
    if address == "auto":
        return
    if parts is None or not 0 < int(parts["port"]) < 2**16:
        raise UsageError(
            f"--ray {address} is not an address of a Ray cluster; use HOST:PORT on one of its nodes (default port "
            "6379), ray://HOST:10001 from other machines, or auto for the cluster on this machine"
        )
    error = _connection_error(parts)
    if error is not None:
        raise TransportError(
            f"no Ray cluster answers at {address} ({error.strerror or error}); start one there with "
            "`ray start --head`, or give another address"
        )


def _check_head(address: str) -> None:
    """Raise TransportError where the cluster's head is gone: Ray itself would end this process, a minute later."""
    parts = ADDRESS.fullmatch(address)
    error = parts and _connection_error(parts)
    if error:
        raise _lost(address, error)


def _lost(address: str, error: OSError) -> TransportError:
    return TransportError(
        f"lost the Ray cluster at {address} ({_one_line(error)}); finished trials are kept, run the same command again "
        "to resume"
    )


def _connection_error(parts: re.Match[str]) -> OSError | None:
    """Why nothing answers at an address; None where something does."""
    try:
        socket.create_connection((parts["host"].strip("[]"), int(parts["port"])), timeout=_PROBE_S).close()
    except OSError as error:
        return error
    return None


def _one_line(error: BaseException) -> str:
    """An error of Ray's, often many lines, as part of a sentence."""
    return f"{type(error).__name__}: {' '.join(str(error).split()).partition(' traceback:')[0]}"[:200]
