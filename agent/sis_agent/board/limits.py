"""What of the processor this agent may use: cores by affinity and cpusets, time by the quota of its control groups."""

import os
import re
from typing import Iterator, List, Optional

from sis_agent.tree import Tree, finite

# Where control groups are mounted: version 2 alone or beside version 1, then the controller "cpu" of version 1.
V2_MOUNTS = ("sys/fs/cgroup", "sys/fs/cgroup/unified")
V1_MOUNTS = ("sys/fs/cgroup/cpu,cpuacct", "sys/fs/cgroup/cpu", "sys/fs/cgroup/cpuacct,cpu")

MOST_CORES = 1 << 16  # Linux counts to 8192


def allowed_cores(tree: Tree) -> List[int]:
    """The cores' numbers; empty where they are unknown. A recorded board's are in its own /proc/self/status."""
    if tree.is_real:
        try:
            return sorted(os.sched_getaffinity(0))
        except (AttributeError, OSError):
            return []
    for line in tree.lines("proc/self/status"):
        key, _, value = line.partition(":")
        if key == "Cpus_allowed_list":
            return _numbers(value)
    return []


def quota_cores(tree: Tree) -> Optional[float]:
    """How many cores' time the strictest control group above this process grants; None without a limit."""
    granted = [cores for cores in [*_v2(tree), *_v1(tree)] if cores is not None]
    return min(granted) if granted else None


def _v2(tree: Tree) -> Iterator[Optional[float]]:
    """`cpu.max` of this process's group and all above it: "quota period" in microseconds, or "max period"."""
    for group in _groups(tree, ""):
        for mount in V2_MOUNTS:
            fields = (tree.text("{}{}/cpu.max".format(mount, group)) or "").split()
            if len(fields) == 2:
                yield _cores(fields[0], fields[1])


def _v1(tree: Tree) -> Iterator[Optional[float]]:
    for group in _groups(tree, "cpu"):
        for mount in V1_MOUNTS:
            base = "{}{}/cpu.cfs_".format(mount, group)
            yield _cores(tree.text(base + "quota_us") or "", tree.text(base + "period_us") or "")


def _groups(tree: Tree, controller: str) -> Iterator[str]:
    """The process's group and those above it, as paths below the mount; the mount itself, "", is the last.

    In a container the path may be the host's, and the mount is the container's own group: the last one counts then.
    """
    for line in tree.lines("proc/self/cgroup"):
        controllers, _, path = line.partition(":")[2].partition(":")
        if controller in controllers.split(","):
            parts = [part for part in path.split("/") if part not in ("", "..")]
            for count in range(len(parts), -1, -1):
                yield "".join("/" + part for part in parts[:count])
            return
    yield ""


def _cores(quota_us: str, period_us: str) -> Optional[float]:
    """None for no limit: "max" in version 2, -1 in version 1."""
    quota, period = finite(quota_us), finite(period_us)
    return quota / period if quota is not None and period is not None and quota > 0 and period > 0 else None


def _numbers(text: str) -> List[int]:
    """Numbers of a list such as "0-3,6"."""
    numbers: List[int] = []
    for first, last in re.findall(r"(\d+)(?:-(\d+))?", text):
        if int(last or first) < MOST_CORES:
            numbers += range(int(first), int(last or first) + 1)
    return numbers
