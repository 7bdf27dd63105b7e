"""Pushing a bundle: with the real agent, on this machine and through real SSH servers."""

import os
import random
import shutil
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
from sshd import Proxy, Server, require, serve
from tiny_bundle import tiny_bundle, tiny_profile

from sis_agent.job.receive import CHUNK_BYTES, PIECE_BYTES
from sis_agent.schema import Facts
from sis_edge.board.events import Event
from sis_edge.board.packing import PATIENCE_PIECES, Packer
from sis_edge.board.session import BoardSession, Patience
from sis_edge.bundles.verify import Bundle
from sis_edge.errors import BoardError
from sis_edge.transport import Completed, LocalTransport, Transport, UnreachableError
from sis_edge.transport.ssh import SshTransport

QUICK = Patience(first_pause_s=0.01, longest_pause_s=0.05, poll_s=0.05)
AGENT_BYTES = 600_000
"""More than the agent, the logins and all questions of a push are on the wire."""


class Counting(LocalTransport):
    """This machine as a board, which counts what commands are fed with; `spoil` may change a piece on its way."""

    def __init__(self, root: Path, spoil: Callable[[bytes], bytes] = lambda piece: piece) -> None:
        super().__init__(root)
        self.fed_bytes = 0
        self._spoil = spoil

    def feed(self, argv: Sequence[str], pieces: Iterable[bytes], **options: Any) -> Completed:
        def counted() -> Iterator[bytes]:
            for piece in pieces:
                self.fed_bytes += len(piece)
                yield self._spoil(piece)

        return super().feed(argv, counted(), **options)


def pushed(transport: Transport, bundle: Bundle, patience: Patience = QUICK) -> list[Event]:
    """Push it, with all that is said; afterwards the board has every file as it is here."""
    events: list[Event] = []
    session = BoardSession(transport, tiny_profile(), events.append, patience)
    session.agent.install()
    session.push(bundle, Facts())
    return events


def arrived(home: Path, bundle: Bundle) -> bool:
    folder = home / ".sis-edge/bundles" / bundle.id
    names = {path.relative_to(bundle.path) for path in bundle.path.rglob("*") if path.is_file()}
    assert {path.relative_to(folder) for path in folder.rglob("*") if path.is_file()} == names
    return all((folder / name).read_bytes() == (bundle.path / name).read_bytes() for name in names)


def test_a_content_is_sent_once(tmp_path: Path) -> None:
    board = Counting(tmp_path / "board")
    first = tiny_bundle(tmp_path / "first", padding_bytes=1_000_000)
    events = pushed(board, first)
    assert arrived(board.root, first)
    assert 1_000_000 < board.fed_bytes < 1_100_000
    assert [event.done for event in events if event.stage == "push"][-1] == events[-1].total
    board.fed_bytes = 0
    pushed(board, first)
    assert board.fed_bytes < 5_000, "an unchanged bundle costs its list of files"
    second = tiny_bundle(tmp_path / "second", padding_bytes=1_000_000)
    assert second.id != first.id
    pushed(board, second)
    assert arrived(board.root, second)
    assert board.fed_bytes < 20_000, "nor does its content in a bundle of another name, but for the manifest"
    folder = board.root / ".sis-edge/bundles"
    shutil.rmtree(folder / first.id)
    assert arrived(board.root, second), "a bundle that was cleaned away takes nothing with it"


@pytest.mark.fault("a piece arrives damaged", "sent again, and said")
def test_a_damaged_piece_is_sent_again_and_said(tmp_path: Path) -> None:
    left = [3]

    def spoil(piece: bytes) -> bytes:
        left[0] -= len(piece) > PIECE_BYTES
        return piece[:-1] + bytes([piece[-1] ^ 1]) if left[0] == 0 and len(piece) > PIECE_BYTES else piece

    board, bundle = Counting(tmp_path / "board", spoil), tiny_bundle(tmp_path / "b", padding_bytes=CHUNK_BYTES + 10**6)
    said = [event.message for event in pushed(board, bundle) if event.stage == "link"]
    assert said == ["a piece of data/padding.bin arrived damaged; sending it again"]
    assert arrived(board.root, bundle)
    assert board.fed_bytes < 2 * CHUNK_BYTES + 1_100_000, "one chunk, not the file"


@pytest.mark.fault("corrupt upload", "given up; the file is named")
def test_files_that_always_arrive_damaged_are_given_up(tmp_path: Path) -> None:
    board = Counting(tmp_path / "board", lambda piece: piece[:-1] + b"?" if b'"crc32"' in piece else piece)
    bundle = tiny_bundle(tmp_path / "b")
    with pytest.raises(BoardError, match=r"\d files arrived damaged on local \(first: .*, 3 times"):
        pushed(board, bundle)
    assert not [path for path in board.root.rglob("bundles/*/*") if path.is_file() and path.suffix != ".part"]


def test_patience_ends_only_where_a_push_gets_no_further(tmp_path: Path) -> None:
    now_s = 0.0

    def sleep(pause_s: float) -> None:
        nonlocal now_s
        now_s += pause_s

    class Breaking(Counting):
        """Passes on a piece a time, and later none."""

        pieces = 30

        def feed(self, argv: Sequence[str], pieces: Iterable[bytes], **options: Any) -> Completed:
            def some() -> Iterator[bytes]:
                for piece in pieces:
                    yield piece
                    if len(piece) > PIECE_BYTES:
                        self.pieces -= 1
                        return

            if self.pieces <= 0:
                raise UnreachableError("gone")
            done = super().feed(argv, some(), **options)
            if b'"push-cut"' in done.stdout.encode():
                raise UnreachableError("cut")
            return done

    board = Breaking(tmp_path / "board")
    bundle = tiny_bundle(tmp_path / "b", padding_bytes=3 * PIECE_BYTES)
    patience = Patience(lost_s=1.5, sleep=sleep, clock=lambda: now_s)
    pushed(board, bundle, patience)
    assert arrived(board.root, bundle)
    assert now_s >= 3, "longer than the patience for a board that is lost"
    board = Breaking(tmp_path / "another board")
    board.pieces = 1
    with pytest.raises(UnreachableError, match="gone"):
        pushed(board, bundle, patience)


