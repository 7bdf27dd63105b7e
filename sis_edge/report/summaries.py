"""Summaries of stored runs, kept in the cache: a run is read and its intervals are computed once, then never again.

A summary is in `statistics/` of the one cache, so that folders of runs may be read-only. Its name is its key: the
SHA-256 of the run's file and of our code, so that another run or another version never finds it. What is damaged, or
of another key inside, is computed again. The folder may be removed at any time.
"""

import gzip
import hashlib
import zlib
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from pydantic import ValidationError

from sis_edge.errors import DiskError, RecordError
from sis_edge.files import bounded
from sis_edge.files.atomic import write_bytes
from sis_edge.files.cache import cache_root
from sis_edge.files.own_code import code_sha256
from sis_edge.report.summary import RunSummary, summarize
from sis_edge.results import store

FOLDER = "statistics"
MOST_BYTES = 20_000_000
"""Of a summary, unpacked: it has no samples."""

_LEVEL = 1


@dataclass(frozen=True)
class Summarized:
    """A run's file with its summary, or with the sentence that says why it cannot be read."""

    path: Path
    summary: RunSummary | None
    warning: str | None = None


def of_file(path: Path) -> RunSummary:
    """The summary of one stored run; raises RecordError where it cannot be read. A full cache stops nothing."""
    data = store.content(path)
    key = key_of(data)
    place = cached_at(key)
    if (found := _cached(place, key)) is not None:
        return found
    made = summarize(store.parsed(data, path), key)
    with suppress(DiskError):  # it is computed again the next time
        write_bytes(place, gzip.compress(made.model_dump_json().encode(), _LEVEL, mtime=0))
    return made


def each(folder: Path) -> Iterator[Summarized]:
    """Every run of a folder, by the names of their files, one after the other; raises RecordError where there is none.

    None is held, so that thousands of runs take the memory of one.
    """
    for path in store.files(folder):
        try:
            yield Summarized(path, of_file(path))
        except RecordError as error:
            yield Summarized(path, None, str(error))


def key_of(data: bytes) -> str:
    """The key of a run's file: its hash with that of our code."""
    return hashlib.sha256(f"{hashlib.sha256(data).hexdigest()} {code_sha256()}".encode()).hexdigest()


def cached_at(key: str) -> Path:
    """Where the summary with this key is kept."""
    return cache_root() / FOLDER / key[:2] / f"{key}.json.gz"


def _cached(place: Path, key: str) -> RunSummary | None:
    try:
        unpacked = zlib.decompressobj(wbits=31)
        text = unpacked.decompress(bounded.read(place, MOST_BYTES), MOST_BYTES)
        found = RunSummary.model_validate_json(text) if unpacked.eof else None
    except (OSError, zlib.error, ValidationError):
        return None
    return found if found is not None and found.key == key else None
