"""Files as the host pushes them: what half came never counts, what is there is not asked for again."""

import hashlib
import json
import os
import zlib
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from sis_agent.job import receive
from sis_agent.job.receive import Incoming, PushedFile, Wanted, adopt
from sis_agent.job.storage import list_files
from sis_agent.protocol import ProblemError

FOLDER = "bundles/b1"
CONTENT = bytes(range(256)) * 40


def wanted(path: str, content: bytes, *, last: bool = False) -> dict[str, Any]:
    sha256 = hashlib.sha256(content).hexdigest()
    return {"path": path, "sha256": sha256, "size_bytes": len(content), "last": last}


def line(value: Any) -> bytes:
    return json.dumps(value).encode() + b"\n"


def piece(offset: int, data: bytes, *, pack: bool = False) -> bytes:
    head = {"offset": offset, "size_bytes": len(data), "crc32": zlib.crc32(data)}
    sent = zlib.compress(data) if pack else data
    return line({**head, "packed_bytes": len(sent)} if pack else head) + sent


def whole(path: str, content: bytes, **options: Any) -> bytes:
    return line(wanted(path, content, **options)) + piece(0, content)


END = line({"end": True})


class Here:
    """An agent's root, and its two commands on streams of bytes."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def adopt(self, *files: dict[str, Any], folder: str = FOLDER) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self._on(line(files), lambda source: adopt(str(self.root), folder, source))[
            "lacking"
        ]
        return found

    def receive(self, stream: bytes) -> dict[str, Any]:
        return self._on(stream, lambda source: receive.receive(str(self.root), FOLDER, source))

    def names(self) -> set[str]:
        return set(list_files(str(self.root), FOLDER)["files"])

    def _on(self, stream: bytes, call: Any) -> dict[str, Any]:
        path = self.root.parent / "stream"
        path.write_bytes(stream)
        with path.open("rb") as file:
            found: dict[str, Any] = call(Incoming(file.fileno()))
        return found


@pytest.fixture
def here(tmp_path: Path) -> Here:
    (tmp_path / "root").mkdir()
    return Here(tmp_path / "root")


def test_files_arrive(here: Here) -> None:
    files = {"a": CONTENT, "deep/empty": b"", "deep/b": b"x" * 1000}
    listed = [wanted(path, content) for path, content in files.items()]
    assert here.adopt(*listed) == [{"path": path, "arrived_bytes": 0, "checksums": []} for path in files]
    stream = whole("a", CONTENT) + line(listed[1])
    stream += line(listed[2]) + piece(400, b"x" * 600, pack=True) + piece(0, b"x" * 400) + END
    assert here.receive(stream) == {"whole": list(files), "damaged": []}
    assert {path: (here.root / FOLDER / path).read_bytes() for path in files} == files
    assert here.adopt(*listed) == []
    (here.root / FOLDER / "a").write_bytes(CONTENT[::-1])
    assert [each["path"] for each in here.adopt(*listed)] == ["a"]


@pytest.mark.parametrize("has_links", [True, False])
def test_a_content_that_the_board_has_elsewhere_is_taken_over(
    here: Here, monkeypatch: pytest.MonkeyPatch, has_links: bool
) -> None:
    if not has_links:

        def refuse(source: str, target: str) -> None:
            raise PermissionError("no links here")

        monkeypatch.setattr(os, "link", refuse)
    other = here.root / "bundles/other/data"
    other.mkdir(parents=True)
    (other / "longest").write_bytes(CONTENT)
    (other / "as-long").write_bytes(CONTENT[::-1])
    (other / "half.part").write_bytes(b"half")
    lacking = here.adopt(wanted("x/same", CONTENT), wanted("another", b"y" * len(CONTENT)), wanted("half", b"half"))
    assert [each["path"] for each in lacking] == ["another", "half"]
    taken = here.root / FOLDER / "x/same"
    assert taken.read_bytes() == CONTENT
    assert taken.samefile(other / "longest") is has_links
    assert here.names() == {"x/same"}
    assert not list(here.root.rglob("*.[0-9]*.part")), "nothing is left behind"


def test_a_damaged_piece_keeps_its_file_and_the_last_one_waiting(here: Here) -> None:
    broken = line(wanted("a", CONTENT)) + piece(0, CONTENT[:5000]) + piece(5000, CONTENT[5000:])[:-1] + b"?"
    found = here.receive(broken + whole("b", b"b") + whole("manifest", b"{}", last=True) + END)
    assert found == {"whole": ["b"], "damaged": [{"path": "a", "offset": 5000}]}
    assert here.names() == {"b"}
    listed = [wanted("a", CONTENT), wanted("b", b"b"), wanted("manifest", b"{}", last=True)]
    lacking = here.adopt(*listed)
    assert [(each["path"], each["arrived_bytes"]) for each in lacking] == [("a", 5000), ("manifest", 2)]
    assert here.receive(line(listed[0]) + piece(5000, CONTENT[5000:]) + END)["whole"] == ["a"]
    assert here.adopt(*listed) == [], "the last file has come before, and now takes its place"
    assert here.names() == {"a", "b", "manifest"}


def test_a_second_file_of_one_content_is_made_from_the_first(here: Here) -> None:
    copy = {**wanted("deep/b", CONTENT), "same_as": "a"}
    assert here.receive(whole("a", CONTENT) + line(copy) + whole("m", b"{}", last=True) + END)["whole"] == [
        "a",
        "deep/b",
        "m",
    ]
    assert (here.root / FOLDER / "deep/b").read_bytes() == CONTENT
    for other in ("a", "nothing", "../b1/a"):
        wrong = {**wanted("c", CONTENT[::-1]), "same_as": other}
        assert here.receive(line(wrong) + whole("n", b"{}", last=True) + END)["whole"] == []
    assert here.names() == {"a", "deep/b", "m"}


def test_bytes_that_do_not_unpack_are_damaged(here: Here) -> None:
    head = {"offset": 0, "size_bytes": len(CONTENT), "crc32": zlib.crc32(CONTENT)}
    bomb = zlib.compress(bytes(10_000_000))
    for sent in (b"no zlib", zlib.compress(CONTENT)[:-9], zlib.compress(b"other"), bomb):
        stream = line(wanted("a", CONTENT)) + line({**head, "packed_bytes": len(sent)}) + sent + END
        assert here.receive(stream) == {"whole": [], "damaged": [{"path": "a", "offset": 0}]}
    assert here.names() == set()


def test_a_push_that_was_cut_goes_on_where_it_was(here: Here, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(receive, "CHUNK_BYTES", 4000)
    file = wanted("a", CONTENT)
    pieces = [piece(offset, CONTENT[offset : offset + 1000]) for offset in range(0, len(CONTENT), 1000)]
    for cut_bytes in (len(pieces[0]) * 7 + 500, 10**6):
        with pytest.raises(ProblemError, match="the connection ended before the push did") as caught:
            here.receive(line(file) + b"".join(pieces[:9])[:cut_bytes])
        assert caught.value.problem.code == "push-cut"
    lacking = here.adopt(file)
    slices = [CONTENT[begin : min(begin + 4000, 9000)] for begin in (0, 4000, 8000)]
    assert lacking == [{"path": "a", "arrived_bytes": 9000, "checksums": [zlib.crc32(each) for each in slices]}]
    assert here.names() == set()
    assert here.receive(line(file) + b"".join(pieces[9:]) + END)["whole"] == ["a"]
    assert (here.root / FOLDER / "a").read_bytes() == CONTENT


def test_a_part_of_another_content_is_not_mixed_in(here: Here) -> None:
    with pytest.raises(ProblemError):
        here.receive(line(wanted("a", CONTENT)) + piece(0, CONTENT[:8000]))
    assert here.adopt(wanted("a", CONTENT[::-1])) == [{"path": "a", "arrived_bytes": 0, "checksums": []}]


def test_a_whole_that_is_wrong_is_removed(here: Here) -> None:
    """Each piece is as it was sent, and yet it is not the file: nothing of it can be used."""
    file = {**wanted("a", CONTENT), "sha256": "0" * 64}
    assert here.receive(line(file) + piece(0, CONTENT) + END) == {"whole": [], "damaged": []}
    assert list((here.root / FOLDER).iterdir()) == []


@pytest.mark.fault("two hosts push one bundle", "neither is damaged")
def test_what_another_push_finished_is_not_changed_any_more(here: Here) -> None:
    file = Wanted(**wanted("a", CONTENT))
    first, second = (PushedFile(str(here.root / FOLDER), file) for _ in range(2))
    for offset in range(0, len(CONTENT), 1024):
        (first if offset % 2048 else second).write(offset, CONTENT[offset : offset + 1024])
    assert first.finish()
    second.write(0, b"\0" * 1024)
    assert second.finish(), "the file is there"
    for part in (first, second):
        part.close()
    assert (here.root / FOLDER / "a").read_bytes() == CONTENT
    assert here.names() == {"a"}


@pytest.mark.fault("disk fills while a file is pushed", "one sentence; what came stays")
def test_a_full_disk_is_said_and_what_came_stays(small_disk: Path, tmp_path: Path) -> None:
    (tmp_path / "root").symlink_to(small_disk)
    here, content = Here(tmp_path / "root"), os.urandom(3 << 20)
    stream = line(wanted("a", content))
    stream += b"".join(piece(at, content[at : at + (1 << 18)]) for at in range(0, len(content), 1 << 18))
    with pytest.raises(ProblemError, match="disk is full; free some space there and try again: what has arrived stays"):
        here.receive(stream + END)
    (lacking,) = here.adopt(wanted("a", content))
    assert lacking["arrived_bytes"] > 500_000
    assert lacking["checksums"] == [zlib.crc32(content[: lacking["arrived_bytes"]])]


def streams() -> Iterator[tuple[bytes, str]]:
    yield b"[" * 100, "the connection ended"
    yield b"no json\n", "a line of the push is unreadable"
    yield line([]), "the list of files is unreadable"
    yield line(wanted("../a", b"x")), r"'\.\./a' is not inside"
    yield line(wanted("/etc/passwd", b"x")), "is not inside"
    yield piece(0, b"x"), "the list of files is unreadable"
    yield line(wanted("a", b"x")) + piece(0, b"xy"), "a piece of a is beyond its end"
    yield line({**wanted("a", b"x"), "size_bytes": -1}), "a has no size"
    yield line({**wanted("a", b"x"), "size_bytes": 1 << 62}), "a has no size"
    yield line(wanted("a", b"x")) + line({"offset": -1, "size_bytes": 1, "crc32": 0}), "its offset is -1"
    yield (
        line(wanted("a", b"x")) + line({"offset": 1e300, "size_bytes": 1, "crc32": 0}),
        "a piece of the push is unread",
    )
    yield (
        line(wanted("a", b"x")) + line({"offset": 10**20, "size_bytes": 1, "crc32": 0}),
        "a line of the push is unread",
    )
    yield line(wanted("a", b"x")) + line({"offset": 0}), "a piece of the push is unreadable"
    yield line(wanted("a", b"x")) + line({"offset": 0, "size_bytes": -1, "crc32": 0}), "a piece of -1 bytes"
    yield line(wanted("a", b"x")) + line({"offset": 0, "size_bytes": 10**9, "crc32": 0}), "is too long"


@pytest.mark.parametrize(("stream", "sentence"), list(streams()))
def test_what_no_host_of_ours_sends(here: Here, stream: bytes, sentence: str) -> None:
    with pytest.raises(ProblemError, match=sentence):
        here.receive(stream)
    assert [path for path in here.root.parent.rglob("*") if path.is_file() and path.suffix != ".part"] == [
        here.root.parent / "stream"
    ]


@pytest.mark.fault("host falls silent while it pushes", "given up; what came stays")
def test_a_silent_host_is_given_up(here: Here, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(receive, "SILENCE_S", 0.01)
    read, write = os.pipe()
    with pytest.raises(ProblemError, match="the connection ended"):
        receive.receive(str(here.root), FOLDER, Incoming(read))
    os.close(read)
    os.close(write)


def test_pieces_that_come_in_drops_are_put_together(here: Here) -> None:
    class Dripping(Incoming):
        def __init__(self, stream: bytes) -> None:
            super().__init__(-1)
            self._drops: Sequence[bytes] = [stream[at : at + 7] for at in range(0, len(stream), 7)]

        def _more(self) -> bytes:
            first, *self._drops = self._drops
            return first

    source = Dripping(whole("a", CONTENT[:700]) + whole("b", b"b") + END)
    assert receive.receive(str(here.root), FOLDER, source) == {"whole": ["a", "b"], "damaged": []}
