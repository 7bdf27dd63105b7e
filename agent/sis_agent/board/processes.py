"""Which programs work on this board, by /proc: how much of the cores' time each took between two looks."""

import os
import pwd
from itertools import islice
from typing import Dict, List, NamedTuple, Optional

from sis_agent.schema import Busy
from sis_agent.tree import Tree, finite

AGENT = "sis_agent"  # in the command line of every process of an agent
MOST_PROCESSES = 32768


class Look(NamedTuple):
    """One process at one moment."""

    name: str
    ticks: float


def look(tree: Tree) -> Dict[int, Look]:
    """Every process with the processor time that it has taken, in clock ticks."""
    found = {}
    for name in tree.names("proc")[:MOST_PROCESSES]:
        if not name.isdigit():
            continue
        # The name (field 2) may hold blanks and brackets: fields count from behind the last bracket.
        head, _, rest = (tree.text("proc/{}/stat".format(name)) or "").rpartition(")")
        fields = rest.split()
        if len(fields) > 12:
            ticks = (finite(fields[11]) or 0.0) + (finite(fields[12]) or 0.0)
            found[int(name)] = Look(head.partition("(")[2], ticks)
    return found


def busiest(tree: Tree, before: Dict[int, Look], after: Dict[int, Look], passed_s: float, most: int = 3) -> List[Busy]:
    """The programs that took most of the cores' time between two looks, the largest share first; not this one."""
    ticks = os.sysconf("SC_CLK_TCK") * passed_s
    shares = {
        pid: (now.ticks - (before[pid].ticks if pid in before else 0.0)) / ticks
        for pid, now in after.items()
        if pid != os.getpid() and passed_s > 0
    }
    pids = (pid for pid in sorted(shares, key=lambda pid: -shares[pid]) if shares[pid] >= 0.01)
    there = (pid for pid in pids if _owner(tree, pid) is not None)  # else it has ended meanwhile
    return [_busy(tree, pid, after[pid].name, shares[pid]) for pid in islice(there, most)]


def agents_of_others(tree: Tree, processes: Dict[int, Look]) -> List[Busy]:
    """sis-edge's agents that other users have started."""
    return [
        _busy(tree, pid, process.name, 0.0)
        for pid, process in sorted(processes.items())
        if _owner(tree, pid) not in (None, os.getuid())
        and AGENT in (tree.text("proc/{}/cmdline".format(pid)) or "").partition("\0-")[0]
    ]


def _busy(tree: Tree, pid: int, name: str, cores: float) -> Busy:
    return Busy(name, _user(_owner(tree, pid)), pid, round(cores, 3))


def _owner(tree: Tree, pid: int) -> Optional[int]:
    try:
        return os.stat(tree.path("proc/{}".format(pid))).st_uid
    except OSError:
        return None


def _user(uid: Optional[int]) -> str:
    try:
        return "unknown" if uid is None else pwd.getpwuid(uid).pw_name
    except KeyError:
        return "user {}".format(uid)
