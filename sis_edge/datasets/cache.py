"""Files in the cache: checked by hash, fetched by the first route that has them, never half written.

A route puts files into a temporary folder inside the data set's folder of the cache; those with the right hash
are then renamed to their final place. So an interruption leaves nothing behind, and no route has to be trusted.
"""

import errno
import fcntl
import hashlib
import json
import logging
import shutil
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from sis_edge.errors import DatasetError, DiskError

log = logging.getLogger(__name__)

SOURCES_FILE = "sources.json"
_DISK = (errno.ENOSPC, errno.EDQUOT, errno.EROFS)
_PERMISSION = (errno.EACCES, errno.EPERM)


@dataclass(frozen=True)
class Route:
    """One way to the files of a data set.

    `fetch` puts them into an empty folder; it raises DatasetError with the reason when it cannot. Where a user names a
    folder of his own (`is_own`), that is the only way: other files than those asked for are never taken in its place.
    """

    name: str
    fetch: Callable[[Path], None]
    is_own: bool = False


def own_folder(fetch: Callable[[Path], None]) -> Route:
    """The route of --data-dir."""
    return Route("the folder of --data-dir", fetch, is_own=True)


def obtain(dataset: str, folder: Path, checksums: Mapping[str, str], routes: Sequence[Route], advice: str) -> str:
    """Bring the files of `checksums` (name to SHA-256 or MD5 in hex) into `folder`; returns where they came from.

    Existing files are checked, and damaged ones reported and fetched again. A user's own folder is read even where the
    cache has the files. Raises DatasetError when every route fails, with each one's reason and `advice`, and DiskError
    when the folder cannot be written.
    """
    own = next((route for route in routes if route.is_own), None)
    if own or any(_faults(folder, checksums).values()):
        try:
            folder.mkdir(parents=True, exist_ok=True)
            with locked(folder, dataset):
                if own:
                    _take(own, dataset, folder, checksums)
                else:
                    _fetch(dataset, folder, checksums, routes, advice)
        except OSError as error:
            raise _disk_error(error, folder) from error
    routes_taken = _sources(folder)
    return " and ".join(dict.fromkeys(routes_taken.get(name, "files found in the cache") for name in checksums))


def fault(path: Path, checksum: str) -> str | None:
    """The fault of a file, as a phrase after its name, or None; a 32-digit checksum is MD5, else SHA-256."""
    algorithm, label = ("md5", "MD5") if len(checksum) == 32 else ("sha256", "SHA-256")
    try:
        with path.open("rb") as file:
            digest = hashlib.file_digest(file, algorithm).hexdigest()
    except FileNotFoundError:
        return "is missing"
    except OSError as error:
        return f"cannot be read ({error.strerror})"
    if digest != checksum:
        return f"is damaged ({path.stat().st_size:,} bytes, {label} {digest[:12]}, expected {checksum[:12]})"
    return None


def _faults(folder: Path, checksums: Mapping[str, str]) -> dict[str, str | None]:
    return {name: fault(folder / name, checksum) for name, checksum in checksums.items()}


def _take(own: Route, dataset: str, folder: Path, checksums: Mapping[str, str]) -> None:
    reason = _try(own, folder, checksums)
    if reason is not None:
        raise DatasetError(
            f"{own.name} does not have {dataset}: {reason}; name another folder, or leave out --data-dir to download it"
        )


def _fetch(dataset: str, folder: Path, checksums: Mapping[str, str], routes: Sequence[Route], advice: str) -> None:
    # Another process may have fetched the files while this one waited for the lock.
    faults = {name: problem for name, problem in _faults(folder, checksums).items() if problem}
    for name, problem in faults.items():
        if problem != "is missing":
            log.warning("%s %s; fetching it again", folder / name, problem)
    if not faults:
        return
    reasons: list[str] = []
    for route in routes:
        if reasons:
            log.warning("%s: %s; trying %s", dataset, reasons[-1], route.name)
        reason = _try(route, folder, {name: checksums[name] for name in faults})
        if reason is None:
            return
        reasons.append(f"{route.name}: {reason}")
    listed = "".join(f"\n  - {reason}" for reason in reasons)
    raise DatasetError(f"{dataset} is not in the cache ({folder}) and could not be fetched:{listed}\n{advice}")


def _try(route: Route, folder: Path, needed: Mapping[str, str]) -> str | None:
    """Take one route: None when all needed files are in their place, else the reason why not."""
    with tempfile.TemporaryDirectory(prefix=".fetch-", dir=folder) as temporary:
        fetched = Path(temporary)
        try:
            route.fetch(fetched)
        except DatasetError as error:
            return str(error)
        except OSError as error:
            if _is_about(error, folder):
                raise
            return str(error)
        for name, problem in _faults(fetched, needed).items():
            if problem:
                return f"{name} {problem}"
        for name in needed:
            (fetched / name).replace(folder / name)
        notes = fetched / SOURCES_FILE
        notes.write_text(json.dumps({**_sources(folder), **dict.fromkeys(needed, route.name)}, indent=1))
        notes.replace(folder / SOURCES_FILE)
    return None


def _sources(folder: Path) -> dict[str, str]:
    """Which route each file came by; empty when that was not noted."""
    try:
        notes = json.loads((folder / SOURCES_FILE).read_text())
    except (OSError, ValueError):
        return {}
    return {str(name): str(route) for name, route in notes.items()} if isinstance(notes, dict) else {}


@contextmanager
def locked(folder: Path, dataset: str, left_overs: str = ".fetch-*") -> Iterator[None]:
    """Hold the folder's lock, so that no two processes fetch the same files; removes what a killed one left."""
    with (folder / ".lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            log.warning("another process is fetching %s; waiting for it", dataset)
            fcntl.flock(lock, fcntl.LOCK_EX)
        for left_over in folder.glob(left_overs):
            shutil.rmtree(left_over, ignore_errors=True)
        yield


def _is_about(error: OSError, folder: Path) -> bool:
    """Whether an error says that `folder` cannot be written, rather than that a source cannot be read."""
    if error.errno in _DISK:
        return True
    return error.errno in _PERMISSION and str(error.filename or folder).startswith(str(folder))


def _disk_error(error: OSError, folder: Path) -> DiskError:
    step = "free space" if error.errno in (errno.ENOSPC, errno.EDQUOT) else "make it writable"
    reason = error.strerror or str(error)
    return DiskError(
        f"cannot write the cache {folder} ({reason}): {step}, or choose another folder with SIS_EDGE_CACHE"
    )
