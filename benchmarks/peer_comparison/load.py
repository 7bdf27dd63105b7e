"""How busy this machine is with other programs: from /proc, for the run's lifetime."""

import os
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

MOST_BUSY = 0.25
"""Cores that other programs may keep busy, as `sis-edge calibrate` has it."""


@dataclass(frozen=True)
class Snapshot:
    """A moment: time [s], and CPU time [s] of all cores and of some processes."""

    time_s: float
    busy_s: float
    own_s: float


def snapshot(pids: Sequence[int] = (), root: Path = Path("/proc")) -> Snapshot:
    """Now; `pids` are the processes that are no others. One that ended counts as nothing."""
    tick_s = 1 / os.sysconf("SC_CLK_TCK")
    # user, nice, system, idle, iowait, irq, softirq, steal; the two guest columns are in user and nice already
    fields = [int(part) for part in (root / "stat").read_text().split("\n", 1)[0].split()[1:9]]
    own = 0
    for pid in pids:
        try:
            after_name = (root / str(pid) / "stat").read_text().rpartition(")")[2].split()
        except OSError:
            continue
        own += int(after_name[11]) + int(after_name[12])
    return Snapshot(time.monotonic(), (sum(fields) - fields[3] - fields[4]) * tick_s, own * tick_s)


def others(before: Snapshot, after: Snapshot) -> float:
    """Cores that other programs kept busy between two moments."""
    elapsed_s = max(after.time_s - before.time_s, 1e-9)
    return max(0.0, (after.busy_s - before.busy_s - (after.own_s - before.own_s)) / elapsed_s)


def now(seconds: float = 1.0) -> float:
    """Cores that other programs keep busy, watched for so long."""
    before = snapshot([os.getpid()])
    time.sleep(seconds)
    return others(before, snapshot([os.getpid()]))
