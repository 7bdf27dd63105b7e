"""The jobs of a board: listed, asked, cancelled, collected, and their logs read. Each needs its id only."""

import re
import tempfile
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

from sis_agent.schema import ENDED, Record
from sis_edge.board.attendance import ATTENDANCE, Attendance
from sis_edge.board.events import OnEvent, ignore
from sis_edge.board.patience import Patience
from sis_edge.board.session import BoardSession
from sis_edge.board.started import StartedJob
from sis_edge.bundles.manifest import MANIFEST
from sis_edge.bundles.verify import Bundle, open_bundle
from sis_edge.errors import BoardError, BundleError
from sis_edge.profiles import DeviceProfile
from sis_edge.transport import Transport


class BoardJob(NamedTuple):
    """One job as the board lists it; times are of the board's clock, None where the agent did not keep them.

    `idle_s` is how long ago something changed in its folder; `phase`, `done` and `of` are its last step.
    """

    job_id: str
    state: str
    pid: int | None
    behind: str | None
    ahead: int
    bundle_id: str
    networks: list[str]
    started_at: str | None
    ended_at: str | None
    idle_s: float
    phase: Any
    done: Any
    of: Any
    problem: dict[str, Any] | None
    has_record: bool
    size_bytes: int


class DamagedJob(NamedTuple):
    """A folder among the jobs that cannot be read as one."""

    name: str
    why: str


class BoardJobs(NamedTuple):
    """All jobs of the agent's folder, those that run or wait first, then the newest; `left_out` more are there.

    `measuring` is what holds the board, which may be no job of this list.
    """

    jobs: list[BoardJob]
    damaged: list[DamagedJob]
    left_out: int
    measuring: str | None
    root: str


class LogPiece(NamedTuple):
    """Lines of a job's log from byte `begin` on; `next` is the byte to ask for next."""

    job_id: str
    state: str
    lines: list[str]
    begin: int
    next: int
    size_bytes: int


def session(
    transport: Transport, profile: DeviceProfile, on_event: OnEvent = ignore, patience: Patience | None = None
) -> BoardSession:
    """The board with its agent, of which nothing else is asked: a busy board is not disturbed for its facts."""
    found = BoardSession(transport, profile, on_event, patience or Patience())
    found.install()
    return found


def jobs(at: BoardSession, job_id: str | None = None) -> BoardJobs:
    """Every job that the board has, or one; raises BoardError for one that is not there."""
    return at.persist(lambda: at.agent.ask(BoardJobs, "jobs", *([] if job_id is None else [job_id])))


def cancel(at: BoardSession, job_id: str) -> str:
    """Cancel a job; returns its state, which is another than cancelled where it had ended."""
    return at.agent.cancel(job_id)


def resume(at: BoardSession, job_id: str, attendance: Attendance = ATTENDANCE) -> None:
    """Let a job that was cut off go on; raises BoardError or AgentError where it cannot, or has ended by itself."""
    StartedJob(at, job_id, attendance).resume()


def log(at: BoardSession, job_id: str, begin: int = 0, *, follow: bool = False) -> Iterator[LogPiece]:
    """A job's log from byte `begin` on, piece by piece (negative: from the end); `follow` goes on until it ends."""
    while True:
        piece = at.persist(partial(at.agent.ask, LogPiece, "log", job_id, "--from", str(begin)))
        yield piece
        is_whole = piece.next >= piece.size_bytes or piece.next == piece.begin
        if is_whole and (piece.state in ENDED or not follow):
            return
        if is_whole:
            at.patience.sleep(at.patience.pause_s(0.0, at.agent.query_s))
        begin = piece.next


def collect(at: BoardSession, job_id: str, attendance: Attendance = ATTENDANCE) -> Record:
    """The record of a job that was started before; waits for its end while it still runs. Ctrl-C leaves it running."""
    return StartedJob(at, job_id, attendance).collect()


def record_bytes(at: BoardSession, job_id: str, attendance: Attendance = ATTENDANCE) -> bytes:
    """The same as the board has it, checked by its SHA-256 only."""
    return StartedJob(at, job_id, attendance).collect_bytes()


def bundle_of(at: BoardSession, job_id: str, bundle_id: str) -> Bundle | None:
    """The manifest of the bundle that a job measured, from the board, as a bundle without files; None without it.

    A bundle's id is the beginning of its manifest's SHA-256, so a manifest of another one is not taken.
    """
    if not re.fullmatch("[0-9a-f]{16}", bundle_id):  # a board says it, and it becomes a path
        return None
    for place in (f"bundles/{bundle_id}", f"jobs/{job_id}"):
        with tempfile.TemporaryDirectory(prefix="sis-edge-") as folder:
            path = Path(folder)
            try:
                at.persist(_fetching(at, f"{place}/{MANIFEST}", path / MANIFEST))
                found = open_bundle(path)
            except (BoardError, BundleError):
                continue
        if found.id == bundle_id:
            return found
    return None


def _fetching(at: BoardSession, source: str, target: Path) -> Callable[[], None]:
    return lambda: at.transport.fetch(f"{at.agent.root}/{source}", target)
