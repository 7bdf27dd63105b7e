import errno
import fcntl
import hashlib
import json
import logging
import threading
from collections.abc import Callable
from pathlib import Path

import platformdirs
import pytest

from sis_edge import datasets
from sis_edge.datasets.cache import Route, fault, obtain
from sis_edge.errors import DatasetError, DiskError, UsageError
from sis_edge.files.cache import cache_root

CONTENTS = {"a.bin": b"first", "b.bin": b"second"}
CHECKSUMS = {
    "a.bin": hashlib.sha256(CONTENTS["a.bin"]).hexdigest(),
    "b.bin": hashlib.md5(CONTENTS["b.bin"], usedforsecurity=False).hexdigest(),
}


def bring(contents: dict[str, bytes], calls: list[str] | None = None) -> Callable[[Path], None]:
    def fetch(target: Path) -> None:
        for name, content in contents.items():
            (target / name).write_bytes(content)
        if calls is not None:
            calls.append("taken")

    return fetch


def fail(error: BaseException) -> Callable[[Path], None]:
    def fetch(target: Path) -> None:
        (target / "a.bin").write_bytes(b"fir")
        raise error

    return fetch


def files(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_first_route_fills_the_cache_and_is_remembered(tmp_path: Path) -> None:
    folder = tmp_path / "deep" / "cache"
    calls: list[str] = []
    routes = [Route("the moon", bring(CONTENTS, calls))]
    assert obtain("craters", folder, CHECKSUMS, routes, "") == "the moon"
    assert {name: (folder / name).read_bytes() for name in CHECKSUMS} == CONTENTS
    assert files(folder) == [".lock", "a.bin", "b.bin", "sources.json"]
    assert obtain("craters", folder, CHECKSUMS, routes, "") == "the moon"
    assert calls == ["taken"]


def test_files_put_into_the_cache_by_hand_are_used(tmp_path: Path) -> None:
    bring(CONTENTS)(tmp_path)
    (tmp_path / "sources.json").write_text("not JSON")
    assert obtain("craters", tmp_path, CHECKSUMS, [], "") == "files found in the cache"
    assert not (tmp_path / ".lock").exists()


def test_damaged_file_is_named_and_only_it_is_replaced(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    obtain("craters", tmp_path, CHECKSUMS, [Route("the moon", bring(CONTENTS))], "")
    (tmp_path / "b.bin").write_bytes(b"secund")
    with caplog.at_level(logging.WARNING):
        source = obtain("craters", tmp_path, CHECKSUMS, [Route("mars", bring(CONTENTS))], "")
    assert (tmp_path / "b.bin").read_bytes() == b"second"
    assert source == "the moon and mars"
    assert json.loads((tmp_path / "sources.json").read_text()) == {"a.bin": "the moon", "b.bin": "mars"}
    assert [record.getMessage() for record in caplog.records] == [
        f"{tmp_path / 'b.bin'} is damaged (6 bytes, MD5 {hashlib.md5(b'secund').hexdigest()[:12]}, expected "
        f"{CHECKSUMS['b.bin'][:12]}); fetching it again"
    ]


def test_a_failing_route_says_why_and_the_next_is_tried(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    routes = [
        Route("venus", fail(DatasetError("too hot"))),
        Route("mars", bring({**CONTENTS, "a.bin": b"fake"})),
        Route("the moon", bring(CONTENTS)),
    ]
    assert obtain("craters", tmp_path, CHECKSUMS, routes, "") == "the moon"
    told = [record.getMessage() for record in caplog.records]
    assert told[0] == "craters: venus: too hot; trying mars"
    assert told[1].startswith("craters: mars: a.bin is damaged (4 bytes, SHA-256 ")
    assert len(told) == 2


def test_one_error_lists_every_reason_and_the_advice(tmp_path: Path) -> None:
    unreadable = PermissionError(errno.EACCES, "Permission denied", "/elsewhere/a.bin")
    routes = [
        Route("venus", fail(DatasetError("too hot"))),
        Route("mars", fail(unreadable)),
        Route("the moon", bring({"a.bin": b"first"})),
    ]
    with pytest.raises(DatasetError) as caught:
        obtain("craters", tmp_path, CHECKSUMS, routes, "Look up.")
    assert str(caught.value).splitlines() == [
        f"craters is not in the cache ({tmp_path}) and could not be fetched:",
        "  - venus: too hot",
        "  - mars: [Errno 13] Permission denied: '/elsewhere/a.bin'",
        "  - the moon: b.bin is missing",
        "Look up.",
    ]
    assert files(tmp_path) == [".lock"]


@pytest.mark.parametrize("error", [KeyboardInterrupt(), RuntimeError("a bug of ours")])
def test_interruption_leaves_nothing_half_done(tmp_path: Path, error: BaseException) -> None:
    with pytest.raises(type(error)):
        obtain("craters", tmp_path, CHECKSUMS, [Route("the moon", fail(error))], "")
    assert files(tmp_path) == [".lock"]


def test_left_overs_of_a_killed_process_go(tmp_path: Path) -> None:
    (tmp_path / ".fetch-old").mkdir()
    (tmp_path / ".fetch-old" / "a.bin").write_bytes(b"fir")
    obtain("craters", tmp_path, CHECKSUMS, [Route("the moon", bring(CONTENTS))], "")
    assert files(tmp_path) == [".lock", "a.bin", "b.bin", "sources.json"]


def test_a_second_process_waits_and_fetches_nothing(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    calls: list[str] = []
    waiting = threading.Event()
    caplog.handler.addFilter(lambda record: waiting.set() or True)  # the warning is the sign that it waits
    routes = [Route("the moon", bring(CONTENTS, calls))]
    second = threading.Thread(target=obtain, args=("craters", tmp_path, CHECKSUMS, routes, ""))
    with (tmp_path / ".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        second.start()
        assert waiting.wait(timeout=30)
        bring(CONTENTS)(tmp_path)
    second.join(timeout=30)
    assert not second.is_alive()
    assert calls == []
    assert "another process is fetching craters; waiting for it" in caplog.text


@pytest.mark.parametrize(
    ("number", "step"),
    [(errno.ENOSPC, "free space"), (errno.EROFS, "make it writable"), (errno.EACCES, "make it writable")],
)
def test_a_cache_that_cannot_be_written_is_a_disk_error(tmp_path: Path, number: int, step: str) -> None:
    error = OSError(number, "no way", str(tmp_path / "a.bin"))
    with pytest.raises(DiskError, match=rf"cannot write the cache {tmp_path} \(no way\): {step}, or .*SIS_EDGE_CACHE"):
        obtain("craters", tmp_path, CHECKSUMS, [Route("the moon", fail(error))], "")
    assert files(tmp_path) == [".lock"]


def test_a_file_in_the_folders_place_is_a_disk_error(tmp_path: Path) -> None:
    (tmp_path / "cache").write_text("a file")
    with pytest.raises(DiskError, match="cannot write"):
        obtain("craters", tmp_path / "cache" / "craters", CHECKSUMS, [], "")


def test_faults(tmp_path: Path) -> None:
    bring(CONTENTS)(tmp_path)
    assert fault(tmp_path / "a.bin", CHECKSUMS["a.bin"]) is None
    assert fault(tmp_path / "b.bin", CHECKSUMS["b.bin"]) is None
    assert fault(tmp_path / "c.bin", CHECKSUMS["b.bin"]) == "is missing"
    assert fault(tmp_path, CHECKSUMS["b.bin"]) == "cannot be read (Is a directory)"


def test_cache_root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SIS_EDGE_CACHE", str(tmp_path / "named"))
    assert cache_root(tmp_path / "given") == tmp_path / "given"
    assert cache_root() == tmp_path / "named"
    monkeypatch.delenv("SIS_EDGE_CACHE")
    assert cache_root() == Path(platformdirs.user_cache_dir("sis-edge"))


def test_digits_are_read_from_no_folder(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="come with scikit-learn and are read from no folder; leave out --data-dir"):
        datasets.load("digits", data_dir=tmp_path, cache_dir=tmp_path)


def test_data_dir_must_be_a_folder(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=rf"no folder {tmp_path / 'nowhere'}; --data-dir names a folder"):
        datasets.load("cifar10", data_dir=tmp_path / "nowhere", cache_dir=tmp_path)
