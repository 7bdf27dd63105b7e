"""`sis-edge deploy --job`: the record of an earlier job goes to the bundle that it measured, however old that is."""

import os
import re
import shutil
from pathlib import Path

from command import sis_edge
from tiny_bundle import tiny_bundle

from sis_edge import profiles
from sis_edge.bundles.manifest import MANIFEST
from sis_edge.results import store

from .test_bench import SHORT


def test_a_job_whose_bundle_is_not_the_newest(tmp_path: Path) -> None:
    first = tiny_bundle(tmp_path / "build/first")
    text = profiles.find("local").read_text(encoding="utf-8")
    (tmp_path / "short.toml").write_text(re.sub(r"\[measuring\]\n[^\[]*", SHORT, text), encoding="utf-8")
    own = {"XDG_DATA_HOME": str(tmp_path / "data")}
    words = ("deploy", "--profile", "short.toml")
    done = sis_edge(*words, "--runs-dir", "before", cwd=tmp_path, **own)
    assert done.returncode == 0, done.stderr
    (before,) = store.load_all(tmp_path / "before").runs
    job = before.record.run_id

    second = tiny_bundle(tmp_path / "build/second", padding_bytes=100)
    newest = second.path / MANIFEST
    os.utime(newest, (newest.stat().st_atime, newest.stat().st_mtime + 60))
    done = sis_edge(*words, "--job", job, cwd=tmp_path, **own)
    assert done.returncode == 0, done.stderr
    (found,) = store.load_all(tmp_path / "runs").runs
    assert (found.bundle_id, found.manifest.name, found.record) == (first.id, "first", before.record)

    named = sis_edge(*words, "--job", job, "--bundle", "build/second", "--runs-dir", "no", cwd=tmp_path, **own)
    shutil.rmtree(first.path)
    gone = sis_edge(*words, "--job", job, "--runs-dir", "no", cwd=tmp_path, **own)
    for done in (named, gone):
        assert done.returncode == 4
        assert f"measured bundle {first.id}, and here is build/second ({second.id})" in " ".join(done.stderr.split())
    assert not (tmp_path / "no").exists()
