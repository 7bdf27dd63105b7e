"""What every way to a board promises, checked on all of them."""

import hashlib
import os
import stat
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from sshd import Server

from sis_edge.errors import BoardError, DiskError
from sis_edge.transport import LocalTransport, Transport, bounded, local
from sis_edge.transport.base import CommandTimeoutError
from sis_edge.transport.ssh import transport as transport_module


@pytest.fixture(params=["local", "ssh"])
def board(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[tuple[Transport, Path]]:
    transport: Transport
    if request.param == "local":
        folder = tmp_path / "board"
        transport = LocalTransport(folder)
    else:
        server: Server = request.getfixturevalue("server")
        folder, transport = server.home, server.transport()
    yield transport, folder
    transport.close()
    transport.close()


def test_a_command_gets_its_words_as_they_are(board: tuple[Transport, Path]) -> None:
    words = ["two words", "$HOME", "`id`", "a'b\"c", "*", "", "é\n;"]
    done = board[0].run(["python3", "-c", "import sys; print(ascii(sys.argv[1:]))", *words])
    assert (done.exit_code, done.stdout.strip(), done.stderr) == (0, ascii(words), "")


def test_a_command_s_end_is_told(board: tuple[Transport, Path]) -> None:
    transport, folder = board
    done = transport.run(["sh", "-c", "pwd; echo wrong >&2; exit 3"])
    assert done == (3, f"{folder}\n", "wrong\n")
    assert transport.run(["no-such-command-here"]).exit_code == 127
    assert transport.run(["true"]).exit_code == 0


def test_much_output_on_both_streams_does_not_block(board: tuple[Transport, Path]) -> None:
    code = "import sys\nfor _ in range(80): sys.stderr.write('e' * 65536); sys.stdout.write('o' * 65536)"
    done = board[0].run(["python3", "-c", code])
    assert (done.exit_code, len(done.stdout), len(done.stderr)) == (0, 80 * 65536, 80 * 65536)


@pytest.mark.parametrize("stream", ["stdout", "stderr"])
def test_endless_output_is_bounded(board: tuple[Transport, Path], monkeypatch: pytest.MonkeyPatch, stream: str) -> None:
    """Neither memory nor disk is filled by a board that writes for ever; of errors the end is kept."""
    for stream_class in (bounded.Head, bounded.Tail):
        monkeypatch.setattr(stream_class.__init__, "__defaults__", (1_000_000,))
    code = f"import sys\nfor _ in range(60): sys.{stream}.write('x' * 65536)\nsys.{stream}.write('the end')"
    if stream == "stdout":
        with pytest.raises(BoardError, match=r"`python3` on .* wrote more than 67 MB and was ended"):
            board[0].run(["python3", "-c", code])
    else:
        done = board[0].run(["python3", "-c", code])
        assert (done.exit_code, done.stdout) == (0, "")
        assert done.stderr.endswith("xthe end")
        assert 1_000_000 <= len(done.stderr) <= 2_000_000
    assert board[0].run(["true"]).exit_code == 0


@pytest.mark.timeout(60)  # what waits for a pipe's writer, or reads a device, never ends
@pytest.mark.parametrize("kind", ["device", "pipe", "folder", "large"])
def test_only_files_of_a_bounded_size_are_fetched(
    board: tuple[Transport, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    transport, folder = board
    transport.run(["true"])  # makes the local board's folder
    source = folder / "source"
    if kind == "device":
        source.symlink_to("/dev/zero")
    elif kind == "pipe":
        os.mkfifo(source)
    elif kind == "folder":
        source.mkdir()
    else:
        with source.open("wb") as file:
            file.truncate(bounded.FILE_BYTES + 1)
    sentence = "larger than 268 MB" if kind == "large" else "not a file but a folder, pipe or device"
    with pytest.raises(BoardError, match=sentence):
        transport.fetch("source", tmp_path / "target")
    assert not list(tmp_path.glob("target*"))


def test_a_file_that_grows_while_it_is_fetched_is_bounded(
    board: tuple[Transport, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    transport, folder = board
    transport.run(["true"])
    (folder / "source").write_bytes(b"x" * 3_000_000)
    pieces: list[int] = []
    for module in (local, transport_module):
        monkeypatch.setattr(module, "FILE_BYTES", 3_000_000)

    def grow(piece_bytes: int) -> None:
        if not pieces:
            with (folder / "source").open("ab") as file:
                file.write(b"x" * 3_000_000)
        pieces.append(piece_bytes)

    with pytest.raises(BoardError, match=r"larger than|changed while it was fetched"):
        transport.fetch("source", tmp_path / "target", progress=grow)
    assert sum(pieces) <= 3_000_000
    assert not list(tmp_path.glob("target*"))


def test_a_command_that_does_not_end_is_given_up(board: tuple[Transport, Path]) -> None:
    with pytest.raises(CommandTimeoutError, match=r"`sleep` did not end within 0\.5 s"):
        board[0].run(["sleep", "60"], timeout_s=0.5)
    assert board[0].run(["true"]).exit_code == 0


def test_python3_is_the_one_of_this_environment(board: tuple[Transport, Path]) -> None:
    done = board[0].run(["python3", "-c", "import sys; print(sys.prefix)"])
    assert done.stdout.strip() == sys.prefix


def test_a_command_is_fed(board: tuple[Transport, Path]) -> None:
    pieces = [b"first\n", bytes(range(256)) * 20_000, b"last"]
    code = "import hashlib, sys; print(hashlib.sha256(sys.stdin.buffer.read()).hexdigest())"
    done = board[0].feed(["python3", "-c", code], pieces)
    assert (done.exit_code, done.stdout) == (0, hashlib.sha256(b"".join(pieces)).hexdigest() + "\n")
    assert board[0].feed(["cat"], []).stdout == ""


def test_a_command_that_writes_while_it_is_fed(board: tuple[Transport, Path]) -> None:
    done = board[0].feed(["cat"], (b"x" * 100_000 for _ in range(60)))
    assert (done.exit_code, len(done.stdout)) == (0, 6_000_000)


def test_a_command_is_talked_with(board: tuple[Transport, Path]) -> None:
    """An empty piece waits for what the command says."""
    heard = bytearray()

    def pieces() -> Iterator[bytes]:
        for number in range(3):
            yield b"%d\n" % number
            while heard.count(b"\n") <= number:
                yield b""
            assert heard.splitlines()[-1] == b"%d" % (10 * number)

    code = "import sys\nfor line in sys.stdin: print(10 * int(line), flush=True)"
    done = board[0].feed(["python3", "-c", code], pieces(), heard=heard.extend)
    assert (done.exit_code, done.stdout) == (0, "0\n10\n20\n")


def test_a_command_that_ends_while_it_is_waited_for(board: tuple[Transport, Path]) -> None:
    def pieces() -> Iterator[bytes]:
        while True:
            yield b""

    assert board[0].feed(["sh", "-c", "echo one; exit 3"], pieces())[:2] == (3, "one\n")


def test_a_command_that_does_not_read_to_the_end(board: tuple[Transport, Path]) -> None:
    asked = []

    def pieces() -> Iterator[bytes]:
        for number in range(10_000):
            asked.append(number)
            yield bytes(100_000)

    done = board[0].feed(["sh", "-c", "head -c 5; echo enough; exit 3"], pieces())
    assert (done.exit_code, done.stdout) == (3, "\0" * 5 + "enough\n")
    assert len(asked) < 1000
    assert board[0].feed(["no-such-command-here"], [b"x"]).exit_code == 127


def test_what_a_command_is_fed_with_may_break_off(board: tuple[Transport, Path]) -> None:
    def pieces() -> Iterator[bytes]:
        yield b"x"
        raise DiskError("the file is gone")

    with pytest.raises(DiskError, match="the file is gone"):
        board[0].feed(["cat"], pieces())
    assert board[0].run(["true"]).exit_code == 0


@pytest.mark.parametrize("size_bytes", [0, 1, 3_000_001])
def test_a_file_goes_there_and_back(board: tuple[Transport, Path], tmp_path: Path, size_bytes: int) -> None:
    transport, folder = board
    content = bytes(range(256)) * (size_bytes // 256 + 1)
    source, back = tmp_path / "source", tmp_path / "deep" / "back"
    source.write_bytes(content[:size_bytes])
    steps: list[int] = []
    transport.put(source, "some folder/below/it's", progress=steps.append)
    assert (folder / "some folder/below/it's").read_bytes() == source.read_bytes()
    assert sum(steps) == size_bytes
    steps.clear()
    transport.fetch("some folder/below/it's", back, progress=steps.append)
    assert back.read_bytes() == source.read_bytes()
    assert sum(steps) == size_bytes
    assert not list(tmp_path.rglob("*.part"))


def test_what_is_put_is_nobody_elses(board: tuple[Transport, Path], tmp_path: Path) -> None:
    transport, folder = board
    (tmp_path / "source").write_text("mine")
    (tmp_path / "source").chmod(0o644)
    transport.run(["true"])
    before = stat.S_IMODE(folder.stat().st_mode)
    transport.put(tmp_path / "source", "a/b/file")
    found = {path.relative_to(folder).as_posix(): stat.S_IMODE(path.stat().st_mode) for path in folder.rglob("*")}
    assert {name: found[name] for name in ("a", "a/b", "a/b/file")} == {"a": 0o700, "a/b": 0o700, "a/b/file": 0o600}
    assert stat.S_IMODE(folder.stat().st_mode) == before, "a folder that was there stays as it is"


def test_a_put_replaces_a_file(board: tuple[Transport, Path], tmp_path: Path) -> None:
    transport, folder = board
    for text in ("the first and long", "second"):
        (tmp_path / "source").write_text(text)
        transport.put(tmp_path / "source", "file")
        assert (folder / "file").read_text() == text


def test_files_that_are_not_there(board: tuple[Transport, Path], tmp_path: Path) -> None:
    transport = board[0]
    with pytest.raises(DiskError, match="nothing cannot be read"):
        transport.put(tmp_path / "nothing", "target")
    with pytest.raises(BoardError, match="cannot read"):
        transport.fetch("nothing", tmp_path / "target")
    (tmp_path / "a file").write_text("")
    transport.put(tmp_path / "a file", "file")
    with pytest.raises(DiskError, match="cannot write"):
        transport.fetch("file", tmp_path / "a file" / "below")
    with pytest.raises(BoardError):
        transport.put(tmp_path / "a file", "file/below")
    assert not list(tmp_path.rglob("*.part"))


def test_a_full_disk_leaves_the_old_file(board: tuple[Transport, Path], tmp_path: Path, small_disk: Path) -> None:
    transport = board[0]
    (tmp_path / "source").write_bytes(b"x" * 4_000_000)
    (small_disk / "file").write_text("old")
    with pytest.raises(BoardError, match=r"disk is full|No space left"):
        transport.put(tmp_path / "source", str(small_disk / "file"))
    assert (small_disk / "file").read_text() == "old"
    assert [path.name for path in small_disk.iterdir()] == ["file"]
