"""Files as the host pushes them: known by their SHA-256, taken over where the board has them, received in pieces.

A file on its way is `<name>.<first digits of its SHA-256>.part` beside its place, so that what came of another content
is never mixed in. Only pieces whose checksum is right are written, each at its own place; so hosts that push the same
file at once write the same bytes, and a push that was cut goes on where it was. A part takes its place once the SHA-256
of the whole is right. After a cut, or where the disk is full, it stays for the next push; `clean` removes it with its
folder.

Standard input is a line with the list of files; then, once the host has read what is missing, a line for each such file
and a line and the bytes for each piece of it; at last {"end": true}.
"""

import contextlib
import errno
import fcntl
import hashlib
import os
import re
import select
import shutil
import zlib
from typing import Any, Dict, Iterator, List, NamedTuple, Optional, Tuple

from sis_agent.files import BUNDLES, PART, file_sha256, inside, parsed_json
from sis_agent.job import claim
from sis_agent.protocol import ProblemError, interim_line, say

CHUNK_BYTES = 4 << 20
"""What is sent again where a checksum is wrong, and more than a lost connection costs: SSH has 2 MiB under way."""

PIECE_BYTES = 1 << 18
"""The most that is checked and written at once."""

MOST_LINE_BYTES = 64 << 20
MOST_BYTES = 1 << 62
"""More than any file has."""
SILENCE_S = 600.0
"""A host that sends nothing for so long is gone, though nobody said so."""

_SHA256 = re.compile("[0-9a-f]{64}")
DISK_FULL = (errno.ENOSPC, errno.EDQUOT)


class Wanted(NamedTuple):
    """A file of the push: its place below the folder, its content, and whether it waits until all others are there.

    `same_as` is another file of the push that has the same content, and is not sent for it.
    """

    path: str
    sha256: str
    size_bytes: int
    last: bool = False
    same_as: Optional[str] = None


