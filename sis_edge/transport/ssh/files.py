"""Files over plain commands: the board needs nothing but a shell, neither an SFTP server nor a second session."""

import zlib
from collections.abc import Iterator
from itertools import chain
from typing import BinaryIO

PIECE_BYTES = 1 << 18

# The part's name is its writer's own (`$$`), and it is gone with it: also where the connection is cut, which the reader
# of standard input cannot tell from the end of the file.
PUT = """
umask 077
if [ -d "$1" ]; then echo "it is a folder" >&2; exit 1; fi
case $1 in */*) mkdir -p -- "${1%/*}" || exit 1;; esac
part=$1.$$.part
trap 'rm -f -- "$part"' EXIT
trap 'exit 1' HUP INT TERM PIPE
cat >"$part" || exit 1
came=$(wc -c <"$part") || exit 1
if [ "$came" -ne "$2" ]; then echo "only $came of $2 bytes arrived" >&2; exit 1; fi
mv -f -- "$part" "$1"
"""

# The size goes first, and is looked at again at the end. A record is JSON, of which gzip leaves little; a short one is
# here at once anyway.
FETCH = """
if [ -e "$1" ] && [ ! -f "$1" ]; then exit 3; fi
size=$(wc -c <"$1") || exit 1
if [ "$size" -gt "$2" ]; then echo "$size"; exit 0; fi
if [ "$size" -gt 65536 ] && command -v gzip >/dev/null
then echo "$size gzip"; gzip -1 -c <"$1" || exit 1
else echo "$size"; head -c "$size" <"$1" || exit 1
fi
if [ "$(wc -c <"$1")" -ne "$size" ]; then exit 4; fi
"""
NOT_A_FILE, CHANGED = 3, 4


def size_and_content(output: Iterator[bytes]) -> tuple[int | None, Iterator[bytes]]:
    """The size that FETCH says first, and no more than so many bytes of the content; None where it says none."""
    head = b""
    for piece in output:
        head += piece
        if b"\n" in head or len(head) > 100:
            break
    line, end, ahead = head.partition(b"\n")
    size, _, packing = line.strip().partition(b" ")
    size_bytes = int(size) if end and size.isdigit() else None
    read = _unpacked if packing == b"gzip" else _first
    return size_bytes, read(size_bytes or 0, chain([ahead], output))


def _first(left_bytes: int, pieces: Iterator[bytes]) -> Iterator[bytes]:
    while left_bytes > 0 and (piece := next(pieces, None)) is not None:
        yield piece[:left_bytes]
        left_bytes -= len(piece)


def _unpacked(left_bytes: int, pieces: Iterator[bytes]) -> Iterator[bytes]:
    """What gzip made the pieces from; it ends early where they are damaged."""
    unpacking = zlib.decompressobj(wbits=31)
    waiting: bytes | None = b""
    while left_bytes > 0 and not unpacking.eof:
        if not waiting and (waiting := next(pieces, None)) is None:
            return
        try:
            piece = unpacking.decompress(waiting, min(left_bytes, PIECE_BYTES))
        except zlib.error:
            return
        waiting = unpacking.unconsumed_tail
        yield piece
        left_bytes -= len(piece)


def pieces_of(reader: BinaryIO) -> Iterator[bytes]:
    """A file's content."""
    while piece := reader.read(PIECE_BYTES):
        yield piece
