"""One board of a fleet, measured from wherever it is reached: whatever goes wrong with it is its own affair."""

import threading
import time
import traceback
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import replace
from pathlib import Path

from sis_edge import simulated
from sis_edge.board.attendance import Attendance
from sis_edge.board.events import Event
from sis_edge.board.jobs import combinations
from sis_edge.board.measure import StoredFile, collect, measure
from sis_edge.board.patience import Patience
from sis_edge.errors import SisEdgeError
from sis_edge.files.only_one import one_at_a_time
from sis_edge.fleet.plan import FleetTask
from sis_edge.fleet.state import BoardState
from sis_edge.results import acceptance
from sis_edge.results.verdict import judge_run
from sis_edge.transport import Transport

OnBoardEvent = Callable[[str, Event], None]
"""Called with a board's name and what happens there."""

OnBoardState = Callable[[str, BoardState], None]
"""Called with a board's name and its state, whenever that changes."""

NO_JOB = "no job was started"

PROCESSOR = ".processor"
"""The file of whoever measures a simulated board."""

TURN_S = 0.5


class BoardWatch:
    """What happens on one board, passed on; once `is_over` is set, its work ends as Ctrl-C would end it.

    Ctrl-C reaches the main thread only: here it is raised at the next event or pause, once, so that what then ends the
    job on the board is not itself interrupted.
    """

    def __init__(self, task: FleetTask, is_over: threading.Event, on_event: OnBoardEvent, on_state: OnBoardState):
        self._task = task
        self._is_over = is_over
        self._on_event = on_event
        self._on_state = on_state
        self._is_told = False
        self.job_id = task.job_id
        self.begin_s = time.monotonic()

    def begin(self) -> None:
        """The board is at work now, on the job that is known."""
        self._on_state(self._task.name, BoardState(progress="running", job_id=self.job_id))

    def event(self, event: Event) -> None:
        """An event of the board's."""
        if event.stage == "facts" and "job_id" in event.detail:  # before it is started: should this process be killed
            self.job_id = str(event.detail["job_id"])
            self.begin()
        self._on_event(self._task.name, event)
        self._interrupt()

    def sleep(self, seconds: float) -> None:
        """A pause, which ends with everything."""
        if self._is_told:
            time.sleep(seconds)
        elif self._is_over.wait(seconds):
            self._interrupt()

    def _interrupt(self) -> None:
        if self._is_over.is_set() and not self._is_told:
            self._is_told = True
            raise KeyboardInterrupt


def attempt(
    task: FleetTask,
    runs_dir: Path,
    is_over: threading.Event,
    on_event: OnBoardEvent,
    on_state: OnBoardState,
    patience: Patience | None = None,
) -> BoardState:
    """Measure one board and store its runs; returns how that ended, whatever happened."""
    watch = BoardWatch(task, is_over, on_event, on_state)
    found = _ended(task, runs_dir, watch, replace(patience or Patience(), sleep=watch.sleep))
    return found.model_copy(update={"job_id": watch.job_id, "duration_s": time.monotonic() - watch.begin_s})


def _ended(task: FleetTask, runs_dir: Path, watch: BoardWatch, patience: Patience) -> BoardState:
    try:
        with _turn(task, watch), closing(task.connect()) as transport:
            watch.begin()
            stored = _fetched(task, transport, runs_dir, watch, patience)
            stored = stored or _measured(task, transport, runs_dir, watch, patience)
        return _judged(task, stored)
    except KeyboardInterrupt as error:  # an Interruption where a job was begun
        job = str(error).removeprefix("interrupted; ") or NO_JOB
        return BoardState(progress="cancelled", problem="interrupted", exit_code=130, job=job)
    except SisEdgeError as error:
        return BoardState(progress="failed", problem=str(error), exit_code=error.exit_code)
    except Exception as error:  # a bug of ours ends one board, and its traceback is kept
        problem = f"{type(error).__name__}: {error}\n{traceback.format_exc()}"
        return BoardState(progress="failed", problem=problem, exit_code=1)


@contextmanager
def _turn(task: FleetTask, watch: BoardWatch) -> Iterator[None]:
    """The processor of this machine, which measures one simulated board at a time, whatever fleet it is of."""
    if task.board.simulated is None:
        yield
        return
    with one_at_a_time(simulated.all_folders() / PROCESSOR, lambda: watch.sleep(TURN_S)):
        watch.begin_s = time.monotonic()
        yield


def _measured(
    task: FleetTask, transport: Transport, runs_dir: Path, watch: BoardWatch, patience: Patience
) -> list[StoredFile]:
    return measure(
        *(task.bundle, transport, task.profile, runs_dir),
        networks=task.request.networks,
        seed=task.request.seed,
        options=task.request.options,
        provision=task.request.provision,
        on_event=watch.event,
        patience=patience,
        attendance=_attendance(task),
    )


def _fetched(
    task: FleetTask, transport: Transport, runs_dir: Path, watch: BoardWatch, patience: Patience
) -> list[StoredFile]:
    """The run of a job that an earlier try left on the board; none where there is no such job, or not a good one."""
    if task.job_id is None or len(combinations(task.profile, task.request.options, task.bundle.manifest)) > 1:
        return []
    try:
        found = collect(
            *(task.job_id, [task.bundle], transport, task.profile, runs_dir),
            is_bundle_named=True,
            on_event=watch.event,
            patience=patience,
            attendance=_attendance(task),
        )
    except SisEdgeError as error:
        watch.event(Event("link", f"job {task.job_id} cannot be fetched ({error}); measuring again"))
        return []
    return [found] if _fault(task, [found]) is None else []


def _attendance(task: FleetTask) -> Attendance:
    """Nobody is asked about one board of many; what is said of its job names the board as the inventory does."""
    return Attendance(queue=task.request.queue, way=task.way)


def _judged(task: FleetTask, stored: list[StoredFile]) -> BoardState:
    fault = _fault(task, stored)
    return BoardState(
        progress="done" if fault is None else "failed",
        runs=tuple(str(each.path) for each in stored),
        verdicts=tuple(judge_run(each.run).level for each in stored),
        problem=None if fault is None else str(fault),
        exit_code=0 if fault is None else fault.exit_code,
    )


def _fault(task: FleetTask, stored: list[StoredFile]) -> SisEdgeError | None:
    request = task.request
    return acceptance.fault(
        [each.run for each in stored], require_energy=request.require_energy, require_valid=request.require_valid
    )
