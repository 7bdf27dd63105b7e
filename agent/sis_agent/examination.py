"""The board's state at one moment, and what may be done on it: what `sis-edge doctor` asks for."""

import os
import time
from typing import Optional

from sis_agent import clock, lock
from sis_agent.board import processes
from sis_agent.board.state import StateReader
from sis_agent.clocks import watchdog
from sis_agent.clocks.privilege import Privileged
from sis_agent.commands import Commands
from sis_agent.job import login, provision
from sis_agent.runners import nchwc
from sis_agent.schema import Examination
from sis_agent.tree import Tree

WATCHED_S = 1.0


def examine(root: str, sysroot: str = "/") -> Examination:
    """What is seen within a second; beside a job that measures nothing is tried that takes a core."""
    tree, commands = Tree(sysroot), Commands(sysroot)
    measuring = _measuring(root)
    reader, before, begin_s = StateReader(tree, commands), processes.look(tree), clock.now_s()
    time.sleep(WATCHED_S)
    passed_s, after = clock.now_s() - begin_s, processes.look(tree)
    state = reader.read(passed_s)
    if measuring is None:
        blocked, reason = nchwc.blocked(root)
    else:
        blocked, reason = None, "a job is being measured, and this is not tried beside it"
    return Examination(
        state,
        busiest=processes.busiest(tree, before, after, passed_s),
        agents=processes.agents_of_others(tree, after),
        measuring=measuring,
        sets_clocks=Privileged.of(tree, commands) is not None,
        owes_clocks=os.path.exists(os.path.join(root, watchdog.SAVED)),
        lingers=login.lingers(tree),
        wheels=provision.provisioned(root),
        blocked=blocked,
        blocked_reason=reason,
    )


def _measuring(root: str) -> Optional[str]:
    """The job that holds the board; the folder may not be there yet."""
    try:
        with open(os.path.join(root, lock.LOCK), encoding="utf-8") as file:
            owner = lock.owner(file)
    except OSError:
        return None
    return None if owner is None else owner.job_id
