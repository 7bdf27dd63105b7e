"""Engines that were built on this board, found again by all that they depend on.

An engine fits only the TensorRT and the GPU that it was built for, and its tactics were timed at one power mode. So
the key is (ONNX SHA-256, TensorRT version, GPU, its compute capability, power mode, build settings), hashed.

    engines/<key>.plan       the engine
    engines/<key>.json       the key's parts, the plan's SHA-256, the build's report; written last, so that a plan
                             without it is an interrupted build
    engines/<key>.log        the builder's log
    engines/timing-<key>     the builder's timings, shared by all builds of one TensorRT, GPU and power mode
"""

import contextlib
import hashlib
import json
import os
from typing import Any, Dict, NamedTuple, Optional, Set

from sis_agent.files import disk_full_is_a_problem, file_sha256, read_json, write_atomic

# What the job passes to its workers: the folder inside the agent's root (outside a job it is the default root's), and
# the board's power mode.
FOLDER_VARIABLE = "SIS_AGENT_ENGINES"
POWER_MODE_VARIABLE = "SIS_AGENT_POWER_MODE"
DEFAULT_FOLDER = "~/.sis-edge/engines"

_KEY_DIGITS = 24


class CachedEngine(NamedTuple):
    """One engine in the cache; `report` is its build's, a JSON object. `is_new`: it was built by this process."""

    plan_path: str
    plan_sha256: str
    plan_bytes: int
    report: Dict[str, Any]
    is_new: bool


class EngineCache:
    """The folder of engines, and the power mode that they are made at; None on boards without such modes."""

    def __init__(self, folder: str, power_mode: Optional[str]) -> None:
        self.folder = folder
        self.power_mode = power_mode
        self._new: Set[str] = set()

    def key(self, **parts: Any) -> str:
        """The key of these parts and the power mode; parts are what JSON can hold."""
        text = json.dumps(dict(parts, power_mode=self.power_mode), sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()[:_KEY_DIGITS]

    def path(self, key: str, ending: str) -> str:
        """Path of one of an engine's files."""
        return os.path.join(self.folder, key + ending)

    def timing_path(self, **parts: Any) -> str:
        """Path of the timing cache for these parts and the power mode."""
        return os.path.join(self.folder, "timing-" + self.key(**parts))

    def make(self) -> None:
        """Make the folder; a full disk is a ProblemError."""
        with disk_full_is_a_problem():
            os.makedirs(self.folder, exist_ok=True)

    def find(self, key: str) -> Optional[CachedEngine]:
        """The engine of this key, its bytes checked; None where there is none, or a damaged one."""
        try:
            data = read_json(self.path(key, ".json"))
            plan = self.path(key, ".plan")
            if file_sha256(plan) != data["plan_sha256"]:
                return None
            return CachedEngine(plan, data["plan_sha256"], os.path.getsize(plan), dict(data["told"]), key in self._new)
        except (OSError, ValueError, KeyError, TypeError):
            return None

    def put(self, key: str, parts: Dict[str, Any], report: Dict[str, Any]) -> CachedEngine:
        """Seal an engine whose plan has been written to `path(key, ".plan")`."""
        plan = self.path(key, ".plan")
        sha256 = file_sha256(plan)
        data = {"key": dict(parts, power_mode=self.power_mode), "plan_sha256": sha256, "told": report}
        write_atomic(self.path(key, ".json"), json.dumps(data, indent=1, sort_keys=True))
        self._new.add(key)
        return CachedEngine(plan, sha256, os.path.getsize(plan), report, True)

    def drop(self, key: str) -> None:
        """Remove an engine that turned out to be unusable."""
        for ending in (".json", ".plan", ".log"):
            with contextlib.suppress(FileNotFoundError):
                os.remove(self.path(key, ending))


def of_this_job() -> EngineCache:
    """The cache that the job named for this worker."""
    folder = os.environ.get(FOLDER_VARIABLE) or os.path.expanduser(DEFAULT_FOLDER)
    return EngineCache(folder, os.environ.get(POWER_MODE_VARIABLE))
