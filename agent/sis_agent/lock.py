"""The board's lock: one board measures one job at a time.

The file holds who measures: pid, the process's start ticks, the job. The start ticks (field 22 of its stat file in
/proc) distinguish a living owner from a process that got the pid later, so a stale lock is recognised. Reading and
writing the file happens under flock, so two agents cannot both find it free; the file is emptied, never removed,
because another agent may be waiting on this very file.
"""

import json
import os
from typing import IO, ContextManager, NamedTuple, Optional

from sis_agent.files import CALIBRATION, INFERENCE, guarded_file, parsed_json, rewrite
from sis_agent.protocol import ProblemError

LOCK = "lock"
BOOT_ID = "proc/sys/kernel/random/boot_id"


class Owner(NamedTuple):
    """Who measures on this board."""

    pid: int
    start_ticks: int
    job_id: str


def start_ticks(pid: int, root: str = "/") -> Optional[int]:
    """When a process started, in clock ticks since boot; None for a process that has ended."""
    try:
        # The main thread's file, whose fields are the same: for a process's own /proc/PID/stat qemu's user emulation
        # answers itself, with another start than everybody else reads.
        with open(
            os.path.join(root, "proc", str(pid), "task", str(pid), "stat"), encoding="ascii", errors="replace"
        ) as stat:
            # The name (field 2) may hold blanks and brackets: fields count from behind the last bracket.
            fields = stat.read().rpartition(")")[2].split()
    except OSError:
        return None
    # A zombie has ended, and stays one where nobody reaps it (a container without an init).
    if len(fields) < 20 or fields[0] in ("Z", "X"):
        return None
    return int(fields[19])


def boot_id(sysroot: str = "/") -> Optional[str]:
    """The name that the kernel gave to this start of the board; None where it has none."""
    try:
        with open(os.path.join(sysroot, BOOT_ID), encoding="ascii", errors="replace") as file:
            return file.read().strip() or None
    except OSError:
        return None


def is_alive(pid: Optional[int], ticks: Optional[int]) -> bool:
    """Whether the very process of this pid and start still runs."""
    return pid is not None and ticks is not None and start_ticks(pid) == ticks


def guarded(root: str) -> ContextManager[IO[str]]:
    """The lock's file, open and held for a short look or change."""
    return guarded_file(root, LOCK)


def owner(file: IO[str]) -> Optional[Owner]:
    """The living owner that the guarded file names; None when it is free, stale or damaged."""
    file.seek(0)
    try:
        named = Owner(**parsed_json(file.read()))
    except (ValueError, TypeError):
        return None
    if not all(isinstance(number, int) for number in named[:2]) or not isinstance(named.job_id, str):
        return None
    return named if is_alive(named.pid, named.start_ticks) else None


def is_held(root: str) -> bool:
    """Whether something is being measured; nothing is written, and nobody is waited for."""
    try:
        with open(os.path.join(root, LOCK), encoding="utf-8") as file:
            return owner(file) is not None
    except OSError:
        return False


class HeldError(ProblemError):
    """The board is another process's; `owner` says whose."""

    def __init__(self, owner: Owner) -> None:
        super().__init__(*busy(owner).problem[:2])
        self.owner = owner


def busy(other: Owner) -> ProblemError:
    """The problem `busy`, with what the host can do about it; the host adds how it reaches this board."""
    if other.job_id == CALIBRATION:
        return ProblemError("busy", "this board is being calibrated (pid {}); try again in a minute".format(other.pid))
    if other.job_id == INFERENCE:
        return ProblemError(
            "busy", "this board is classifying images (pid {}); try again in a moment".format(other.pid)
        )
    return ProblemError(
        "busy",
        "this board is measuring job '{0}' (pid {1}); wait for its end, or cancel it with "
        "`sis-edge deploy --cancel {0}`".format(other.job_id, other.pid),
    )


def acquire(root: str, job_id: str) -> Owner:
    """Make this process the owner; raises HeldError, a problem `busy` that names the job that is being measured."""
    with guarded(root) as file:
        other = owner(file)
        if other is not None:
            raise HeldError(other)
        ticks = start_ticks(os.getpid())
        if ticks is None:
            raise ProblemError("no-proc", "/proc is not mounted on this board; the agent needs it to guard a job")
        mine = Owner(os.getpid(), ticks, job_id)
        _write(file, json.dumps(mine._asdict()))
        return mine


def release(root: str, mine: Owner) -> None:
    """Release the board, if this owner still holds it."""
    with guarded(root) as file:
        if owner(file) == mine:
            _write(file, "")


def _write(file: IO[str], text: str) -> None:
    rewrite(file, text)
    file.flush()
    os.fsync(file.fileno())