def cut_at_random(server: Server, proxy: Proxy, bundle: Bundle, cuts: int) -> int:
    """Push through a proxy that cuts so often at random places; returns the bytes that were sent for nothing."""
    numbers = random.Random(8)
    size_bytes = sum(entry.size_bytes for entry in bundle.manifest.files)
    transport = server.transport(port=proxy.port)
    session = BoardSession(transport, tiny_profile(), lambda event: None, QUICK)
    session.agent.install()
    before = proxy.carried_bytes
    proxy.cut_at_bytes = sorted(before + int(numbers.uniform(0.02, 0.98) * size_bytes) for _ in range(cuts))
    session.push(bundle, Facts())
    transport.close()
    assert (proxy.cuts, proxy.cut_at_bytes) == (cuts, [])
    assert arrived(server.home, bundle)
    return proxy.carried_bytes - before - size_bytes


@pytest.mark.fault("cut again and again in one large file", "a chunk a cut is sent again")
@pytest.mark.parametrize(
    ("size_bytes", "cuts"), [(12_000_000, 2), pytest.param(200_000_000, 10, marks=pytest.mark.slow)]
)
def test_a_cut_costs_a_chunk_at_most(server: Server, proxy: Proxy, tmp_path: Path, size_bytes: int, cuts: int) -> None:
    bundle = tiny_bundle(tmp_path / "bundle", padding_bytes=size_bytes)
    wasted_bytes = cut_at_random(server, proxy, bundle, cuts)
    print(f"{wasted_bytes / cuts:,.0f} bytes a cut, logins and SSH's own among them")
    assert wasted_bytes < cuts * CHUNK_BYTES + size_bytes / 100


@pytest.fixture
def no_agent(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SSH_AUTH_SOCK", raising=False)


@pytest.mark.fault("no SFTP and one session", "pushed as ever")
@pytest.mark.usefixtures("no_agent")
@pytest.mark.parametrize("way", ["direct", "jump", "command"])
def test_a_server_with_one_session_and_without_sftp(tmp_path: Path, way: str) -> None:
    """And all the ways to it: through another server, through a command."""
    with serve(tmp_path / "sshd", sftp=False, settings="MaxSessions 1\n") as server:
        relay = f"{require('ssh')} -F none -i '{server.identity}' -o 'UserKnownHostsFile \"{server.known_hosts}\"'"
        proxies = {
            "direct": "",
            "jump": f"ProxyJump 127.0.0.1:{server.port}",
            "command": f"ProxyCommand {relay} -W %h:%p -p {server.port} 127.0.0.1",
        }
        config = f"Host board\n  HostName 127.0.0.1\n  Port {server.port}\n  {proxies[way]}\n"
        (server.client / ".ssh" / "config").write_text(config)
        transport = SshTransport("board", home=server.client)
        bundle = tiny_bundle(tmp_path / "bundle", padding_bytes=3_000_000)
        pushed(transport, bundle)
        assert arrived(server.home, bundle)
        transport.fetch(f".sis-edge/bundles/{bundle.id}/data/padding.bin", tmp_path / "back")
        assert (tmp_path / "back").read_bytes() == (bundle.path / "data/padding.bin").read_bytes()
        transport.close()


class Clock:
    """Time that compressing takes, and nothing else."""

    def __init__(self, step_s: float) -> None:
        self.now_s, self._step_s = 0.0, step_s

    def __call__(self) -> float:
        self.now_s += self._step_s
        return self.now_s


ZEROS, NOISE = bytes(PIECE_BYTES), os.urandom(PIECE_BYTES)


@pytest.mark.parametrize(
    ("rate_bytes_per_s", "piece", "is_packed"),
    [(1e5, ZEROS, True), (20e6, ZEROS, True), (60e6, ZEROS, False), (1e9, ZEROS, False), (1e5, NOISE, False)],
)
def test_what_is_compressed_is_measured(rate_bytes_per_s: float, piece: bytes, is_packed: bool) -> None:
    packer = Packer(Clock(0.001))  # of a sample of 32 KiB: 33 MB/s
    assert packer.packed(piece) is None, "the link's rate is not known yet"
    for _ in range(3):
        packer.sent(PIECE_BYTES, PIECE_BYTES / rate_bytes_per_s)
    assert (packer.packed(piece) is not None) is is_packed


def test_what_does_not_compress_is_not_tried_at_every_piece() -> None:
    clock = Clock(1e-6)
    packer = Packer(clock)
    packer.sent(PIECE_BYTES, 1.0)
    for _ in range(10 * (PATIENCE_PIECES + 1)):
        assert packer.packed(NOISE) is None
    assert clock.now_s == pytest.approx(20e-6)
    assert packer.packed(ZEROS) is not None


@pytest.mark.fault("link becomes slow", "compressed from there on")
def test_a_link_that_becomes_slow_is_noticed() -> None:
    packer = Packer(Clock(1e-4))
    for rate_bytes_per_s, is_packed in ((1e9, False), (1e5, True), (1e9, False)):
        for _ in range(60):
            packer.sent(PIECE_BYTES, PIECE_BYTES / rate_bytes_per_s)
        assert (packer.packed(ZEROS) is not None) is is_packed
