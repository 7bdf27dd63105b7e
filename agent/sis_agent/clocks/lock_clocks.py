"""Fixed clocks for the length of a job, on request only, and put back whatever happens.

A Jetson has tools for it (nvpmodel, jetson_clocks); elsewhere the governor and the lowest clock are set through
cpufreq, and a GPU's through devfreq. That takes root, or sudo that asks for no password; where neither is there, the
job goes on without and the record says why. A board may take a setting silently without following it, so everything is
read again after it is set.

Before the first change a watchdog process is started that knows the settings as they were (see `watchdog.py`).
"""

import json
import os
import subprocess
import sys
from typing import Any, Dict, List, NamedTuple, Optional, Tuple

from sis_agent.board import cpu, power_mode, state
from sis_agent.clocks import watchdog
from sis_agent.clocks.privilege import Privileged
from sis_agent.commands import Commands
from sis_agent.schema import ClockLock
from sis_agent.tree import Tree

# jetson_clocks keeps what it found in this file of the agent's root.
STORE = "jetson_clocks.conf"
WATCHDOG_LIMIT_S = 60.0


class Change(NamedTuple):
    """A file of the tree, what it holds, and what it shall hold; `proves` is False for what locked clocks can lack."""

    path: str
    before: str
    wanted: str
    proves: bool = True


class Clocks:
    """The clocks of one board for one job: `lock` them, then `unlock` in any case."""

    def __init__(self, root: str, sysroot: str = "/", expected_power_mode: Optional[str] = None) -> None:
        self._root = root
        self._sysroot = sysroot
        self._expected = expected_power_mode
        self._tree = Tree(sysroot)
        self._commands = Commands(sysroot)
        self._watchdog: Optional["subprocess.Popen[bytes]"] = None

    def lock(self) -> ClockLock:
        """Fix the clocks at their highest; the answer says what came of it."""
        privileged = Privileged.of(self._tree, self._commands)
        if privileged is None:
            return _refused("setting clocks needs root, or sudo without a password")
        if os.path.exists(os.path.join(self._root, watchdog.SAVED)):
            # What is set now is not what the board had; saving it would lose the settings that are still owed.
            return _refused("an earlier job's clocks are not put back yet; restart the board")
        changes = file_changes(self._tree)
        if not changes:
            return _refused("this board offers no clocks to set (no cpufreq)")
        tool = self._commands.find("jetson_clocks") is not None
        undo: Dict[str, Any] = {"files": [[change.path, change.before] for change in changes], "commands": []}
        steps: List[Tuple[str, List[str]]] = []
        if tool:
            store = os.path.join(self._root, STORE)
            problem = _cleared(store) or privileged.run("jetson_clocks", ["--store", store])
            if problem is not None:
                return _refused(problem)
            mode = self._mode_change()
            if mode is not None:
                steps.append(("nvpmodel", ["-m", str(mode[1])]))
                undo["commands"].append(["nvpmodel", ["-m", str(mode[0])]])
            steps.append(("jetson_clocks", []))
            undo["commands"].append(["jetson_clocks", ["--restore", store]])
            undo["store"] = store
        refusal = self._watch(undo)
        if refusal is not None:
            return _refused(refusal)
        problems = [privileged.run(name, arguments) for name, arguments in steps]
        for change in file_changes(self._tree):
            # The tool leaves the governors alone, and so do we then: with one clock there is nothing to choose.
            if change.before != change.wanted and (change.proves or not tool):
                problems.append(privileged.write(change.path, change.wanted))
        return self._read_back([problem for problem in problems if problem is not None])

    def unlock(self, lock: ClockLock) -> ClockLock:
        """Put everything back as it was; `restored` says whether that is what the board has now."""
        process, self._watchdog = self._watchdog, None
        if process is None:
            return lock
        try:
            out, _ = process.communicate(watchdog.RESTORE, timeout=WATCHDOG_LIMIT_S)
            problem = str(json.loads(out.decode())["problem"] or "") or None
        except (subprocess.TimeoutExpired, ValueError, KeyError, OSError):
            process.kill()
            process.wait()
            problem = watchdog.restore_left_over(self._root, self._sysroot)
        reason = "; ".join(text for text in (lock.reason, problem) if text) or None
        return lock._replace(restored=problem is None, reason=reason)

    def _mode_change(self) -> Optional[Tuple[int, int]]:
        """Ids of the power mode now and of the profile's, where they differ and are known."""
        ids = {name.lower(): number for number, name in power_mode.names(self._tree).items()}
        now = ids.get((power_mode.read(self._tree, self._commands) or "").lower())
        wanted = ids.get((self._expected or "").lower())
        return None if now is None or wanted is None or now == wanted else (now, wanted)

    def _watch(self, undo: Dict[str, Any]) -> Optional[str]:
        """Start the watchdog and wait until it holds the old settings; returns why it does not."""
        sys.stderr.flush()
        try:
            self._watchdog = subprocess.Popen(
                watchdog.command(),
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                cwd="/",
                start_new_session=True,  # a cancel ends the job's whole process group, and must not end this one
            )
            assert self._watchdog.stdin is not None
            assert self._watchdog.stdout is not None
            task = dict(undo, root=self._root, sysroot=self._sysroot)
            self._watchdog.stdin.write((json.dumps(task) + "\n").encode())
            self._watchdog.stdin.flush()
            if self._watchdog.stdout.readline() == watchdog.READY:
                return None
        except OSError:
            pass
        if self._watchdog is not None:
            self._watchdog.kill()
            self._watchdog.communicate()
            self._watchdog = None
        return "the process that would put the clocks back could not be started, so they were left alone"

    def _read_back(self, problems: List[str]) -> ClockLock:
        settings = {}
        for change in file_changes(self._tree):
            settings[change.path] = change.before
            if change.proves and change.before != change.wanted:
                problems.append("{} is {}, not {}".format(change.path, change.before, change.wanted))
        mode = power_mode.read(self._tree, self._commands)
        if mode is not None:
            settings["nvpmodel"] = mode
            if self._expected is not None and mode.lower() != self._expected.lower():
                problems.append("the power mode is {}, not {}".format(mode, self._expected))
        return ClockLock(True, not problems, problems[0] if problems else None, settings)


