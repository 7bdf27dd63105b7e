"""The archive of a run: a plain tar (ustar, not compressed) of files only, each byte of which has one right value.

    FORMAT            what this is, and its version
    README.md         how to check it, with sis-edge and without
    SHA256SUMS        of all files but itself and its signature, as `sha256sum -c` reads it
    SHA256SUMS.sig    its signature by `ssh-keygen -Y`, where one was asked for
    run/NAME          the stored run, as it lay in its folder
    bundle/...        the bundle that it measured, or its manifest only

What somebody else's archive holds is never trusted: a header is compared with the one that we would write for this name
and size, which no link, device, owner, mode or extension passes, and a name stays below the folder.
"""

import re
import tarfile
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from sis_edge.errors import RecordError
from sis_edge.files.disk import check_room, writing
from sis_edge.text.foreign import one_line

FORMAT, README, SUMS, SIGNATURE = "FORMAT", "README.md", "SHA256SUMS", "SHA256SUMS.sig"
RUN, BUNDLE = "run/", "bundle/"
VERSION = b"sis-edge run archive 1\n"

MOST_MEMBERS = 10_000
MOST_BYTES = 8_000_000_000
"""Of an archive; nothing in it is compressed but the run, whose text has its own limit."""

_BLOCK = tarfile.BLOCKSIZE
_PIECE = 1 << 20
_PART = re.compile(r"(?!\.{1,2}\Z)[^\x00-\x1f\x7f\\/]{1,255}")


@dataclass(frozen=True)
class ArchiveFile:
    """A file of an archive: its name there and its content, on the disk or in memory."""

    name: str
    content: Path | bytes


def pieces(members: Iterable[ArchiveFile]) -> Iterator[bytes]:
    """The bytes of an archive of these files, first to last; raises RecordError for a name that it cannot have."""
    for member in members:
        if isinstance(member.content, bytes):
            yield _header(member.name, len(member.content)) + member.content + _padding(len(member.content))
            continue
        size_bytes = member.content.stat().st_size
        yield _header(member.name, size_bytes)
        with member.content.open("rb") as file:
            yield from _exactly(file, size_bytes, str(member.content))
        yield _padding(size_bytes)
    yield b"\0" * 2 * _BLOCK


def is_archive(path: Path) -> bool:
    """Whether a file begins as an archive of ours does."""
    with suppress(OSError):
        if path.is_file():
            with path.open("rb") as file:
                return file.read(_BLOCK) == _header(FORMAT, len(VERSION))
    return False


def unpack(path: Path, folder: Path) -> set[str]:
    """Write the files of an archive below an empty folder and return their names.

    Raises RecordError for anything that `pieces` would not have written, before that file is written.
    """
    size_bytes = path.stat().st_size
    if size_bytes > MOST_BYTES:
        raise _refused(path, f"it has more than {MOST_BYTES / 1e9:.0f} GB")
    check_room(folder, size_bytes)
    names: set[str] = set()
    with path.open("rb") as file, writing(folder):
        while (header := file.read(_BLOCK)).strip(b"\0"):
            name, length = _read_header(header, path)
            _check_name(name, names, path)
            names.add(name)
            target = folder / name
            target.parent.mkdir(parents=True, exist_ok=True)
            with target.open("xb") as out:
                out.writelines(_exactly(file, length, str(path)))
            if file.read(len(_padding(length))).strip(b"\0"):
                raise _refused(path, f"there is something between {name} and what follows")
        end = header + file.read(_BLOCK + 1)
    if end != b"\0" * 2 * _BLOCK:
        raise _refused(path, "it does not end as an archive does")
    if FORMAT not in names or (folder / FORMAT).read_bytes() != VERSION:
        raise _refused(path, f"its {FORMAT} is not of a version that this sis-edge reads")
    return names


def _read_header(header: bytes, path: Path) -> tuple[str, int]:
    """The name and size of the file that follows; raises RecordError where it is none that we would write."""
    try:
        found = tarfile.TarInfo.frombuf(header, "utf-8", "strict")
        if header == _header(found.name, found.size):
            return found.name, found.size
    except (tarfile.TarError, ValueError, RecordError) as error:
        raise _refused(path, f"a header in it is damaged ({one_line(str(error), 200)})") from None
    raise _refused(path, f"{one_line(found.name, 200)} in it is not a plain file as `export-run` writes one")


def _check_name(name: str, before: set[str], path: Path) -> None:
    """Raise RecordError for a name outside the folder, of no part of an archive, or that would replace another."""
    parts = name.split("/")
    is_known = name in (FORMAT, README, SUMS, SIGNATURE) or (len(parts) == 2 and name.startswith(RUN))
    if not all(map(_PART.fullmatch, parts)) or not (is_known or name.startswith(BUNDLE)):
        raise _refused(path, f"it holds a file named {one_line(name, 200)!r}")
    above = {"/".join(parts[:count]) for count in range(1, len(parts))}
    if name in before or above & before or any(other.startswith(f"{name}/") for other in before):
        raise _refused(path, f"it holds {one_line(name, 200)} twice")
    if len(before) >= MOST_MEMBERS:
        raise _refused(path, f"it holds more than {MOST_MEMBERS:,} files")


def _header(name: str, size_bytes: int) -> bytes:
    info = tarfile.TarInfo(name)
    info.size, info.mode = size_bytes, 0o644
    try:
        return info.tobuf(tarfile.USTAR_FORMAT, "utf-8", "strict")
    except ValueError as error:
        raise RecordError(f"{name} cannot be put into an archive ({error}); give it a shorter name") from None


def _padding(size_bytes: int) -> bytes:
    return b"\0" * (-size_bytes % _BLOCK)


def _exactly(file: IO[bytes], size_bytes: int, source: str) -> Iterator[bytes]:
    """That many bytes of a file in pieces; raises RecordError where it has fewer."""
    left = size_bytes
    while left:
        piece = file.read(min(left, _PIECE))
        if not piece:
            raise RecordError(f"{source} ends {left:,} bytes too early; copy it again")
        left -= len(piece)
        yield piece


def _refused(path: Path, why: str) -> RecordError:
    return RecordError(f"{path} is not an archive as `sis-edge export-run` writes it: {why}; ask for it again")
