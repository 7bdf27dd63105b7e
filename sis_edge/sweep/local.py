"""Trials on this machine: one after another in this process, or several at a time, each in a process of its own."""

import multiprocessing
import os
import signal
from collections import Counter, deque
from collections.abc import Sequence
from multiprocessing.connection import Connection, wait
from multiprocessing.context import SpawnProcess
from pathlib import Path

from sis_edge.sweep.running import OnStep, Outcomes, Say
from sis_edge.sweep.trial import Failure, Task, Trial
from sis_edge.sweep.work import ATTEMPTS, attempt


def one_by_one(tasks: Sequence[Task], root: Path, on_step: OnStep) -> Outcomes:
    """Each task's outcome, in order."""
    for task in tasks:

        def progress(done: int, total: int, loss: float, task: Task = task) -> None:
            on_step(task, done, total, loss)

        yield task, attempt(task, root, progress)


def in_processes(tasks: Sequence[Task], root: Path, jobs: int, say: Say = lambda message: None) -> Outcomes:
    """Each task's outcome as it comes, `jobs` at a time, which share the processors.

    A task whose process died goes on at its last epoch in another one, and fails after some attempts.
    """
    threads = max(1, len(os.sched_getaffinity(0)) // jobs)
    waiting = deque(tasks)
    running: dict[Connection, tuple[Task, SpawnProcess]] = {}
    deaths: Counter[str] = Counter()
    try:
        while waiting or running:
            while waiting and len(running) < jobs:
                task = waiting.popleft()
                running.update([_start(task, root, threads)])
            for pipe in wait(list(running)):
                assert isinstance(pipe, Connection)
                task, process = running.pop(pipe)
                outcome = _outcome(pipe)
                process.join()
                if outcome is None:
                    deaths[task.key] += 1
                    if deaths[task.key] < ATTEMPTS:
                        say(f"{task.name}: its process died (exit code {process.exitcode}), it goes on in another")
                        waiting.appendleft(task)
                        continue
                    outcome = Failure(f"its process died {ATTEMPTS} times (exit code {process.exitcode})")
                yield task, outcome
    finally:
        for _, process in running.values():
            process.terminate()
        for _, process in running.values():
            process.join(10)
            process.kill()
            process.join()


def _start(task: Task, root: Path, threads: int) -> tuple[Connection, tuple[Task, SpawnProcess]]:
    context = multiprocessing.get_context("spawn")  # torch's threads do not survive a fork
    mine, its = context.Pipe(duplex=False)
    process = context.Process(target=_work, args=(task, root, threads, its))
    process.start()
    its.close()  # so that its death is the end of the pipe
    return mine, (task, process)


def _outcome(pipe: Connection) -> Trial | Failure | None:
    try:
        found = pipe.recv()
    except EOFError:
        return None
    finally:
        pipe.close()
    assert isinstance(found, (Trial, Failure))
    return found


def _work(task: Task, root: Path, threads: int, answer: Connection) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches all; the one that started this process ends it
    import torch

    torch.set_num_threads(threads)
    answer.send(attempt(task, root))
