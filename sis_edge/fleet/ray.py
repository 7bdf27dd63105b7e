"""A fleet on a Ray cluster (extra `ray`): each board is measured from whatever node has room for it.

The nodes need the same sis-edge and their own way to the boards: keys and known hosts at the same paths. An actor
leases each board to one task at a time. A task that lost its worker is retried on another, which fetches the job that
the first one started instead of starting another. Runs come back to the process that started the fleet, and it alone
stores them.
"""

import tempfile
import threading
import time
from collections import Counter, deque
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from secrets import token_hex
from typing import TYPE_CHECKING, Any

from sis_edge import profiles
from sis_edge.board.events import Event
from sis_edge.board.inventory import InventoryBoard
from sis_edge.bundles.manifest import MANIFEST
from sis_edge.bundles.verify import open_bundle
from sis_edge.errors import TransportError, UsageError
from sis_edge.fleet.attempt import OnBoardEvent, OnBoardState, attempt
from sis_edge.fleet.plan import FleetRequest, FleetTask
from sis_edge.fleet.run import GRACE_S, MOST_AT_ONCE, Ended, may_go_on
from sis_edge.fleet.state import BoardState
from sis_edge.results import store
from sis_edge.sweep.cluster import check_head, connected, lost, one_line, our_node

if TYPE_CHECKING:
    from types import ModuleType

KEPT = "runs that were stored are kept, the same command with --resume measures the boards that are missing"
MAX_ATTEMPTS = 3
"""How often a board is begun whose worker dies each time."""

CPUS = 0.25
"""Of a node for each board: a task mostly waits."""

_POLL_S = 1.0
_ANSWER_S = 30.0


@dataclass(frozen=True)
class RayTask:
    """A board's task in pieces that any node can put together; `files` are the bundle's."""

    name: str
    board: dict[str, Any]
    profile: dict[str, Any]
    request: FleetRequest
    job_id: str | None
    way: tuple[str, ...]


class Leases:
    """An actor: who may measure each board, and what is said of it on the way."""

    def __init__(self) -> None:
        self._holders: dict[str, str] = {}
        self._said: list[tuple[str, dict[str, Any], dict[str, Any] | None]] = []
        self._is_over = False

    def grant(self, name: str, lease: str) -> None:
        """Give a board's lease out; whoever held it before has it no more."""
        self._holders[name] = lease

    def holds(self, name: str, lease: str) -> bool:
        """Whether a lease is a board's own still, and all goes on."""
        return not self._is_over and self._holders.get(name) == lease

    def say(self, name: str, lease: str, state: dict[str, Any], event: dict[str, Any] | None) -> None:
        """A state, or an event, of a board whose lease is held."""
        if self._holders.get(name) == lease:
            self._said.append((name, state, event))

    def drain(self) -> list[tuple[str, dict[str, Any], dict[str, Any] | None]]:
        """What was said since the last call."""
        said, self._said = self._said, []
        return said

    def end(self) -> None:
        """Let every task end its board's job."""
        self._is_over = True


