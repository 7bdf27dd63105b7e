import errno
import gzip
import json
import os
from datetime import UTC, datetime, timedelta, timezone

import pytest

from results.factory import stored_run
from sis_edge.errors import DiskError, RecordError
from sis_edge.files.atomic import write_text
from sis_edge.results import store

NOON = datetime(2026, 11, 22, 12, tzinfo=UTC)


def test_names_sort_by_time_whatever_the_zone(tmp_path) -> None:
    later = stored_run(stored_at=NOON.astimezone(timezone(timedelta(hours=-11))), run_id="a")
    earlier = stored_run(stored_at=NOON - timedelta(microseconds=1), run_id="z")
    paths = [store.save(run, tmp_path / "runs") for run in (later, earlier)]
    assert sorted(paths) == [paths[1], paths[0]]
    assert [run.record.run_id for run in store.load_all(tmp_path / "runs").runs] == ["z", "a"]
    assert store.newest(tmp_path / "runs") == later


def test_nothing_is_ever_replaced(tmp_path) -> None:
    run = stored_run()
    assert len({store.save(run, tmp_path) for _ in range(3)}) == 3
    assert all(path.name.endswith(".json.gz") for path in tmp_path.iterdir())


def test_a_hostile_run_id_stays_in_the_folder(tmp_path) -> None:
    path = store.save(stored_run(run_id="../../etc/x y"), tmp_path)
    assert path.parent == tmp_path
    assert store.load(path).record.run_id == "../../etc/x y"


def test_an_unreadable_file_is_a_warning(tmp_path) -> None:
    store.save(stored_run(), tmp_path)
    (tmp_path / "0.json").write_text("{")
    (tmp_path / "notes.txt").write_text("not a run")
    loaded = store.load_all(tmp_path)
    assert len(loaded.runs) == 1
    assert len(loaded.warnings) == 1
    assert "0.json" in loaded.warnings[0]


def test_the_newest_is_never_an_older_one(tmp_path) -> None:
    store.save(stored_run(), tmp_path)
    (tmp_path / "9.json").write_text("{")
    with pytest.raises(RecordError, match=r"9\.json"):
        store.newest(tmp_path)


@pytest.mark.parametrize("read", [store.load_all, store.newest])
def test_an_empty_store_names_the_next_step(tmp_path, read) -> None:
    with pytest.raises(RecordError, match="sis-edge deploy"):
        read(tmp_path / "missing")


def test_a_store_of_damaged_files_only_is_an_error(tmp_path) -> None:
    (tmp_path / "a.json").write_text("[]")
    with pytest.raises(RecordError, match="none of the 1 files"):
        store.load_all(tmp_path)


def test_a_missing_file_is_an_error(tmp_path) -> None:
    with pytest.raises(RecordError, match="No such file"):
        store.load(tmp_path / "a.json")


def test_a_full_disk_leaves_nothing_behind(tmp_path, monkeypatch) -> None:
    def full(_descriptor):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(DiskError, match="No space left"):
        store.save(stored_run(), tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_a_failed_write_keeps_what_was_there(tmp_path) -> None:
    path = tmp_path / "a"
    write_text(path, "old")
    with pytest.raises(UnicodeEncodeError):
        write_text(path, "new \udc80")
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_a_folder_that_is_a_file_is_a_disk_error(tmp_path) -> None:
    (tmp_path / "runs").write_text("")
    with pytest.raises(DiskError, match="runs"):
        store.save(stored_run(), tmp_path / "runs")


def test_a_run_and_its_copies_with_a_meters_energy_count_once() -> None:
    first = stored_run(run_id="first")
    other = first.model_copy(update={"record": first.record._replace(run_id="other", duration_s=99.0)})
    copies = [
        first.model_copy(
            update={"stored_at": first.stored_at + timedelta(hours=hours), "record": first.record._replace(run_id=name)}
        )
        for hours, name in ((2, "first-meter-2"), (1, "first-meter"))
    ]
    runs = [first, *copies, other]
    found = store.each_once(
        ((run.bundle_id, run.record.started_at, run.record.duration_s), run.stored_at, run) for run in runs
    )
    assert [run.record.run_id for run in found] == ["other", "first-meter-2"]


def test_a_run_is_stored_compressed_and_plain_ones_of_before_are_read_in_their_order(tmp_path) -> None:
    runs = [stored_run(run_id=name, stored_at=NOON + timedelta(hours=hour)) for hour, name in enumerate("abc")]
    paths = [store.save(run, tmp_path) for run in runs]
    assert json.loads(gzip.decompress(paths[0].read_bytes()))["record"]["run_id"] == "a"
    assert paths[0].stat().st_size < len(runs[0].to_json()) / 2
    plain = paths[1].with_name(paths[1].name.removesuffix(".gz"))
    plain.write_bytes(gzip.decompress(paths[1].read_bytes()))
    paths[1].unlink()
    loaded = store.load_all(tmp_path)
    assert loaded.files == (paths[0], plain, paths[2])
    assert loaded.runs == tuple(runs)


@pytest.mark.parametrize(
    ("data", "fault"),
    [
        (gzip.compress(b"{}" * 999)[:-9], "not a whole gzip file"),
        (gzip.compress(b"{}")[:10] + b"\xff" * 40, "not a whole gzip file"),
        (gzip.compress(b"{}")[:-8] + b"\0" * 8, "not a whole gzip file"),
        (gzip.compress(b"[]"), "it holds a list"),
        (gzip.compress(gzip.compress(b"{}")), "not JSON"),
        (gzip.compress(b" " * 2_000_000), "holds more than 1 MB"),
    ],
    ids=["cut", "garbage", "wrong checksum", "a list", "twice", "too long"],
)
def test_a_damaged_compressed_file_is_a_sentence(tmp_path, monkeypatch, data, fault) -> None:
    monkeypatch.setattr(store, "MOST_BYTES", 1_000_000)
    (tmp_path / "a.json.gz").write_bytes(data)
    with pytest.raises(RecordError, match=fault) as caught:
        store.load(tmp_path / "a.json.gz")
    assert str(tmp_path / "a.json.gz") in str(caught.value)
