"""Which stored run somebody means: `latest`, `latest~1` (the one before), a file, a folder's newest, or a run's id.

The beginning of an id is enough where it is unique. `RUN:NETWORK` means one network of the run.
"""

import re
from dataclasses import dataclass
from pathlib import Path

from sis_edge.errors import RecordError, unknown
from sis_edge.results import store
from sis_edge.results.rows.accuracy import Pair
from sis_edge.results.schema import StoredRun

LATEST = re.compile(r"latest(?:~(\d{1,6}))?")


@dataclass(frozen=True)
class NamedRun:
    """A stored run, and the network of it that was named; None: all."""

    run: StoredRun
    network: Pair | None = None


def find(name: str, folder: Path = store.DEFAULT_FOLDER) -> NamedRun:
    """The run, or the network of a run, that somebody named; raises RecordError, for an unknown network UsageError."""
    whole = Path(name)
    run_name, colon, network = (name, "", "") if whole.exists() else name.partition(":")
    run = store.load(path_of(run_name, folder))
    return NamedRun(run, network_of(run, network) if colon else None)


def network_of(run: StoredRun, name: str) -> Pair:
    """The network of a run by its name as reports show it, or as the record has it; raises UsageError."""
    networks = run.networks()
    for entry, record in networks:
        if name in (entry.name, record.name if record else None):
            return entry, record
    own = [pair for pair in networks if pair[1] is not None and pair[1].network == name]
    if len(own) == 1:
        return own[0]
    raise unknown(f"network of run {run.record.run_id}", name, [entry.name for entry, _ in networks])


def path_of(name: str, folder: Path = store.DEFAULT_FOLDER) -> Path:
    """The file of the run that somebody named; it need not be a run, nor be there. Raises RecordError."""
    given = Path(name)
    if name and given.is_dir():
        return store.files(given)[-1]
    if given.is_file() or "/" in name or name.endswith(store.SUFFIXES):
        return given
    stored = store.files(folder)
    if latest := LATEST.fullmatch(name):
        back = int(latest[1] or 0)
        if back >= len(stored):
            raise RecordError(f"'{name}' is before the first run: {folder} has {len(stored)}; name a later one")
        return stored[-1 - back]
    return _by_id(name, stored, folder)


def _by_id(name: str, stored: list[Path], folder: Path) -> Path:
    """The file of a run by its id, the last of several copies; file names are TIME-ID."""
    ids = {path: store.stem(path).partition("-")[2] for path in stored}
    exact = [path for path, run_id in ids.items() if run_id == name]
    begun = exact or [path for path, run_id in ids.items() if name and run_id.startswith(name)]
    if not begun:
        raise RecordError(
            f"there is no run '{name}' in {folder}; the newest is {ids[stored[-1]]}, and `latest`, a file or a folder "
            "will do, too"
        )
    several = sorted({ids[path] for path in begun})
    if len(several) > 1 and not exact:
        raise RecordError(f"'{name}' is the beginning of several runs: {', '.join(several[:5])}; name one in full")
    return begun[-1]
