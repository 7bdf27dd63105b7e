"""What a board sends of a file: its size first, then its content, plain or by gzip, whole or damaged."""

import gzip
import os
import subprocess
import zlib
from collections.abc import Iterator
from pathlib import Path

import pytest

from sis_edge.transport.ssh.files import PIECE_BYTES, PUT, size_and_content

CONTENT = os.urandom(1000) + bytes(3 * PIECE_BYTES)
MARK = b"sis-edge-mark\n"


def drops(stream: bytes, size_bytes: int) -> Iterator[bytes]:
    return (stream[at : at + size_bytes] for at in range(0, len(stream), size_bytes))


@pytest.mark.parametrize("drop_bytes", [7, 4096, 10**9])
@pytest.mark.parametrize("content", [b"", b"x", CONTENT])
def test_a_content_in_any_drops(content: bytes, drop_bytes: int) -> None:
    plain, packed = b"%d\n" % len(content) + content, b"%d gzip\n" % len(content) + gzip.compress(content)
    for stream in (plain, packed):
        size_bytes, pieces = size_and_content(drops(stream + MARK, drop_bytes))
        assert (size_bytes, b"".join(pieces)) == (len(content), content)


def test_no_more_is_taken_than_was_announced() -> None:
    for stream in (b"1000\n" + CONTENT, b"1000 gzip\n" + gzip.compress(CONTENT)):
        assert b"".join(size_and_content(drops(stream, 4096))[1]) == CONTENT[:1000]


def test_what_is_damaged_ends_early() -> None:
    packed = b"%d gzip\n" % len(CONTENT) + gzip.compress(CONTENT)
    for stream in (packed[:-500], packed[:60] + b"?" + packed[61:], packed[:20]):
        assert b"".join(size_and_content(drops(stream, 4096))[1]) != CONTENT
    for stream in (b"", b"no number\n", b"9" * 200, b"\xff\n"):
        size_bytes, pieces = size_and_content(drops(stream, 50))
        assert b"".join(pieces) == b""
        assert size_bytes is None


def test_an_unpacked_piece_is_bounded() -> None:
    bomb = zlib.compressobj(wbits=31)
    packed = bomb.compress(bytes(50_000_000)) + bomb.flush()
    _, pieces = size_and_content(iter([b"50000000 gzip\n" + packed]))
    assert max(map(len, pieces)) <= PIECE_BYTES


@pytest.mark.parametrize(("came", "is_whole"), [(b"0123456789", True), (b"01234", False), (b"", False)])
def test_a_file_takes_its_place_whole(tmp_path: Path, came: bytes, is_whole: bool) -> None:
    """A link that is cut is, for the board's shell, an end of the file."""
    (tmp_path / "file").write_text("old")
    words = ["sh", "-c", PUT, "sh", "file", "10"]
    done = subprocess.run(words, cwd=tmp_path, input=came, capture_output=True)
    assert (done.returncode == 0) is is_whole
    assert (tmp_path / "file").read_bytes() == (came if is_whole else b"old")
    assert [path.name for path in tmp_path.iterdir()] == ["file"]
    assert is_whole or f"only {len(came)} of 10 bytes arrived" in done.stderr.decode()


def test_a_part_is_gone_though_nobody_hears_why(tmp_path: Path) -> None:
    """As where a server closes everything at once: the sentence then ends the shell by SIGPIPE."""
    words = ["sh", "-c", PUT, "sh", str(tmp_path / "file"), "10"]
    put = subprocess.Popen(words, stdin=subprocess.PIPE, stderr=subprocess.PIPE)
    assert put.stdin is not None
    assert put.stderr is not None
    put.stderr.close()
    put.stdin.write(b"half")
    put.stdin.close()
    assert put.wait() == 1
    assert list(tmp_path.iterdir()) == []
