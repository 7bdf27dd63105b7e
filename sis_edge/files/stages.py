"""Work that is done once: a stage's folder is named after its inputs, and `done.json` in it says that it is whole.

    build/.stages/<stage>-<key>/ ... done.json

A stage that was interrupted finds what it left there and goes on from it; one whose inputs changed gets another
folder; one whose files were changed or lost since is done again. The key is the SHA-256 of the inputs as JSON.
"""

import hashlib
import json
import logging
import shutil
import time
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sis_edge.files.atomic import write_text
from sis_edge.files.disk import writing
from sis_edge.files.hashing import file_sha256
from sis_edge.files.only_one import only_one

DONE = "done.json"

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Outcome:
    """A finished stage: its folder, what it said of itself, and whether it had been done before."""

    folder: Path
    summary: dict[str, Any]
    was_done: bool


def key(inputs: Mapping[str, Any]) -> str:
    """SHA-256 of the inputs, whatever the order of their names."""
    return hashlib.sha256(json.dumps(inputs, sort_keys=True, allow_nan=False).encode()).hexdigest()


def run(root: Path, stage: str, inputs: Mapping[str, Any], make: Callable[[Path], Mapping[str, Any]]) -> Outcome:
    """The finished stage for these inputs; `make` fills its folder and returns a summary, unless that was done."""
    folder = root / f"{stage}-{key(inputs)[:20]}"
    summary = _read(folder)
    if summary is not None:
        log.debug("%s: reused %s", stage, folder)
        return Outcome(folder, summary, was_done=True)
    begin_s = time.monotonic()
    with writing(folder):
        if (folder / DONE).exists():
            shutil.rmtree(folder)
        folder.mkdir(parents=True, exist_ok=True)
        made = dict(make(folder))
        done = {"inputs": dict(inputs), "summary": made, "files": _files(folder)}
        write_text(folder / DONE, json.dumps(done, indent=2, allow_nan=False))
    log.debug("%s: %.1f s, in %s", stage, time.monotonic() - begin_s, folder)
    return Outcome(folder, made, was_done=False)


def alone(root: Path, option: str = "--build-dir") -> AbstractContextManager[None]:
    """Only one command at a time in a folder, which `option` names; raises InUseError while another runs."""
    return only_one(
        root / "lock", f"another sis-edge builds in {root.parent} now; wait for it, or give another {option}"
    )


def _read(folder: Path) -> dict[str, Any] | None:
    """The summary of a finished stage whose files are all as it left them; None for any other."""
    try:
        done = json.loads((folder / DONE).read_text(encoding="utf-8"))
        return dict(done["summary"]) if done["files"] == _files(folder) else None
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _files(folder: Path) -> dict[str, str]:
    """SHA-256 of every file of a stage but the one that says it is done."""
    return {path.name: file_sha256(path) for path in sorted(folder.iterdir()) if path.name != DONE}
