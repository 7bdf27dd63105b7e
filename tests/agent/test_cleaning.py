"""What `clean` takes and what it leaves: by kind, age and size, beside jobs that run or wait, and a push."""

import json
import os
import time
from pathlib import Path
from typing import Any

import pytest

from sis_agent import lock, schema
from sis_agent.job import claim, queue, storage
from sis_agent.job.folder import JobFolder, State
from sis_agent.job.storage import Cleaning, clean

from .test_job_json import valid

DAY_S = 86400.0


def put(root: Path, name: str, size_bytes: int = 10, age_s: float = 0.0) -> Path:
    path = root / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"." * size_bytes)
    age(path.parent if path.parent.parent != root else path, age_s)
    return path


def age(path: Path, age_s: float) -> None:
    """Make everything below a path so old."""
    for each in [*path.rglob("*"), path]:
        os.utime(each, (time.time() - age_s,) * 2)


def put_job(root: Path, name: str, bundle_id: str, age_s: float = 0.0, **state: Any) -> JobFolder:
    folder = JobFolder(str(root), name)
    Path(folder.path).mkdir(parents=True)
    Path(folder.file("job.json")).write_text(json.dumps(dict(valid(), bundle_id=bundle_id)))
    folder.write_state(State(**{"state": schema.DONE, **state}))
    age(Path(folder.path), age_s)
    return folder


def names(found: dict[str, Any]) -> list[str]:
    return [f"{each['kind']}/{each['name']}" for each in found["entries"]]


@pytest.mark.parametrize(
    ("cleaning", "expected"),
    [
        (Cleaning(), ["bundles/new", "bundles/old", "engines/e", "wheels/cp311", "wheels/w.whl", "calibrations/c"]),
        (Cleaning(kinds=["engines", "wheels"]), ["engines/e", "wheels/cp311", "wheels/w.whl"]),
        (Cleaning(older_than_s=3 * DAY_S), ["bundles/old", "engines/e"]),
        (Cleaning(larger_than_bytes=500), ["bundles/new", "engines/e"]),
        (Cleaning(older_than_s=3 * DAY_S, larger_than_bytes=500), ["engines/e"]),
        (Cleaning(kinds=["jobs"]), []),
    ],
    ids=["all", "kinds", "old", "large", "old and large", "none"],
)
def test_kinds_age_and_size(tmp_path: Path, cleaning: Cleaning, expected: list[str]) -> None:
    put(tmp_path, "bundles/new/model", 1000)
    put(tmp_path, "bundles/old/model", 20, 5 * DAY_S)
    put(tmp_path, "engines/e", 2000, 4 * DAY_S)
    put(tmp_path, "site/cp311/numpy", 30)
    put(tmp_path, "wheels/w.whl", 30)
    put(tmp_path, "calibration/c/probes", 30)
    shown = clean(str(tmp_path), cleaning, dry_run=True)
    assert names(shown) == expected
    assert len([path for path in tmp_path.rglob("*") if path.is_file() and path.name != "lock"]) == 6
    done = clean(str(tmp_path), cleaning._replace(as_of_s=shown["as_of_s"]))
    assert (names(done), done["failed"]) == (expected, [])
    assert done["freed_bytes"] == shown["freed_bytes"] == sum(each["size_bytes"] for each in done["entries"])
    assert names(clean(str(tmp_path), cleaning, dry_run=True)) == []


def test_what_changed_since_it_was_shown_stays(tmp_path: Path) -> None:
    put(tmp_path, "engines/a", age_s=60)
    put(tmp_path, "engines/b", age_s=60)
    as_of_s = clean(str(tmp_path), dry_run=True)["as_of_s"] - 30
    put(tmp_path, "engines/b")
    put(tmp_path, "engines/future", age_s=-DAY_S)  # a clock that was set back
    assert names(clean(str(tmp_path), Cleaning(as_of_s=as_of_s))) == ["engines/a", "engines/future"]
    assert names(clean(str(tmp_path))) == ["engines/b"]


def test_a_bundle_is_as_old_as_its_last_job(tmp_path: Path) -> None:
    for name in ("used", "unused"):
        put(tmp_path, f"bundles/{name}/model", age_s=50 * DAY_S)
    put_job(tmp_path, "j1", "used", DAY_S)
    old = Cleaning(kinds=["bundles"], older_than_s=30 * DAY_S)
    assert names(clean(str(tmp_path), old)) == ["bundles/unused"]


