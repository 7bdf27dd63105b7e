"""Where runs are kept: a folder with one file a run, only ever added to. The one truth about results.

A file is JSON, compressed by gzip: raw samples take a fifth of the place. Plain JSON, as older versions stored it and
as `zcat` prints it, is read as well. Names begin with the time of storing in UTC, so that a folder's order is the order
of time.
"""

import glob
import gzip
import io
import zlib
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TypeAlias, TypeVar

from sis_edge.errors import RecordError
from sis_edge.files import bounded
from sis_edge.files.atomic import write_bytes
from sis_edge.files.disk import check_room
from sis_edge.files.names import safe
from sis_edge.results.schema import StoredRun

T = TypeVar("T")

MeasuredOnce: TypeAlias = tuple[str, str, float]
"""What a run and its copies with an external meter's energy share: the bundle, when it began, how long it took."""

DEFAULT_FOLDER = Path("runs")
SUFFIX = ".json.gz"
SUFFIXES = (SUFFIX, ".json")
"""What a stored run's name ends with, now and before."""

ROOM_BYTES = 20_000_000
"""A run of ten networks, each with the most samples that an agent keeps, is about as large."""

MOST_BYTES = 500_000_000
"""Of a stored run's text: nothing longer comes from a board."""

_GZIP = b"\x1f\x8b"
_LEVEL = 6  # 9 takes twice as long for 1% less


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
    return _add(packed(run.to_json().encode()), run, folder)


def add(data: bytes, run: StoredRun, folder: Path = DEFAULT_FOLDER) -> Path:
    """Add the file of a run as it is, unless the folder has it; raises DiskError where that fails."""
    first = _path(run, folder, _suffix(data))
    for path in folder.glob(f"{glob.escape(stem(first))}*"):
        with suppress(RecordError):
            if content(path) == data:
                return path
    return _add(data, run, folder)


def packed(text: bytes) -> bytes:
    """The text of a run as files have it: the same bytes wherever the same zlib packs them."""
    return gzip.compress(text, _LEVEL, mtime=0)


def _add(data: bytes, run: StoredRun, folder: Path) -> Path:
    copies, path = 1, _path(run, folder, _suffix(data))
    while path.exists():
        copies += 1
        path = path.with_name(f"{stem(_path(run, folder, SUFFIX))}-{copies}{_suffix(data)}")
    return write_bytes(path, data)


def _path(run: StoredRun, folder: Path, suffix: str) -> Path:
    """The file of a run that is the first of its name."""
    stamp = run.stored_at.astimezone(UTC).strftime("%Y%m%dT%H%M%S.%fZ")
    return folder / f"{stamp}-{safe(run.record.run_id)}{suffix}"


def _suffix(data: bytes) -> str:
    return SUFFIX if data.startswith(_GZIP) else SUFFIXES[-1]


def load(path: Path) -> StoredRun:
    """The run of one file; raises RecordError with the path and what is wrong."""
    return parsed(content(path), path)


def content(path: Path) -> bytes:
    """A run's file as it is, for its hash and for `parsed`; raises RecordError with the path and what is wrong."""
    try:
        return bounded.read(path, MOST_BYTES)
    except OSError as error:
        raise RecordError(
            f"{path} cannot be read ({error.strerror}); name a file that `sis-edge deploy` stored"
        ) from None


def parsed(data: bytes, path: Path) -> StoredRun:
    """The run in a file's content; raises RecordError as `load` does."""
    return StoredRun.from_json(text(data, path), str(path))


def stem(path: Path) -> str:
    """A run's file name without its ending."""
    return next((path.name.removesuffix(end) for end in SUFFIXES if path.name.endswith(end)), path.name)


def text(data: bytes, path: Path) -> bytes:
    """The JSON of a file, which may be compressed: a few bytes that stand for gigabytes are refused."""
    if not data.startswith(_GZIP):
        return data
    try:
        with gzip.GzipFile(fileobj=io.BytesIO(data)) as file:
            unpacked = file.read(MOST_BYTES + 1)
    except (OSError, EOFError, zlib.error) as error:
        raise RecordError(
            f"{path} is not a whole gzip file ({error}); move it out of the folder, or measure again"
        ) from None
    if len(unpacked) > MOST_BYTES:
        raise RecordError(f"{path} holds more than {MOST_BYTES / 1e6:,.0f} MB, and no stored run does; move it away")
    return unpacked


def load_all(folder: Path = DEFAULT_FOLDER) -> Loaded:
    """All runs of a folder; an unreadable file is a warning, not an end. Raises RecordError where no run is left."""
    runs, readable, warnings = [], [], []
    for path in files(folder):
        try:
            runs.append(load(path))
            readable.append(path)
        except RecordError as error:
            warnings.append(str(error))
    if not runs:
        raise RecordError(f"none of the {len(warnings)} files in {folder} is a readable run; the first: {warnings[0]}")
    return Loaded(tuple(runs), tuple(readable), tuple(warnings))


def each_once(runs: Iterable[tuple[MeasuredOnce, datetime, T]]) -> list[T]:
    """What was made of runs, without repeats and oldest run first.

    `runs` gives it with what a run shares with its copies, and when it was stored. Of one run and its copies with an
    external meter's energy, that which was stored last stays; the others are let go as they come.
    """
    latest: dict[MeasuredOnce, tuple[datetime, T]] = {}
    for measured, stored_at, made in runs:
        other = latest.get(measured)
        if other is None or other[0] <= stored_at:
            latest[measured] = stored_at, made
    return [made for _, made in sorted(latest.values(), key=lambda each: each[0])]


def newest(folder: Path = DEFAULT_FOLDER) -> StoredRun:
    """The run that was stored last; raises RecordError where there is none, or where it cannot be read.

    An older run is never given in place of a damaged newest one: that would look like the newest result.
    """
    return load(files(folder)[-1])


def files(folder: Path = DEFAULT_FOLDER) -> list[Path]:
    """The files of a folder's runs, oldest first; raises RecordError where there is none."""
    try:
        named = [path for path in folder.iterdir() if path.name.endswith(SUFFIXES) and not path.name.startswith(".")]
    except OSError:  # not there, or no folder
        named = []
    if not named:
        raise RecordError(f"there is no stored run in {folder}; `sis-edge deploy` measures one and stores it there")
    return sorted(named, key=lambda path: (stem(path), path.name))
