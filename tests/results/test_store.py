import errno
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
    assert [path.suffix for path in tmp_path.iterdir()] == [".json"] * 3


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
    found = store.each_once([first, *copies, other])
    assert [run.record.run_id for run in found] == ["other", "first-meter-2"]