def file_changes(tree: Tree) -> List[Change]:
    """What fixed clocks mean in files, in the order in which they are to be set; also a check of what they are now.

    Clocks are fixed where the lowest is the highest. The governor does not matter then, and helps where a clock cannot
    be fixed.
    """
    changes = []
    seen = set()
    for core in cpu.cores(tree):
        folder = "{}/{}/cpufreq".format(cpu.CORES, core)
        real = os.path.realpath(tree.path(folder))
        if real in seen:  # cores of one cluster share their clock and its files
            continue
        seen.add(real)
        governor = tree.text(folder + "/scaling_governor")
        if governor and "performance" in (tree.text(folder + "/scaling_available_governors") or "").split():
            changes.append(Change(folder + "/scaling_governor", governor, "performance", proves=False))
        changes += _lowest_to_highest(tree, folder + "/scaling_min_freq", folder + "/scaling_max_freq")
    gpu = state.gpu(tree)
    if gpu is not None:
        changes += _lowest_to_highest(tree, gpu + "/min_freq", gpu + "/max_freq")
    return changes


def _lowest_to_highest(tree: Tree, lowest: str, highest: str) -> List[Change]:
    now, top = tree.text(lowest), tree.text(highest)
    return [Change(lowest, now, top)] if now and top else []


def _cleared(store: str) -> Optional[str]:
    """Remove what an earlier job stored: the tool asks before it overwrites a file. Returns why it cannot be removed.

    Nobody needs the old file: what a job leaves behind is restored before the next one stores (see `watchdog.py`).
    """
    try:
        os.remove(store)
    except FileNotFoundError:
        pass
    except OSError as error:
        return "{} of an earlier job cannot be removed ({}); remove it on the board".format(store, error.strerror)
    return None


def _refused(reason: str) -> ClockLock:
    return ClockLock(requested=True, locked=False, reason=reason)
