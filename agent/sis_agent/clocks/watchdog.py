"""The process that puts the clocks back when the job ends, in whatever way it ends.

It is started before anything is changed, in a session of its own, and holds the old settings. Its standard input is a
pipe of the job's: a line says that the job is done, and an end without a line that the job's process is gone (SIGKILL,
a crash, a lost connection). Either way it restores, reads again what it set, and says so.

The old settings are also in a file below the agent's root for as long as they are not restored. If watchdog and job die
together (the kernel may choose so when memory runs out), the next job finds it and restores them first; after a restart
of the board there is nothing to restore.
"""

import contextlib
import fcntl
import json
import os
import signal
import sys
import time
from typing import IO, Any, Dict, List, Optional

from sis_agent import child, clock, lock
from sis_agent.clocks.privilege import Privileged
from sis_agent.commands import Commands
from sis_agent.tree import Tree

READY = b"ready\n"
RESTORE = b"restore\n"
SAVED = "clocks.json"

# How long another watchdog may take to finish its work.
GRACE_S = 30.0


def command() -> List[str]:
    """The command line of a watchdog: this very agent, from its archive or from its source folder."""
    return child.command("sis_agent.clocks.watchdog")


def main() -> int:
    """Hold the settings that the first line brings until the job ends."""
    for number in (signal.SIGHUP, signal.SIGINT, signal.SIGTERM):
        # Meant for the job, whose end this process sees soon enough.
        signal.signal(number, signal.SIG_IGN)
    task = json.loads(sys.stdin.readline())
    with open(os.path.join(task["root"], SAVED), "w+", encoding="utf-8") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        json.dump(dict(task, boot_id=lock.boot_id()), file)
        file.flush()
        os.fsync(file.fileno())
        with contextlib.suppress(BrokenPipeError):
            sys.stdout.write(READY.decode())
            sys.stdout.flush()
        sys.stdin.readline()
        problem = _restore_and_forget(task, file)
    with contextlib.suppress(BrokenPipeError):
        sys.stdout.write(json.dumps({"problem": problem}) + "\n")
        sys.stdout.flush()
    if problem is not None:
        sys.stderr.write("watchdog: {}\n".format(problem))
    return 0 if problem is None else 1


def restore(task: Dict[str, Any]) -> Optional[str]:
    """Put settings back and read them again; returns what is not as it was."""
    tree = Tree(task["sysroot"])
    privileged = Privileged.of(tree, Commands(task["sysroot"]))
    if privileged is None:
        return "the clocks could not be put back: that needs root, or sudo without a password"
    problems = [privileged.run(name, arguments) for name, arguments in task["commands"]]
    # Files come last: a tool's own idea of the settings before may differ.
    for path, value in task["files"]:
        if tree.text(path) != value:
            problems.append(privileged.write(path, value))
    for path, value in task["files"]:
        now = tree.text(path)
        if now != value:
            problems.append("{} was {} and is {}".format(path, value, now))
    failures = [problem for problem in problems if problem is not None]
    return "the clocks could not be put back: " + failures[0] if failures else None


def restore_left_over(root: str, sysroot: str) -> Optional[str]:
    """Restore what a job left behind whose watchdog died with it; returns what could not be restored.

    A watchdog that is still at work is waited for.
    """
    path = os.path.join(root, SAVED)
    if not os.path.exists(path):
        return None
    with open(path, "r+", encoding="utf-8") as file:
        end_s = clock.now_s() + GRACE_S
        while True:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except OSError:
                if clock.now_s() >= end_s:
                    return "another job's watchdog still holds the clocks"
                time.sleep(0.05)
        try:
            task = json.load(file)
            # Another tree's settings, or those before a restart of the board, are no longer anybody's.
            stale = task["boot_id"] != lock.boot_id() or task["sysroot"] != sysroot
        except (ValueError, KeyError, TypeError):  # restored meanwhile, or it died while writing: nothing was changed
            stale = True
        if stale:
            with contextlib.suppress(FileNotFoundError):
                os.remove(path)
            return None
        return _restore_and_forget(task, file)


def _restore_and_forget(task: Dict[str, Any], file: IO[str]) -> Optional[str]:
    problem = restore(task)
    if problem is None:
        # Emptied first: another agent may be waiting on this very file.
        file.seek(0)
        file.truncate()
        file.flush()
        for path in (file.name, task.get("store")):
            with contextlib.suppress(OSError):
                os.remove(path or "")
    return problem
