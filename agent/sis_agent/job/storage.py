"""What lies under the agent's root: listed so that a push can resume, and cleaned away."""

import hashlib
import os
import shutil
from typing import Any, Dict, List

from sis_agent import lock
from sis_agent.files import AGENTS, BUNDLES, CALIBRATION, ENGINES, INFERENCE, JOBS, LOGS, SITE, WHEELS
from sis_agent.job.folder import JobFolder
from sis_agent.protocol import ProblemError, agent_id

PART = ".part"


def list_files(root: str, folder: str) -> Dict[str, Any]:
    """SHA-256 and size of every file below a folder of the root; parts of a broken push are left out."""
    base = os.path.normpath(os.path.join(root, folder))
    if os.path.isabs(folder) or not (base + os.sep).startswith(os.path.normpath(root) + os.sep):
        raise ProblemError("bad-name", "'{}' is not inside the agent's root".format(folder))
    files = {}
    for path in _files(base):
        if not path.endswith(PART):
            name = os.path.relpath(path, base).replace(os.sep, "/")
            files[name] = {"sha256": _sha256(path), "size_bytes": os.path.getsize(path)}
    return {"files": files}


def clean(root: str, keep_bundles: bool) -> Dict[str, Any]:
    """Remove every job but the running one, every bundle but the one that it uses, every agent but this one.

    Engines are made from bundles, and go or stay with them, as do packages and probes that were brought. While a job
    runs all of them and the agents stay, since it may start another worker. The lock is held meanwhile, so no job can
    start among it.
    """
    places = (JOBS, BUNDLES, AGENTS, ENGINES, SITE, WHEELS, CALIBRATION, INFERENCE, LOGS)
    removed: Dict[str, List[str]] = {place: [] for place in places}
    freed_bytes = 0
    with lock.guarded(root) as guard:
        running = lock.owner(guard)
        kept_bundle = None
        doomed = []
        for name in _entries(root, JOBS):
            if running is not None and name == running.job_id:
                kept_bundle = JobFolder(root, name).job().bundle_id
            else:
                doomed.append((JOBS, name))
        if not keep_bundles and (running is None or running.job_id != INFERENCE):  # it does not say which it uses
            doomed += [(BUNDLES, name) for name in _entries(root, BUNDLES) if name != kept_bundle]
            if running is None:
                doomed += [
                    (folder, name) for folder in (ENGINES, SITE, WHEELS, CALIBRATION) for name in _entries(root, folder)
                ]
        if running is None:
            doomed += [(INFERENCE, name) for name in _entries(root, INFERENCE)]
        doomed += [(LOGS, name) for name in _entries(root, LOGS)]
        own = "sis_agent-{}.pyz".format(agent_id())
        if running is None:
            doomed += [(AGENTS, name) for name in _entries(root, AGENTS) if name != own]
        for folder, name in doomed:
            path = os.path.join(root, folder, name)
            freed_bytes += sum(os.path.getsize(file) for file in _files(path))
            if os.path.isdir(path) and not os.path.islink(path):
                shutil.rmtree(path)
            else:
                os.remove(path)
            removed[folder].append(name)
    return {"removed": removed, "freed_bytes": freed_bytes, "running": running.job_id if running else None}


def _entries(root: str, folder: str) -> List[str]:
    path = os.path.join(root, folder)
    return sorted(os.listdir(path)) if os.path.isdir(path) else []


def _files(path: str) -> List[str]:
    if os.path.isfile(path):
        return [path]
    return sorted(
        os.path.join(folder, name)
        for folder, _, names in os.walk(path)
        for name in names
        if os.path.isfile(os.path.join(folder, name))
    )


def _sha256(path: str) -> str:
    digest = hashlib.sha256()
    with open(path, "rb") as file:
        for piece in iter(lambda: file.read(1 << 20), b""):
            digest.update(piece)
    return digest.hexdigest()
