"""A fleet from its plan to its end: boards are measured side by side, each one's state is written as it changes."""

import queue
import threading
import time
from collections import deque
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Protocol

from sis_edge.board.attendance import command
from sis_edge.board.patience import Patience
from sis_edge.errors import SisEdgeError, TransportError
from sis_edge.fleet.attempt import NO_JOB, OnBoardEvent, OnBoardState, attempt
from sis_edge.fleet.plan import FleetTask
from sis_edge.fleet.state import BoardState, FleetFile

GRACE_S = 30.0
"""How long boards may take to end their jobs after Ctrl-C."""

MOST_AT_ONCE = 64
"""Boards measured at once unless the user says otherwise: each takes a thread and a connection of this machine."""

Ended = tuple[str, BoardState]
"""A board's name, and how it ended."""


class FleetExecutor(Protocol):
    """Where boards are measured from."""

    def outcomes(self) -> Iterator[Ended]:
        """Each board as it ends; the first call starts them."""

    def stop(self) -> Iterator[Ended]:
        """End what runs, and say of each board that had begun what becomes of its job."""


class ThreadExecutor:
    """Boards measured from this machine, `parallel` at a time, each by a thread, which mostly waits for its board.

    Simulated boards share this machine's processor: whatever `parallel` is, one of them is measured at a time.
    """

    def __init__(
        self,
        tasks: Sequence[FleetTask],
        runs_dir: Path,
        on_event: OnBoardEvent,
        on_state: OnBoardState,
        parallel: int = MOST_AT_ONCE,
        grace_s: float = GRACE_S,
        patience: Patience | None = None,
    ) -> None:
        self._waiting = deque(tasks)
        self._count = len(tasks)
        self._ways = {task.name: task.way for task in tasks}
        self._parallel = parallel
        self._runs_dir = runs_dir
        self._on_event, self._on_state = on_event, on_state
        self._grace_s = grace_s
        self._patience = patience
        self._is_over = threading.Event()
        self._ended: queue.SimpleQueue[Ended] = queue.SimpleQueue()
        self._is_simulating = False
        self._running: dict[str, str | None] = {}
        """The job, where one was started, on each board that has begun and whose end was not told of."""
        self._lock = threading.Lock()

    def outcomes(self) -> Iterator[Ended]:
        """Each board as it ends."""
        for number in range(min(self._parallel, self._count)):
            # Daemons: one that is stuck in a connection must not keep the command from ending.
            threading.Thread(target=self._work, name=f"board-{number}", daemon=True).start()
        for _ in range(self._count):
            yield self._taken(None)

    def stop(self) -> Iterator[Ended]:
        """Ends every job that runs; a board that does not answer within the grace is given up."""
        with self._lock:
            self._is_over.set()
        end_s = time.monotonic() + self._grace_s
        while self._running:
            try:
                yield self._taken(max(end_s - time.monotonic(), 0))
            except queue.Empty:
                break
        for name, job_id in list(self._running.items()):
            job = f"the board did not answer within {self._grace_s:g} s; {may_go_on(job_id, self._ways[name])}"
            yield name, BoardState(progress="cancelled", problem="interrupted", exit_code=130, job_id=job_id, job=job)

    def _taken(self, timeout_s: float | None) -> Ended:
        name, state = self._ended.get(timeout=timeout_s)
        self._running.pop(name, None)
        return name, state

    def _work(self) -> None:
        while (task := self._next()) is not None:
            state = attempt(task, self._runs_dir, self._is_over, self._on_event, self._changed, self._patience)
            if task.board.simulated is not None:
                with self._lock:
                    self._is_simulating = False
            self._ended.put((task.name, state))

    def _next(self) -> FleetTask | None:
        """A board that nobody has begun and that may begin now; None where there is none, or all is over: who measures
        a simulated one goes on with the next."""
        with self._lock:
            free = (each for each in self._waiting if not (self._is_simulating and each.board.simulated))
            if self._is_over.is_set() or (task := next(free, None)) is None:
                return None
            self._waiting.remove(task)
            self._is_simulating |= task.board.simulated is not None
            self._running[task.name] = None
            return task

    def _changed(self, name: str, state: BoardState) -> None:
        self._running[name] = state.job_id
        self._on_state(name, state)


def run(executor: FleetExecutor, on_state: OnBoardState) -> None:
    """Measure every board and pass on how each ended.

    Ctrl-C, or an error of `on_state`, ends them all: what becomes of each is passed on, then it is raised again.
    """
    try:
        for name, state in executor.outcomes():
            on_state(name, state)
    except BaseException:
        for name, state in executor.stop():
            with suppress(SisEdgeError):
                on_state(name, state)
        raise


def may_go_on(job_id: str | None, way: Sequence[str]) -> str:
    """What is said of the job of a board that did not answer."""
    return NO_JOB if job_id is None else f"job {job_id} may go on: {command('cancel', job_id, way)} ends it"


def missing(tasks: Sequence[FleetTask], state: FleetFile) -> list[FleetTask]:
    """The tasks of boards that are not done, each with the job that an earlier try may have left there.

    A job that was cancelled gives no run, nor does one that failed on the board: those are measured again.
    """
    found = []
    for task in tasks:
        before = state.boards[task.name]
        if before.progress == "done":
            continue
        is_left = before.progress == "running" or before.exit_code == TransportError.exit_code
        found.append(replace(task, job_id=before.job_id if is_left else None))
    return found