class RayExecutor:
    """Boards measured from a cluster's nodes, `parallel` at a time."""

    def __init__(
        self,
        ray: "ModuleType",
        address: str,
        tasks: Sequence[FleetTask],
        runs_dir: Path,
        on_event: OnBoardEvent,
        on_state: OnBoardState,
        parallel: int = MOST_AT_ONCE,
    ) -> None:
        self._ray = ray
        self._address = address
        self._waiting = deque(tasks)
        self._runs_dir = runs_dir
        self._on_event, self._on_state = on_event, on_state
        self._parallel = parallel
        self._leases = ray.remote(num_cpus=0, max_restarts=0, scheduling_strategy=our_node(ray))(Leases).remote()
        self._work = ray.remote(num_cpus=CPUS, max_retries=0, scheduling_strategy="SPREAD")(_work)
        self._files = {task.bundle.id: ray.put(_files(task.bundle.path)) for task in tasks}
        self._running: dict[Any, FleetTask] = {}
        self._deaths: Counter[str] = Counter()

    def outcomes(self) -> Iterator[Ended]:
        """Each board as it ends."""
        while self._waiting or self._running:
            while self._waiting and len(self._running) < self._parallel:
                self._begin(self._waiting.popleft())
            yield from self._ready(_POLL_S)

    def stop(self) -> Iterator[Ended]:
        """Ends every job that runs; a board that does not answer within the grace is given up."""
        self._waiting.clear()
        self._leases.end.remote()
        end_s = time.monotonic() + GRACE_S
        while self._running and time.monotonic() < end_s:
            yield from self._ready(_POLL_S, is_over=True)
        for task in self._running.values():
            job = f"its worker did not answer within {GRACE_S:g} s; {may_go_on(task.job_id, task.way)}"
            yield task.name, BoardState(progress="cancelled", problem="interrupted", exit_code=130, job=job)

    def _begin(self, task: FleetTask) -> None:
        lease = token_hex(8)
        try:
            self._ray.get(self._leases.grant.remote(task.name, lease), timeout=_ANSWER_S)
        except self._ray.exceptions.RayError as error:
            # The head is gone, or the node that this process is connected to.
            check_head(self._address, KEPT)
            raise lost(self._address, error, KEPT) from None
        sent = RayTask(
            task.name,
            task.board.model_dump(mode="json", exclude_unset=True),
            task.profile.model_dump(mode="json", exclude_unset=True),
            # Whoever planned the fleet vouches for the bundle, which is no node's own.
            replace(task.request, options=replace(task.request.options, trust=True)),
            task.job_id,
            task.way,
        )
        work = self._work.options(name=f"board {task.name}")
        self._running[work.remote(sent, self._files[task.bundle.id], lease, self._leases)] = task

    def _ready(self, timeout_s: float, *, is_over: bool = False) -> Iterator[Ended]:
        ready, _ = self._ray.wait(list(self._running), timeout=timeout_s)
        self._pass_on()
        for ref in ready:
            task = self._running.pop(ref)
            found = self._outcome(ref)
            if isinstance(found, BoardState):
                yield task.name, found
                continue
            self._deaths[task.name] += 1
            if is_over or self._deaths[task.name] >= MAX_ATTEMPTS:
                problem = f"worker lost {self._deaths[task.name]} times ({found})"
                state = BoardState(progress="failed", problem=problem, exit_code=TransportError.exit_code)
                yield task.name, state.model_copy(update={"job_id": task.job_id})
                continue
            self._on_event(task.name, Event("link", f"worker lost ({found}); going on from another"))
            self._begin(task)

    def _pass_on(self) -> None:
        """What was said of the boards; a job that was started is remembered, should its worker be lost."""
        try:
            said = self._ray.get(self._leases.drain.remote(), timeout=_ANSWER_S)
        except self._ray.exceptions.RayError:
            check_head(self._address, KEPT)
            return
        jobs = {name: state.get("job_id") for name, state, event in said if event is None}
        for ref, task in self._running.items():
            if jobs.get(task.name):
                self._running[ref] = replace(task, job_id=jobs[task.name])
        for name, state, event in said:
            if event is None:
                self._on_state(name, BoardState.model_validate(state))
            else:
                self._on_event(name, Event(**event))

    def _outcome(self, ref: Any) -> BoardState | str:
        """How a board ended, its runs stored here; where its worker was lost, Ray's name for how."""
        ray = self._ray
        try:
            state, runs = ray.get(ref)
        except ray.exceptions.RayTaskError as error:  # before it began: most often a node without sis-edge
            reason = f"its node cannot run it ({one_line(error.cause)}); install the same sis-edge on every node"
            return BoardState(progress="failed", problem=reason, exit_code=1)
        except ray.exceptions.RayError as error:
            return type(error).__name__
        stored = [store.save(store.parsed(data, Path("a node's run")), self._runs_dir) for data in runs]
        return BoardState.model_validate({**state, "runs": tuple(map(str, stored))})


@contextmanager
def executor(
    address: str,
    tasks: Sequence[FleetTask],
    runs_dir: Path,
    on_event: OnBoardEvent,
    on_state: OnBoardState,
    parallel: int = MOST_AT_ONCE,
) -> Iterator[RayExecutor]:
    """The executor on a cluster, connected until the end of the block. Raises as `cluster.connected` does."""
    with connected(address, KEPT) as ray:
        yield RayExecutor(ray, address, tasks, runs_dir, on_event, on_state, parallel)


def check(tasks: Sequence[FleetTask]) -> None:
    """Raise UsageError for a board that no node can reach, since it is this machine."""
    for task in tasks:
        if task.board.simulated is not None:
            raise UsageError(
                f"{task.name} is simulated ({task.board.simulated}) and runs on this machine only; leave out --ray, or "
                "choose other boards with --limit or --group"
            )


def _files(folder: Path) -> dict[str, bytes]:
    """A bundle as it goes to the nodes; it has been verified."""
    manifest = open_bundle(folder).manifest
    return {name: (folder / name).read_bytes() for name in (*(entry.path for entry in manifest.files), MANIFEST)}


def _work(sent: RayTask, files: dict[str, bytes], lease: str, leases: Any) -> tuple[dict[str, Any], list[bytes]]:
    """One board, on a node of the cluster: its state, and the content of its runs' files."""
    import ray

    is_over, is_done = threading.Event(), threading.Event()

    def say(state: BoardState, event: Event | None = None) -> None:
        told = leases.say.remote(sent.name, lease, state.model_dump(mode="json"), event and asdict(event))
        if event is None:  # a job that nobody knows of would be measured twice, should this worker die
            ray.get(told, timeout=_ANSWER_S)

    def watch() -> None:
        while not is_done.wait(_POLL_S):
            try:
                if not ray.get(leases.holds.remote(sent.name, lease), timeout=_ANSWER_S):
                    is_over.set()
            except ray.exceptions.RayError:  # the process that wants the run is gone
                is_over.set()

    threading.Thread(target=watch, daemon=True).start()
    with tempfile.TemporaryDirectory(prefix="sis-edge-") as folder:
        task = _task(sent, files, Path(folder))
        state = attempt(
            *(task, Path(folder) / "runs", is_over),
            lambda name, event: say(BoardState(), event),
            lambda name, found: say(found),
        )
        is_done.set()
        return state.model_dump(mode="json"), [Path(path).read_bytes() for path in state.runs]


def _task(sent: RayTask, files: dict[str, bytes], folder: Path) -> FleetTask:
    for name, content in files.items():
        path = folder / "bundle" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    board, profile = InventoryBoard.model_validate(sent.board), profiles.validate(sent.profile)
    bundle = open_bundle(folder / "bundle")
    return FleetTask(sent.name, board, bundle, profile, sent.request, sent.job_id, sent.way)
