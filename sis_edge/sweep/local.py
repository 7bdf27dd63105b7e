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
from sis_edge.sweep.work import MAX_ATTEMPTS, attempt


def execute(tasks: Sequence[Task], root: Path, *, jobs: int, on_step: OnStep, say: Say) -> Outcomes:
    """Each task's outcome as it comes, `jobs` at a time; only one at a time reports its steps."""
    return run_serially(tasks, root, on_step) if jobs == 1 else run_in_processes(tasks, root, jobs, say)


def run_serially(tasks: Sequence[Task], root: Path, on_step: OnStep) -> Outcomes:
    """Each task's outcome, in order, in this process."""
    for task in tasks:

        def progress(done: int, total: int, loss: float, task: Task = task) -> None:
            on_step(task, done, total, loss)

        yield task, attempt(task, root, progress)


def run_in_processes(tasks: Sequence[Task], root: Path, jobs: int, say: Say = lambda message: None) -> Outcomes:
    """Each task's outcome as it comes, `jobs` at a time, which share the CPU cores.

    A task whose process died resumes from its last epoch in a new one, and fails after `MAX_ATTEMPTS`.
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
                outcome = _receive(pipe)
                process.join()
                if outcome is None:
                    deaths[task.key] += 1
                    if deaths[task.key] < MAX_ATTEMPTS:
                        say(f"{task.name}: worker died (exit code {process.exitcode}); retrying in a new process")
                        waiting.appendleft(task)
                        continue
                    outcome = Failure(f"worker died {MAX_ATTEMPTS} times (exit code {process.exitcode})")
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
    receiver, sender = context.Pipe(duplex=False)
    process = context.Process(target=_work, args=(task, root, threads, sender))
    process.start()
    sender.close()  # so that the worker's death ends the pipe
    return receiver, (task, process)


def _receive(pipe: Connection) -> Trial | Failure | None:
    """A worker's outcome; None where it died without one."""
    try:
        outcome = pipe.recv()
    except EOFError:
        return None
    finally:
        pipe.close()
    assert isinstance(outcome, (Trial, Failure))
    return outcome


def _work(task: Task, root: Path, threads: int, sender: Connection) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches all; the parent process ends this one
    import torch

    torch.set_num_threads(threads)
    sender.send(attempt(task, root))