def test_the_record_of_a_removed_bundle_keeps_its_manifest(tmp_path: Path) -> None:
    put(tmp_path, "bundles/b1/manifest.json", 77)
    put(tmp_path, "bundles/b2/manifest.json", 78)
    job = put_job(tmp_path, "j1", "b1")
    Path(job.file("record.json")).write_text("{}")
    without = put_job(tmp_path, "j2", "b1")
    clean(str(tmp_path), Cleaning(kinds=["bundles"]))
    assert not list((tmp_path / "bundles").iterdir())
    assert Path(job.file("manifest.json")).stat().st_size == 77
    assert not Path(without.file("manifest.json")).exists()


def test_what_a_waiting_job_or_a_push_needs_stays(tmp_path: Path) -> None:
    root = str(tmp_path)
    for name in ("waits", "pushed", "idle"):
        put(tmp_path, f"bundles/{name}/model")
    put(tmp_path, "engines/e")
    put_job(tmp_path, "j1", "waits", state=schema.QUEUED)
    put_job(tmp_path, "j2", "idle")
    mine = queue.enter(root, "j1")
    claim.claim(root, "pushed", "me")
    found = clean(root)
    assert (names(found), found["waiting"]) == (["jobs/j2", "bundles/idle"], ["j1"])
    queue.leave(root, mine)
    claim.release(root, "pushed", "me")
    assert names(clean(root)) == ["jobs/j1", "bundles/pushed", "bundles/waits", "engines/e"]


def test_images_that_are_classified_keep_every_bundle(tmp_path: Path) -> None:
    put(tmp_path, "bundles/b/model")
    mine = lock.acquire(str(tmp_path), "inference")
    assert names(clean(str(tmp_path))) == []
    lock.release(str(tmp_path), mine)


def test_what_cannot_be_removed_is_named_and_the_rest_goes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    put(tmp_path, "engines/a")
    put(tmp_path, "engines/b")
    real = os.remove

    def refuse(path: str) -> None:
        if path.endswith("engines/a"):
            raise PermissionError(13, "Permission denied", path)
        real(path)

    monkeypatch.setattr(storage.os, "remove", refuse)
    found = clean(str(tmp_path))
    assert names(found) == ["engines/b"]
    assert found["failed"] == [{"kind": "engines", "name": "a", "why": "Permission denied"}]


def test_links_are_removed_and_not_followed(tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    put(tmp_path, "elsewhere/precious/file", 10**6)
    (tmp_path / "root/bundles").mkdir(parents=True)
    (tmp_path / "root/bundles/link").symlink_to(tmp_path / "elsewhere")
    found = clean(str(tmp_path / "root"))
    assert names(found) == ["bundles/link"]
    assert found["freed_bytes"] < 1000
    assert (tmp_path / "elsewhere/precious/file").exists()


def test_a_second_push_of_a_bundle_waits_for_the_first(tmp_path: Path) -> None:
    root, now_s = str(tmp_path), time.time()
    assert claim.claim(root, "b1", "first", now_s)["held"]
    assert not claim.claim(root, "b1", "second", now_s + 1)["held"]
    assert claim.claim(root, "b1", "first", now_s + 2)["held"]
    assert claim.claim(root, "b2", "second", now_s + 2)["held"]
    assert not claim.release(root, "b1", "second")["held"]
    assert claim.pushed(root) == ["b1", "b2"]
    claim.release(root, "b1", "first")
    assert claim.claim(root, "b1", "second", now_s + 3)["held"]


def test_a_push_whose_host_is_gone_does_not_lock_the_bundle(tmp_path: Path) -> None:
    """It holds as long as files come, however long that takes, and no longer."""
    root, now_s = str(tmp_path), time.time()
    claim.claim(root, "b1", "first", now_s - 1000)
    put(tmp_path, "bundles/b1/model.part", age_s=claim.QUIET_S - 10)
    refused = claim.claim(root, "b1", "second", now_s)
    assert not refused["held"]
    assert claim.QUIET_S - 11 < refused["quiet_s"] < claim.QUIET_S
    age(tmp_path / "bundles/b1", claim.QUIET_S + 1)
    assert claim.pushed(root) == []
    assert claim.claim(root, "b1", "second", now_s)["held"]


@pytest.mark.parametrize(
    "content",
    [
        "",
        "{",
        "[1]",
        '{"b1": 1}',
        '{"b1": {"token": 1, "at_s": 1}}',
        '{"b1": {"token": "x", "at_s": 1e11}}',
        '{"../x": {}}',
    ],
)
def test_damaged_claims_are_none(tmp_path: Path, content: str) -> None:
    (tmp_path / claim.PUSHES).write_text(content)
    assert claim.pushed(str(tmp_path)) == []
    assert claim.claim(str(tmp_path), "b1", "me")["held"]
