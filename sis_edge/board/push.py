"""Bringing a bundle to a board: what the board has, under whatever name, is not sent again; the rest goes in pieces.

The agent's side, and what happens to a push that is cut, is in `sis_agent/job/receive.py`.
"""

import json
import time
import zlib
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple, Protocol, TypeVar

from sis_agent.files import BUNDLES
from sis_agent.job.receive import CHUNK_BYTES, PIECE_BYTES
from sis_agent.schema import Facts
from sis_edge.board.agent_client import Adoption, AgentClient, Lacking
from sis_edge.board.claim import Turn
from sis_edge.board.events import Event, OnEvent
from sis_edge.board.packing import Packer
from sis_edge.bundles.manifest import MANIFEST, FileEntry
from sis_edge.bundles.verify import Bundle
from sis_edge.errors import BoardError, BundleError, DiskError
from sis_edge.files.hashing import file_sha256
from sis_edge.text.limits import with_limit

# Room that the job itself needs beside the bundle: its record, its log, the file system's own blocks.
SPARE_BYTES = 16 << 20

MOST_DAMAGED = 3
"""So often damaged files are sent again before the board's storage or memory is to blame."""

T = TypeVar("T")


class Persist(Protocol):
    """Makes a call until it succeeds or patience ends, which starts anew when `moved` has another answer."""

    def __call__(self, call: Callable[[], T], *, moved: Callable[[], object] = ...) -> T:
        """The call's answer."""


class PushedSource(NamedTuple):
    """A file here, and its entry: its place below a folder of the board and its content."""

    entry: FileEntry
    path: Path


class ByteRange(NamedTuple):
    """Bytes `begin` to `end` of a file."""

    begin: int
    end: int


def push(agent: AgentClient, bundle: Bundle, facts: Facts, persist: Persist, on_event: OnEvent, turn: Turn) -> None:
    """Bring the bundle to the board; raises BoardError for a full disk, or for files that arrive damaged."""
    sources = [PushedSource(entry, bundle.path / entry.path) for entry in bundle.manifest.files]
    sources.append(source_of(bundle.path / MANIFEST))
    work = Push(agent, f"{BUNDLES}/{bundle.id}", sources, on_event, facts.disk_free_bytes, turn.token)
    with turn.given_back():
        while not persist(work.go_on, moved=lambda: work.left_bytes):
            if not work.is_ours:
                turn.wait()
    on_event(Event("push", "the bundle is on the board", work.total_bytes, work.total_bytes))


def source_of(path: Path) -> PushedSource:
    """A file here that goes into a folder there under its own name."""
    return PushedSource(FileEntry(path=path.name, sha256=file_sha256(path), size_bytes=path.stat().st_size), path)


