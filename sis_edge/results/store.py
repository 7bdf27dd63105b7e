"""Where runs are kept: a folder with one JSON file a run, only ever added to. The one truth about results.

Names begin with the time of storing in UTC, so that a folder's order is the order of time.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC
from pathlib import Path

from sis_edge.errors import RecordError
from sis_edge.files.atomic import write_text
from sis_edge.files.disk import check_room
from sis_edge.files.names import safe
from sis_edge.results.schema import StoredRun

DEFAULT_FOLDER = Path("runs")
ROOM_BYTES = 20_000_000
"""A run of ten networks, each with the most samples that an agent keeps, is about as large."""


@dataclass(frozen=True)
class Loaded:
    """The runs of a folder with their files, oldest first, and a sentence for each file that could not be read."""

    runs: tuple[StoredRun, ...]
    files: tuple[Path, ...]
    warnings: tuple[str, ...]


def check(folder: Path = DEFAULT_FOLDER) -> None:
    """Raise DiskError where a run could not be stored in the folder: to be asked before one is measured."""
    check_room(folder, ROOM_BYTES)


def save(run: StoredRun, folder: Path = DEFAULT_FOLDER) -> Path:
    """Add a run to the folder and return its file; never replaces one. Raises DiskError where that fails."""
    stamp = run.stored_at.astimezone(UTC).strftime("%Y%m%dT%H%M%S.%fZ")
    run_id = safe(run.record.run_id)
    path = folder / f"{stamp}-{run_id}.json"
    copies = 1
    while path.exists():
        copies += 1
        path = folder / f"{stamp}-{run_id}-{copies}.json"
    return write_text(path, run.to_json())


def load(path: Path) -> StoredRun:
    """The run of one file; raises RecordError with the path and what is wrong."""
    try:
        text = path.read_bytes()
    except OSError as error:
        raise RecordError(
            f"{path} cannot be read ({error.strerror}); name a file that `sis-edge deploy` stored"
        ) from None
    return StoredRun.from_json(text, str(path))


def load_all(folder: Path = DEFAULT_FOLDER) -> Loaded:
    """All runs of a folder; an unreadable file is a warning, not an end. Raises RecordError where no run is left."""
    runs, files, warnings = [], [], []
    for path in _files(folder):
        try:
            runs.append(load(path))
            files.append(path)
        except RecordError as error:
            warnings.append(str(error))
    if not runs:
        raise RecordError(f"none of the {len(warnings)} files in {folder} is a readable run; the first: {warnings[0]}")
    return Loaded(tuple(runs), tuple(files), tuple(warnings))


def each_once(runs: Iterable[StoredRun]) -> list[StoredRun]:
    """The runs without repeats: of one and its copies with an external meter's energy, that which was stored last."""
    found: dict[tuple[str, str, float], StoredRun] = {}
    for run in sorted(runs, key=lambda run: run.stored_at):
        found[run.bundle_id, run.record.started_at, run.record.duration_s] = run
    return sorted(found.values(), key=lambda run: run.stored_at)


def newest(folder: Path = DEFAULT_FOLDER) -> StoredRun:
    """The run that was stored last; raises RecordError where there is none, or where it cannot be read.

    An older run is never given in place of a damaged newest one: that would look like the newest result.
    """
    return load(_files(folder)[-1])


def _files(folder: Path) -> list[Path]:
    files = sorted(path for path in folder.glob("*.json") if not path.name.startswith("."))
    if not files:
        raise RecordError(f"there is no stored run in {folder}; `sis-edge deploy` measures one and stores it there")
    return files
