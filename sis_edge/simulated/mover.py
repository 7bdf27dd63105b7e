"""The process behind a simulated board: it watches the job's worker and writes the sensors' values.

    python -m sis_edge.simulated.mover BOARD SYSROOT AGENT_ROOT THERMAL_SPEED_UP

The board is busy while the worker of the job that holds the agent's lock runs or is runnable; it is idle while the
worker waits for its next command. Where the board throttles, this process holds that worker (SIGSTOP) for a part of
each beat, so that its networks, which really run on this machine, become as slow as the clock that the board shows.
This process prints "ready" when all files are there, and ends when its standard input does.
"""

import json
import os
import select
import signal
import sys
import time
from contextlib import suppress
from pathlib import Path

from sis_edge.simulated.definition import load
from sis_edge.simulated.model import Model
from sis_edge.simulated.tree import ChangingFiles

LOOK_EVERY_S = 0.004
BEAT_S = 0.02
SEARCH_EVERY_S = 0.05
OTHERS_EVERY_S = 0.1
WORKER = b"sis_agent.worker.worker"
TICKS_PER_S = 100  # USER_HZ of /proc


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


def main(board: str, sysroot: Path, agent_root: Path, thermal_speed_up: float = 1.0) -> None:
    """Update the board's values until standard input ends."""
    definition = load(board)
    model = Model(definition, time.monotonic(), thermal_speed_up=thermal_speed_up)
    watch, files = JobWatch(agent_root), ChangingFiles(definition, sysroot)
    model.update()
    files.write_sensors(model)
    files.write_others(model)
    print("ready", flush=True)
    others_s = 0.0
    while not select.select([sys.stdin], [], [], LOOK_EVERY_S)[0]:
        now_s = time.monotonic()
        busy = watch.look(now_s)
        model.advance(now_s, busy, watch.cpu_s())
        watch.hold(busy and is_held(now_s, model.heat.share))
        if model.update_age_s >= definition.update_interval_s:
            model.update()
            files.write_sensors(model)
        if now_s - others_s >= OTHERS_EVERY_S:
            files.write_others(model)
            others_s = now_s
    watch.hold(False)
    files.close()


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
    main(sys.argv[1], Path(sys.argv[2]), Path(sys.argv[3]), float(sys.argv[4]))
