"""What lies under the agent's root: listed so that a push can resume, and cleaned away."""

import os
import shutil
import time
from typing import Any, Dict, List, NamedTuple, Optional, Sequence, Set, Tuple

from sis_agent import lock
from sis_agent.files import (
    AGENTS,
    BUNDLES,
    CALIBRATION,
    ENGINES,
    INFERENCE,
    JOBS,
    KINDS,
    PART,
    SITE,
    WHEELS,
    file_sha256,
    inside,
)
from sis_agent.job import claim, queue
from sis_agent.job.extent import extent
from sis_agent.job.folder import MANIFEST, RECORD, JobFolder
from sis_agent.protocol import ProblemError, agent_id


class Cleaning(NamedTuple):
    """What to clean away: of these kinds (none: all) what has not changed for so long and is larger than that.

    `as_of_s` is the board's time when the user was shown what would go (None: now): what has changed since stays.
    """

    kinds: Sequence[str] = ()
    older_than_s: float = 0.0
    larger_than_bytes: int = -1
    as_of_s: Optional[float] = None


ALL = Cleaning()


class Entry(NamedTuple):
    """One thing that can be cleaned away; `idle_s` is how long ago it changed or was used."""

    kind: str
    folder: str
    name: str
    size_bytes: int
    idle_s: float


def list_files(root: str, folder: str) -> Dict[str, Any]:
    """SHA-256 and size of every file below a folder of the root; parts of a broken push are left out."""
    base = inside(root, folder)
    files = {}
    for path in _files(base):
        if not path.endswith(PART):
            name = os.path.relpath(path, base).replace(os.sep, "/")
            files[name] = {"sha256": file_sha256(path), "size_bytes": os.path.getsize(path)}
    return {"files": files}


def clean(root: str, choice: Cleaning = ALL, dry_run: bool = False) -> Dict[str, Any]:
    """Remove what is chosen, but nothing that a job which runs or waits may use, no bundle that is being pushed, and
    not this agent; with `dry_run` only list it.

    The lock is held meanwhile, so no job can start among it. What cannot be removed is named, and the rest goes on.
    """
    as_of_s = time.time() if choice.as_of_s is None else choice.as_of_s
    with lock.guarded(root) as guard:
        running = lock.owner(guard)
        waiting = [waiter.job_id for waiter in queue.waiting(root)]
        found = _chosen(root, running, waiting, choice, as_of_s)
        failed = [] if dry_run else _remove(root, found)
    stayed = {(each["kind"], each["name"]) for each in failed}
    gone = [entry for entry in found if (entry.kind, entry.name) not in stayed]
    return {
        "entries": [entry._asdict() for entry in gone],
        "failed": failed,
        "freed_bytes": sum(entry.size_bytes for entry in gone),
        "running": running.job_id if running else None,
        "waiting": [name for name in waiting if running is None or name != running.job_id],
        "as_of_s": as_of_s,
    }


def entries(root: str, folder: str) -> List[str]:
    """The names in a folder of the root, sorted."""
    path = os.path.join(root, folder)
    return sorted(os.listdir(path)) if os.path.isdir(path) else []


def _chosen(
    root: str, running: Optional[lock.Owner], waiting: List[str], choice: Cleaning, as_of_s: float
) -> List[Entry]:
    used, last_use_s = _uses(root, running, waiting)
    found, now_s = [], time.time()
    for kind, folders in KINDS.items():
        if choice.kinds and kind not in choice.kinds:
            continue
        for folder in folders:
            for name in entries(root, folder):
                if (folder, name) in used or (folder, "") in used:
                    continue
                size_bytes, changed_s = extent(os.path.join(root, folder, name))
                changed_s = max(changed_s, last_use_s.get(name, 0.0) if kind == "bundles" else 0.0)
                idle_s = max(as_of_s - changed_s, 0.0)
                is_new = as_of_s < changed_s <= now_s  # beyond now: the clock was set back
                if idle_s >= choice.older_than_s and size_bytes > choice.larger_than_bytes and not is_new:
                    found.append(Entry(kind, folder, name, size_bytes, round(idle_s, 1)))
    return found


def _uses(
    root: str, running: Optional[lock.Owner], waiting: List[str]
) -> Tuple[Set[Tuple[str, str]], Dict[str, float]]:
    """What must stay, as pairs of folder and name ("" is all in it), and when each bundle was last used by a job."""
    busy = waiting + ([running.job_id] if running else [])
    used = {(AGENTS, "sis_agent-{}.pyz".format(agent_id()))} | {(JOBS, name) for name in busy}
    used |= {(BUNDLES, name) for name in claim.pushed(root)}
    if busy:  # a job may start another worker, which imports, loads and builds again
        used |= {(folder, "") for folder in (AGENTS, ENGINES, SITE, WHEELS, CALIBRATION, INFERENCE)}
    if running is not None and running.job_id == INFERENCE:  # it does not say which it uses
        used.add((BUNDLES, ""))
    last_use_s: Dict[str, float] = {}
    for name in entries(root, JOBS):
        try:
            bundle_id = JobFolder(root, name).job().bundle_id
        except (ProblemError, OSError):
            continue
        changed_s = extent(os.path.join(root, JOBS, name)).changed_s
        last_use_s[bundle_id] = max(last_use_s.get(bundle_id, 0.0), changed_s)
        if name in busy:
            used.add((BUNDLES, bundle_id))
    return used, last_use_s


def _remove(root: str, found: List[Entry]) -> List[Dict[str, str]]:
    """Remove the entries, jobs first; returns those that could not be, each with the reason."""
    failed = []
    for entry in found:
        path = os.path.join(root, entry.folder, entry.name)
        try:
            if entry.kind == "bundles":
                _keep_manifest(root, entry.name)
            if os.path.isdir(path) and not os.path.islink(path):
                shutil.rmtree(path)
            else:
                os.remove(path)
        except OSError as error:
            failed.append({"kind": entry.kind, "name": entry.name, "why": error.strerror or str(error)})
    return failed


def _keep_manifest(root: str, bundle_id: str) -> None:
    """Leave the bundle's manifest with each record that was measured with it: without it a record is no run."""
    manifest = os.path.join(root, BUNDLES, bundle_id, MANIFEST)
    for name in entries(root, JOBS):
        try:
            folder = JobFolder(root, name)
            wants = os.path.isfile(folder.file(RECORD)) and folder.job().bundle_id == bundle_id
        except ProblemError:
            continue
        if wants and os.path.isfile(manifest) and not os.path.exists(folder.file(MANIFEST)):
            shutil.copyfile(manifest, folder.file(MANIFEST))


def _files(path: str) -> List[str]:
    if os.path.isfile(path):
        return [path]
    return sorted(
        os.path.join(folder, name)
        for folder, _, names in os.walk(path)
        for name in names
        if os.path.isfile(os.path.join(folder, name))
    )
