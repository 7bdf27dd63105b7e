"""Copies of the tree in which one fault at a time stands, and the tests' word on each."""

import os
import shutil
import time
from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from mutants import in_fork
from mutants.mutant import Mutant

LEFT_OUT = shutil.ignore_patterns(".*", "__pycache__", "reports", "dist", "node_modules", "venv")
FIRST_S = 10**9
"""The time that the first file with a fault gets."""


@dataclass(frozen=True)
class Trial:
    """Tests to run with a mutant in the tree, or without any."""

    tests: tuple[str, ...]
    mutant: Mutant | None = None


@dataclass(frozen=True)
class Ended:
    """A trial, pytest's exit code (below 0: the signal that ended it), and how long it took."""

    trial: Trial
    code: int
    took_s: float


class Tree:
    """A copy of the tree. A fault in it does no harm."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._faults = 0
        self._sound: tuple[Path, bytes, int] | None = None

    @classmethod
    def copied(cls, root: Path, target: Path) -> "Tree":
        """A new copy of `root`."""
        shutil.copytree(root, target, ignore=LEFT_OUT, symlinks=True)
        return cls(target)

    def put(self, mutant: Mutant) -> None:
        """Put the fault in; raises StaleMutantError.

        Compiled files are known by the second and the size of their source: each fault has a second of its own.
        """
        source, path = mutant.source(self.path), self.path / mutant.file
        self._sound = path, path.read_bytes(), path.stat().st_mtime_ns
        path.write_text(source, encoding="utf-8")
        self._faults += 1
        os.utime(path, (FIRST_S + self._faults,) * 2)

    def mend(self) -> None:
        """Take the fault out."""
        if self._sound is not None:
            path, content, time_ns = self._sound
            path.write_bytes(content)
            os.utime(path, ns=(time_ns, time_ns))
            self._sound = None


def each(trials: Sequence[Trial], trees: Sequence[Tree]) -> Iterator[Ended]:
    """Run all trials, one at a time in each tree; how each ended, in that order."""
    waiting, free = deque(trials), list(trees)
    running: dict[int, tuple[Trial, Tree, float]] = {}
    try:
        while waiting or running:
            while waiting and free:
                trial, tree = waiting.popleft(), free.pop()
                if trial.mutant is not None:
                    tree.put(trial.mutant)
                running[in_fork.start(tree.path, trial.tests)] = trial, tree, time.perf_counter()
            pid, status = os.wait()
            trial, tree, start_s = running.pop(pid)
            in_fork.end(pid)
            tree.mend()
            free.append(tree)
            yield Ended(trial, os.waitstatus_to_exitcode(status), time.perf_counter() - start_s)
    finally:
        for pid in running:
            in_fork.end(pid)
