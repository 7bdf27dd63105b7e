"""Jobs of a board over a real SSH server: seen, followed and fetched by somebody who has nothing but their ids."""

import hashlib
import shutil
import time
from pathlib import Path

import pytest
from agent.board import FOR_EVER, Board, null_job
from sshd import Server
from tiny_bundle import tiny_bundle, tiny_profile

from sis_agent.schema import CANCELLED, DONE
from sis_edge.board import cleaning, jobs_on_board
from sis_edge.board.measure import collect
from sis_edge.board.patience import Patience
from sis_edge.board.started import StartedJob
from sis_edge.bundles.manifest import MANIFEST
from sis_edge.bundles.verify import Bundle
from sis_edge.errors import BoardError, BundleError
from sis_edge.transport import LocalTransport

QUICK = Patience(first_pause_s=0.01, longest_pause_s=0.02, poll_s=0.01)


def put_bundle(root: Path, bundle: Bundle) -> None:
    """What the null runner needs of it, and its manifest."""
    Board(root, "python3").put_empty_bundle(bundle.id)
    shutil.copy(bundle.path / MANIFEST, root / "bundles" / bundle.id / MANIFEST)


@pytest.mark.fault("job fetched from elsewhere, without its bundle", "its run is stored")
def test_jobs_over_ssh(server: Server, tmp_path: Path) -> None:
    bundle = tiny_bundle(tmp_path / "build/tiny")
    put_bundle(server.home / ".sis-edge", bundle)
    transport = server.transport()
    at = jobs_on_board.session(transport, tiny_profile(), patience=QUICK)
    assert jobs_on_board.jobs(at).jobs == []
    job = null_job(("dense", "sparse"), bundle_id=bundle.id)
    first = StartedJob(at, "first").start(job._replace(rounds=FOR_EVER))
    second = StartedJob(at, "second").start(job)
    assert (first.state, second.state, second.behind) == ("running", "queued", "first")
    (server.home / ".sis-edge/jobs/odd").mkdir()
    found = jobs_on_board.jobs(at)
    assert [(each.job_id, each.state, each.behind) for each in found.jobs] == [
        ("first", "running", None),
        ("second", "queued", "first"),
    ]
    assert [each.name for each in found.damaged] == ["odd"]
    assert jobs_on_board.cancel(at, "first") == CANCELLED
    with (server.home / ".sis-edge/jobs/first/log.txt").open("a") as log:
        log.write("one\n" + "x" * 70_000 + "\nlast")
    lines = [line for piece in jobs_on_board.log(at, "first") for line in piece.lines]
    assert (lines[-1], lines.count("one"), sum(map(len, lines)) > 70_000) == ("last", 1, True)

    # Somebody else, on another machine, without the bundle.
    stored = collect("second", [], transport, tiny_profile(), tmp_path / "runs", is_profile_named=False, patience=QUICK)
    assert (stored.run.bundle_id, stored.run.manifest) == (bundle.id, bundle.manifest)
    assert (stored.run.profile, stored.run.profile_verified) == ("tiny", None)
    with pytest.raises(BoardError, match="no job 'third' on this board"):
        jobs_on_board.jobs(at, "third")
    transport.close()


def test_a_run_without_its_bundle_on_the_board(tmp_path: Path) -> None:
    """The bundle is cleaned away, and with it goes the manifest where no record needs it."""
    bundle = tiny_bundle(tmp_path / "build/tiny")
    root = tmp_path / ".sis-edge"
    put_bundle(root, bundle)
    transport = LocalTransport(tmp_path)
    at = jobs_on_board.session(transport, tiny_profile(), patience=QUICK)
    StartedJob(at, "j1").measure(null_job(("dense", "sparse"), bundle_id=bundle.id))
    shown = cleaning.clean(at, ["bundles"])
    assert [(each.kind, each.name) for each in shown.entries] == [("bundles", bundle.id)]
    assert (root / "bundles" / bundle.id).exists()
    assert cleaning.clean(at, ["bundles"], shown=shown).freed_bytes == shown.freed_bytes
    assert not (root / "bundles" / bundle.id).exists()
    stored = collect("j1", [], transport, tiny_profile(), tmp_path / "runs", patience=QUICK)
    assert stored.run.manifest == bundle.manifest

    manifest = root / "jobs/j1" / MANIFEST
    manifest.write_text(manifest.read_text() + " ")  # another file than the one whose hash is the bundle's id
    with pytest.raises(BundleError, match=r"here is no bundle at all; .* the record is kept in .*unreadable/j1\.json"):
        collect("j1", [], transport, tiny_profile(), tmp_path / "later", patience=QUICK)
    assert (tmp_path / "later/unreadable/j1.json").exists()
    data = jobs_on_board.record_bytes(at, "j1")
    assert hashlib.sha256(data).digest() == hashlib.sha256((root / "jobs/j1/record.json").read_bytes()).digest()


def test_a_log_is_followed_until_the_job_ends(tmp_path: Path) -> None:
    here = Board(tmp_path / ".sis-edge", "python3")
    here.put_empty_bundle()
    naps: list[float] = []

    def sleep(pause_s: float) -> None:
        naps.append(pause_s)
        with (here.root / "jobs/j1/log.txt").open("a") as log:
            log.write(f"line {len(naps)}\n")
        if len(naps) == 2:
            jobs_on_board.cancel(at, "j1")

    at = jobs_on_board.session(LocalTransport(tmp_path), tiny_profile(), patience=Patience(sleep=sleep))
    StartedJob(at, "j1").start(null_job(rounds=FOR_EVER))
    pieces = list(jobs_on_board.log(at, "j1", follow=True))
    lines = [line for piece in pieces for line in piece.lines]
    assert [line for line in lines if line.startswith("line ")] == ["line 1", "line 2"]
    assert (pieces[-1].state, len(naps)) == (CANCELLED, 2)


def test_ages_are_the_boards(tmp_path: Path) -> None:
    here = Board(tmp_path / ".sis-edge", "python3")
    here.put_null_job("j1")
    at = jobs_on_board.session(LocalTransport(tmp_path), tiny_profile(), patience=QUICK)
    (job,) = jobs_on_board.jobs(at).jobs
    assert 0 <= job.idle_s < time.time() - (here.root / "jobs/j1/job.json").stat().st_mtime + 1
    assert job.state != DONE
