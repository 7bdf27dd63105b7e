"""The process behind a simulated board: it watches the job's worker and writes the sensors' values.

    python -m sis_edge.simulated.mover BOARD SYSROOT AGENT_ROOT THERMAL_SPEED_UP [LOCK]

The board is busy while the worker of the job that holds the agent's lock runs or is runnable; it is idle while the
worker waits for its next command. Where the board throttles, this process holds that worker (SIGSTOP) for a part of
each beat, so that its networks, which really run on this machine, become as slow as the clock that the board shows.
This process prints "ready" when all files are there, or else why they cannot be, and ends when its standard input does.

A board with a lock outlives a command, as a real one does. Every command that reaches it starts such a process: the one
that holds the lock keeps the values, the others stand by. It goes on until the job that runs has ended.
"""

import fcntl
import json
import os
import select
import shutil
import signal
import sys
import time
from contextlib import suppress
from pathlib import Path
from typing import IO

from sis_edge.simulated.definition import Definition, load
from sis_edge.simulated.model import Model
from sis_edge.simulated.tree import ChangingFiles, write_constant_files

LOOK_EVERY_S = 0.004
BEAT_S = 0.02
SEARCH_EVERY_S = 0.05
OTHERS_EVERY_S = 0.1
LOOK_AT_REST_EVERY_S = SEARCH_EVERY_S  # without a job nobody measures
OTHERS_AT_REST_EVERY_S = 0.5
WORKER = b"sis_agent.worker.worker"
TICKS_PER_S = 100  # USER_HZ of /proc
STAND_BY_S = 0.1
HANDOVER_S = 3.0
"""How long a job that waits may take to begin once the one before it has ended."""


class JobWatch:
    """Whether a worker of the agent's job is running, and the CPU time of the job."""

    def __init__(self, agent_root: Path) -> None:
        self._lock = agent_root / "lock"
        self._workers: list[int] = []
        self._job: int | None = None
        self._searched_s = 0.0
        self._spent: dict[int, float] = {}
        self._held: list[int] = []

    def look(self, now_s: float) -> bool:
        """Whether the job's worker is on a CPU, or waits for one; one that is held is at work, too."""
        if now_s - self._searched_s >= SEARCH_EVERY_S:
            self._search()
            self._searched_s = now_s
        return bool(self._held) or any(_state(pid) in (b"R", b"D") for pid in self._workers)

    def hold(self, is_held: bool) -> None:
        """Hold the workers, or let them go on."""
        if is_held == bool(self._held):
            return
        number, pids = (signal.SIGSTOP, self._workers) if is_held else (signal.SIGCONT, self._held)
        for pid in pids:
            if WORKER in _read(f"/proc/{pid}/cmdline"):
                with suppress(ProcessLookupError):
                    os.kill(pid, number)
        self._held = list(pids) if is_held else []

    @property
    def has_job(self) -> bool:
        """Whether a job held the agent's lock at the last look."""
        return self._job is not None and Path(f"/proc/{self._job}").exists()

    def cpu_s(self) -> float:
        """CPU time of the jobs and their workers so far."""
        return sum(self._spent.values())

    def _search(self) -> None:
        self._job, self._workers = None, []
        with suppress(OSError, ValueError, TypeError, KeyError):
            job = int(json.loads(self._lock.read_text())["pid"])
            children = Path(f"/proc/{job}/task/{job}/children").read_text().split()
            self._job = job
            self._workers = [pid for pid in map(int, children) if WORKER in _read(f"/proc/{pid}/cmdline")]
        for pid in [*self._workers, *([self._job] if self._job else [])]:
            fields = _read(f"/proc/{pid}/stat").rpartition(b")")[2].split()
            if len(fields) > 12:
                self._spent[pid] = (int(fields[11]) + int(fields[12])) / TICKS_PER_S


def main(board: str, sysroot: Path, agent_root: Path, thermal_speed_up: float = 1.0, lock: Path | None = None) -> None:
    """Update the board's values until standard input ends, and, of a board with a lock, its job."""
    definition = load(board)
    if lock is None:
        write_constant_files(definition, sysroot)
        _move(definition, sysroot, agent_root, thermal_speed_up)
        return
    with lock.open("a+") as held:
        is_up = _take(held)
        if is_up is None:
            return
        if not is_up:
            shutil.rmtree(sysroot, ignore_errors=True)
            write_constant_files(definition, sysroot)
        _move(definition, sysroot, agent_root, thermal_speed_up, held)


def _take(held: IO[str]) -> bool | None:
    """Take the lock, standing by for as long as another process has it; None where standard input ended first.

    Returns whether the board is up, since another process left it in mid-job. The lock's file is empty until it is.
    """
    is_up = False
    while True:
        try:
            fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            held.seek(0)
            if not is_up and held.read():
                print("ready", flush=True)
                is_up = True
        else:
            held.truncate(0)
            return is_up
        if select.select([sys.stdin], [], [], STAND_BY_S)[0]:
            return None


def _move(
    definition: Definition, sysroot: Path, agent_root: Path, thermal_speed_up: float, held: IO[str] | None = None
) -> None:
    model = Model(definition, time.monotonic(), thermal_speed_up=thermal_speed_up)
    watch, files = JobWatch(agent_root), ChangingFiles(definition, sysroot)
    model.update()
    files.write_sensors(model)
    files.write_others(model)
    if held is not None:
        held.write(f"{os.getpid()}\n")
        held.flush()
    print("ready", flush=True)
    others_s = 0.0
    left_s: float | None = None
    while True:
        now_s = time.monotonic()
        has_job = watch.has_job
        look_s = LOOK_EVERY_S if has_job else LOOK_AT_REST_EVERY_S
        if left_s is None and select.select([sys.stdin], [], [], look_s)[0]:
            if held is None or not watch.has_job:
                break
            _detach()
            left_s = now_s
        elif left_s is not None:
            time.sleep(LOOK_EVERY_S)
            left_s = now_s if watch.has_job else left_s
            if now_s - left_s > HANDOVER_S:
                break
        busy = watch.look(now_s)
        model.advance(now_s, busy, watch.cpu_s())
        watch.hold(busy and is_held(now_s, model.heat.share))
        if model.update_age_s >= definition.update_interval_s:
            model.update()
            files.write_sensors(model)
        if now_s - others_s >= (OTHERS_EVERY_S if has_job else OTHERS_AT_REST_EVERY_S):
            files.write_others(model)
            others_s = now_s
    watch.hold(False)
    files.close()


def _detach() -> None:
    """Go on in a process that nobody waits for, and that holds nobody's output open."""
    if os.fork():
        os._exit(0)
    nothing = os.open(os.devnull, os.O_RDWR)
    for descriptor in range(3):
        os.dup2(nothing, descriptor)


def is_held(now_s: float, share: float) -> bool:
    """Whether a worker is held at this moment, so that it runs for `share` of each beat."""
    return now_s % BEAT_S >= share * BEAT_S


def _state(pid: int) -> bytes:
    return _read(f"/proc/{pid}/stat").rpartition(b")")[2][1:2]


def _read(path: str) -> bytes:
    try:
        return Path(path).read_bytes()
    except OSError:
        return b""


if __name__ == "__main__":
    try:
        main(sys.argv[1], Path(sys.argv[2]), Path(sys.argv[3]), float(sys.argv[4]), *map(Path, sys.argv[5:]))
    except OSError as error:  # most often a full disk; whoever waits for "ready" says so
        with suppress(OSError):
            print(error.strerror, flush=True)
        os._exit(1)
