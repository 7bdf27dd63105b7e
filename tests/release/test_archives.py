"""The wheel and the source archive are the same bytes, wherever and whenever they are built."""

import hashlib
import os
import shutil
import subprocess
import sys
import tarfile
from pathlib import Path

import pytest

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[2]
WHEN_S = 1_750_000_000


def tree(folder: Path, mtime_s: int) -> Path:
    """A copy of what git has, in a folder and with times of its own."""
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, check=True).stdout
    for name in sorted(listed.decode().split("\0"), reverse=mtime_s % 2 == 1):
        if name and (ROOT / name).is_file():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(ROOT / name, folder / name)
            os.utime(folder / name, (mtime_s, mtime_s))
    return folder


def build(source: Path, target: Path, *options: str, umask: int) -> dict[str, str]:
    """Build; the name and SHA-256 of each archive."""
    command = [sys.executable, "-m", "build", "--no-isolation", *options, "--outdir", str(target), str(source)]
    environment = {**os.environ, "SOURCE_DATE_EPOCH": str(WHEN_S), "PYTHONDONTWRITEBYTECODE": "1"}
    done = subprocess.run(command, env=environment, umask=umask, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    return {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in sorted(target.iterdir())}


def test_two_builds_are_the_same_bytes(tmp_path: Path) -> None:
    """One builds the wheel from the source archive, the other from the tree, with other times, order and umask."""
    first = build(tree(tmp_path / "one", 1_600_000_000), tmp_path / "first", umask=0o022)
    second = build(tree(tmp_path / "another", 1_700_000_001), tmp_path / "second", "--sdist", "--wheel", umask=0o077)
    assert sorted(Path(name).suffix for name in first) == [".gz", ".whl"]
    assert first == second
    (archive,) = (tmp_path / "first").glob("*.tar.gz")
    with tarfile.open(archive) as members:
        assert {member.mtime for member in members} == {WHEN_S}, "`make wheel` in it reads its time from there"
        names = {member.name.partition("/")[2] for member in members}
    assert {"Makefile", "requirements/base.txt", "tests/release/test_archives.py", ".ci/run", "LICENSE"} <= names
    assert not [name for name in names if name.endswith(".pyc")]