class Incoming:
    """What the host writes to the agent's standard input."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        self._ahead = b""

    def line(self) -> Any:
        """The next line, which is JSON."""
        while b"\n" not in self._ahead:
            if len(self._ahead) > MOST_LINE_BYTES:
                raise ProblemError("bad-push", "a line of the push has no end; is this sis-edge's own host?")
            self._ahead += self._more()
        line, _, self._ahead = self._ahead.partition(b"\n")
        try:
            return parsed_json(line.decode())
        except ValueError as error:
            raise ProblemError("bad-push", "a line of the push is unreadable ({})".format(error))

    def take(self, size_bytes: int) -> bytes:
        """The next bytes, exactly so many."""
        if not 0 <= size_bytes <= 2 * PIECE_BYTES:
            raise ProblemError("bad-push", "a piece of {} bytes is too long".format(size_bytes))
        parts, missing = [self._ahead], size_bytes - len(self._ahead)
        while missing > 0:
            parts.append(self._more())
            missing -= len(parts[-1])
        data = b"".join(parts)
        self._ahead = data[size_bytes:]
        return data[:size_bytes]

    def _more(self) -> bytes:
        ready = select.select([self._descriptor], [], [], SILENCE_S)[0]
        data = os.read(self._descriptor, PIECE_BYTES) if ready else b""
        if not data:
            raise ProblemError("push-cut", "the connection ended before the push did; what has arrived stays")
        return data


class PushedFile:
    """A file on its way; `damaged` counts the pieces that came with a wrong checksum."""

    def __init__(self, base: str, wanted: Wanted) -> None:
        self.wanted = wanted
        self.damaged = 0
        self._path = place(base, wanted)
        self._part = part_of(self._path, wanted)
        try:
            os.makedirs(os.path.dirname(self._path), exist_ok=True)
            self._descriptor = os.open(self._part, os.O_RDWR | os.O_CREAT, 0o600)
        except PermissionError:
            raise
        except OSError as error:
            if error.errno in DISK_FULL:
                raise _disk_full()
            raise ProblemError("bad-push", "{} cannot be written ({})".format(wanted.path, error.strerror))
        self._digest, self._digested_bytes = hashlib.sha256(), 0

    def close(self) -> None:
        """Leave the part as it is."""
        os.close(self._descriptor)

    def write(self, offset: int, data: bytes) -> None:
        """Keep a piece whose checksum is right."""
        if offset < 0 or offset + len(data) > self.wanted.size_bytes:
            raise ProblemError("bad-push", "a piece of {} is beyond its end".format(self.wanted.path))
        with self._held() as is_ours:
            if not is_ours:  # another push has finished this file, and this one may not change it any more
                return
            try:
                done = 0
                while done < len(data):
                    done += os.pwrite(self._descriptor, data[done:], offset + done)
            except OSError as error:
                if error.errno not in DISK_FULL:
                    raise
                raise _disk_full()
        if offset == self._digested_bytes:
            self._digest.update(data)
            self._digested_bytes += len(data)

    def finish(self) -> bool:
        """Put the file into its place if it is whole. A part that is complete and wrong all the same is removed."""
        with self._held() as is_ours:
            if not is_ours:
                return is_whole(self._path, self.wanted)
            if self.damaged or os.fstat(self._descriptor).st_size < self.wanted.size_bytes:
                return False
            os.ftruncate(self._descriptor, self.wanted.size_bytes)
            is_digested = self._digested_bytes == self.wanted.size_bytes
            found = self._digest.hexdigest() if is_digested else file_sha256(self._part)
            if found != self.wanted.sha256:
                os.remove(self._part)
                return False
            os.rename(self._part, self._path)
            return True

    @contextlib.contextmanager
    def _held(self) -> Iterator[bool]:
        """Nobody else writes or renames the part meanwhile; False where it is no longer in its place."""
        fcntl.flock(self._descriptor, fcntl.LOCK_EX)
        try:
            yield self._is_in_place()
        finally:
            fcntl.flock(self._descriptor, fcntl.LOCK_UN)

    def _is_in_place(self) -> bool:
        try:
            return os.path.samestat(os.stat(self._part), os.fstat(self._descriptor))
        except FileNotFoundError:
            return False


def push(root: str, folder: str, source: Incoming, token: Optional[str] = None) -> Dict[str, Any]:
    """Say what is missing, then take it; returns what `receive` does, or what `adopt` does where nothing is to come."""
    found = adopt(root, folder, source, token)
    if not found["lacking"] or not found["held"]:
        return found
    say(interim_line(found))
    return receive(root, folder, source, token)


def adopt(root: str, folder: str, source: Incoming, token: Optional[str] = None) -> Dict[str, Any]:
    """What the folder lacks of the listed files, after whatever the board has elsewhere was linked or copied.

    For each lacking file: how many bytes of it have arrived, and the CRC-32 of each chunk of them. The holder of the
    token may push them if `held`; else somebody else does.
    """
    base, known = inside(root, folder), _Known(root)
    lacking: List[Dict[str, Any]] = []
    adopted = 0
    for wanted in _files(source.line()):
        path = place(base, wanted)
        part = part_of(path, wanted)
        if is_whole(path, wanted):
            continue
        if wanted.last and lacking:
            lacking.append(_arrived(part, wanted))
        elif is_whole(part, wanted):
            with contextlib.suppress(FileNotFoundError):  # another push has just done it
                os.rename(part, path)
        elif known.give(path, wanted):
            adopted += 1
        else:
            lacking.append(_arrived(part, wanted))
    held = not (lacking and token) or claim.claim(root, os.path.basename(folder), token)["held"]
    return {"lacking": lacking, "adopted": adopted, "held": held}


def receive(root: str, folder: str, source: Incoming, token: Optional[str] = None) -> Dict[str, Any]:
    """Take files as they come; returns those that are whole, and where pieces were damaged.

    Once all of them are whole the holder of the token has pushed.
    """
    base = inside(root, folder)
    whole: List[str] = []
    damaged: List[Dict[str, Any]] = []
    part: Optional[PushedFile] = None
    seen = 0
    try:
        while True:
            line = source.line()
            if part is not None and not (isinstance(line, dict) and "offset" in line):
                seen += 1
                if not (part.wanted.last and len(whole) < seen - 1) and part.finish():
                    whole.append(part.wanted.path)
                part.close()
                part = None
            if isinstance(line, dict) and line.get("end") is True:
                if token and len(whole) == seen:
                    claim.release(root, os.path.basename(folder), token)
                return {"whole": whole, "damaged": damaged}
            if part is None:
                wanted = _files([line])[0]
                if wanted.same_as is None:
                    part = PushedFile(base, wanted)
                else:
                    seen += 1
                    if _take_over(place(base, wanted._replace(path=wanted.same_as)), place(base, wanted), wanted):
                        whole.append(wanted.path)
                continue
            offset, data = _piece(line, source)
            if data is None:
                part.damaged += 1
                damaged.append({"path": part.wanted.path, "offset": offset})
            else:
                part.write(offset, data)
    finally:
        if part is not None:
            part.close()


def _disk_full() -> ProblemError:
    return ProblemError(
        "disk-full",
        "the board's disk is full; free some space there and try again: what has arrived stays, and is not sent again",
    )


def place(base: str, wanted: Wanted) -> str:
    """Where a file belongs; raises the problem `bad-name` for a place outside of the folder."""
    path = inside(base, wanted.path)
    if path == os.path.normpath(base):
        raise ProblemError("bad-name", "'{}' is not the name of a file".format(wanted.path))
    return path


def part_of(path: str, wanted: Wanted) -> str:
    """Where a file lies until it is whole."""
    return "{}.{}{}".format(path, wanted.sha256[:12], PART)


def is_whole(path: str, wanted: Wanted) -> bool:
    """Whether a file has the wanted content."""
    return os.path.isfile(path) and _size(path) == wanted.size_bytes and file_sha256(path) == wanted.sha256


class _Known:
    """The files of all bundles on the board, by their size."""

    def __init__(self, root: str) -> None:
        self._base = os.path.join(root, BUNDLES)
        self._by_size: Optional[Dict[int, List[str]]] = None

    def give(self, path: str, wanted: Wanted) -> bool:
        """Link or copy a file of the wanted content to `path`; False where there is none."""
        if self._by_size is None:
            self._by_size = {}
            for folder, _, names in os.walk(self._base):
                for name in names:
                    found = os.path.join(folder, name)
                    if not name.endswith(PART) and not os.path.islink(found):
                        self._by_size.setdefault(_size(found), []).append(found)
        others = [other for other in self._by_size.get(wanted.size_bytes, []) if other != path]
        return any(_take_over(other, path, wanted) for other in others)


def _take_over(other: str, path: str, wanted: Wanted) -> bool:
    if not is_whole(other, wanted):
        return False
    os.makedirs(os.path.dirname(path), exist_ok=True)
    part = "{}.{}{}".format(path, os.getpid(), PART)
    try:
        try:
            os.link(other, part)
        except OSError:  # a file system without links
            shutil.copyfile(other, part)
            if not is_whole(part, wanted):
                return False
        os.rename(part, path)
        return True
    finally:
        with contextlib.suppress(OSError):
            os.remove(part)


def _piece(line: Dict[str, Any], source: Incoming) -> Tuple[int, Optional[bytes]]:
    """A piece's offset and its bytes; None for bytes that are not what was sent."""
    packed_bytes = line.get("packed_bytes")
    try:
        offset, size_bytes, crc32 = (int(line[name]) for name in ("offset", "size_bytes", "crc32"))
        sent_bytes = size_bytes if packed_bytes is None else int(packed_bytes)
        if not 0 <= offset < MOST_BYTES:
            raise ValueError("its offset is {}".format(offset))
    except (KeyError, TypeError, ValueError) as error:
        raise ProblemError("bad-push", "a piece of the push is unreadable ({!r})".format(error))
    data = source.take(sent_bytes)
    if packed_bytes is not None:
        try:
            data = zlib.decompressobj().decompress(data, PIECE_BYTES)
        except zlib.error:
            return offset, None
    return offset, data if len(data) == size_bytes and zlib.crc32(data) == crc32 else None