class Push:
    """One push at work. `total_bytes` is what the board lacked at first, `left_bytes` what it lacks still.

    `is_ours` is False while somebody else pushes the same bundle.
    """

    def __init__(
        self,
        agent: AgentClient,
        folder: str,
        sources: Sequence[PushedSource],
        on_event: OnEvent,
        free_bytes: int | None = None,
        token: str | None = None,
    ) -> None:
        self.total_bytes = self.left_bytes = 0
        self.is_ours = True
        self._agent = agent
        self._folder = folder
        self._sources = sources
        self._say = on_event
        self._free_bytes = free_bytes
        self._token = token
        self._packer = Packer()
        self._damaged_rounds = 0

    def go_on(self) -> bool:
        """Send what the board lacks, if nobody else does; returns whether it has everything then."""
        files = [_line(source.entry) for source in self._sources]
        found, received = self._agent.push(self._folder, files, self._stream, self._token)
        self.is_ours = found.held
        for piece in received.damaged:
            self._say(Event("link", f"a piece of {piece.path} arrived damaged; sending it again"))
        missing = [each.path for each in found.lacking if each.path not in received.whole]
        if missing and self.is_ours:
            self._count_damaged(missing)
        return not missing

    def _stream(self, found: Adoption) -> Iterator[bytes]:
        """What the agent reads once it has said what is missing."""
        places = {each.path: each for each in found.lacking}
        wanted = [source for source in self._sources if source.entry.path in places]
        # Of several files with one content the first is sent, and the agent makes the others from it.
        first = {source.entry.sha256: source for source in reversed(wanted)}
        ranges = {each.entry.path: ranges_of(each, places[each.entry.path]) for each in first.values()}
        self.left_bytes = sum(end - begin for each in ranges.values() for begin, end in each)
        self.total_bytes = max(self.total_bytes, self.left_bytes)
        _check_space(self._agent.transport.name, self.left_bytes, self._free_bytes)
        done_bytes = self.total_bytes - self.left_bytes
        for source in wanted:
            sent = first[source.entry.sha256]
            if sent is not source:
                yield _json({**_line(source.entry), "same_as": sent.entry.path})
                continue
            yield _json(_line(source.entry))
            for offset, piece in _pieces(source, ranges[source.entry.path]):
                yield from self._framed(offset, piece)
                done_bytes += len(piece)
                self._say(Event("push", source.entry.path, done_bytes, self.total_bytes))
        yield _json({"end": True})

    def _framed(self, offset: int, piece: bytes) -> Iterator[bytes]:
        packed = self._packer.packed(piece)
        head = {"offset": offset, "size_bytes": len(piece), "crc32": zlib.crc32(piece)}
        if packed is not None:
            head["packed_bytes"] = len(packed)
        frame = _json(head) + (piece if packed is None else packed)
        begin_s = time.perf_counter()
        yield frame
        self._packer.sent(len(frame), time.perf_counter() - begin_s)

    def _count_damaged(self, wrong: Sequence[str]) -> None:
        self._damaged_rounds += 1
        if self._damaged_rounds == MOST_DAMAGED:
            raise BoardError(
                f"{len(wrong)} files arrived damaged on {self._agent.transport.name} (first: {wrong[0]}), "
                f"{MOST_DAMAGED} times; does another program write there, or is the board's storage failing?"
            )


def ranges_of(source: PushedSource, lacking: Lacking) -> list[ByteRange]:
    """What is left to send of a file: what has not arrived, and chunks that arrived otherwise than they are here."""
    size_bytes = source.entry.size_bytes
    arrived_bytes = max(0, min(lacking.arrived_bytes, size_bytes))
    found: list[ByteRange] = []
    with _opened(source.path) as file:
        for number, checksum in enumerate(lacking.checksums):
            begin = number * CHUNK_BYTES
            end = min(begin + CHUNK_BYTES, arrived_bytes)
            if begin < end and zlib.crc32(file.read(end - begin)) != checksum:
                found.append(ByteRange(begin, end))
    return [*found, *([ByteRange(arrived_bytes, size_bytes)] if arrived_bytes < size_bytes else [])]


def _pieces(source: PushedSource, ranges: Sequence[ByteRange]) -> Iterator[tuple[int, bytes]]:
    with _opened(source.path) as file:
        for begin, end in ranges:
            file.seek(begin)
            for offset in range(begin, end, PIECE_BYTES):
                piece = file.read(min(PIECE_BYTES, end - offset))
                if not piece:
                    raise BundleError(f"{source.path} became shorter while it was pushed; build it again")
                yield offset, piece


@contextmanager
def _opened(path: Path) -> Iterator[BinaryIO]:
    try:
        with path.open("rb") as file:
            yield file
    except OSError as error:
        raise DiskError(f"{path} cannot be read ({error.strerror})") from None


def _line(entry: FileEntry) -> dict[str, Any]:
    """A file as the agent reads of it."""
    return {**entry.model_dump(), "last": entry.path == MANIFEST}


def _json(value: dict[str, Any]) -> bytes:
    return json.dumps(value).encode() + b"\n"


def _check_space(name: str, size_bytes: int, free_bytes: int | None) -> None:
    if free_bytes is not None and free_bytes < size_bytes + SPARE_BYTES:
        free, needed = with_limit(free_bytes / 1e6, (size_bytes + SPARE_BYTES) / 1e6, ",.1f")
        raise BoardError(
            f"{name} has {free} MB free, the bundle and the job's record need {needed} MB; "
            "free space on the board, or clean the agent's folder"
        )