def _files(lines: Any) -> List[Wanted]:
    try:
        return [_wanted(each) for each in lines]
    except (KeyError, TypeError, ValueError) as error:
        raise ProblemError("bad-push", "the list of files is unreadable ({!r})".format(error))


def _wanted(line: Dict[str, Any]) -> Wanted:
    """A file of the list; raises KeyError, TypeError and ValueError for what is none."""
    found = Wanted(line["path"], line["sha256"], line["size_bytes"], line.get("last") is True, line.get("same_as"))
    for name in (found.path, found.same_as or found.path):
        os.fsencode(name)  # raises for what the system cannot have as a name
    if (
        not isinstance(found.size_bytes, int)
        or not 0 <= found.size_bytes < MOST_BYTES
        or not _SHA256.fullmatch(found.sha256)
    ):
        raise ValueError("{} has no size and SHA-256".format(found.path))
    return found


def _size(path: str) -> int:
    try:
        return os.path.getsize(path)
    except OSError:
        return 0


def _arrived(part: str, wanted: Wanted) -> Dict[str, Any]:
    """How much of a file is there, and the CRC-32 of each chunk of it."""
    checksums: List[int] = []
    with contextlib.suppress(FileNotFoundError), open(part, "rb") as file:
        checksums = [zlib.crc32(chunk) for chunk in iter(lambda: file.read(CHUNK_BYTES), b"")]
    return {"path": wanted.path, "arrived_bytes": _size(part), "checksums": checksums}
