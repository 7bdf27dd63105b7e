"""Which file holds: the nearest one within a project, and none of another user's."""

import os
from pathlib import Path

import pytest

from sis_edge.config import FILE, find
from sis_edge.errors import UsageError


def project(root: Path) -> Path:
    """A folder in a repository, in a home."""
    inner = root / "home" / "work" / "project" / "src" / "deep"
    inner.mkdir(parents=True)
    (root / "home" / "work" / "project" / ".git").mkdir()
    return inner


@pytest.mark.parametrize(
    ("files", "found"),
    [
        (["project/src/deep", "project/src"], "project/src/deep"),
        (["project/src", "project"], "project/src"),
        (["project"], "project"),
        (["."], None),  # above the root of the repository
        ([], None),
    ],
)
def test_the_nearest_file_of_the_repository(files: list[str], found: str | None, tmp_path: Path) -> None:
    deep = project(tmp_path)
    work = tmp_path / "home" / "work"
    for folder in files:
        (work / folder / FILE).touch()
    assert find(deep, tmp_path / "home") == (None if found is None else work / found / FILE)


def test_without_a_repository_up_to_home(tmp_path: Path) -> None:
    home = tmp_path / "home"
    (home / "a" / "b").mkdir(parents=True)
    (tmp_path / FILE).touch()
    assert find(home / "a" / "b", home) is None
    (home / FILE).touch()
    assert find(home / "a" / "b", home) == home / FILE
    (tmp_path / "elsewhere").mkdir()
    assert find(tmp_path / "elsewhere", home) == tmp_path / FILE, "a folder that is not in home"


def test_a_folder_of_that_name_is_no_file(tmp_path: Path) -> None:
    (tmp_path / ".git").touch()  # as in a worktree
    (tmp_path / FILE).mkdir()
    assert find(tmp_path, tmp_path) is None


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give files to others")
def test_a_file_of_another_user_is_not_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    inner = tmp_path / "shared" / "mine"
    inner.mkdir(parents=True)
    (tmp_path / "shared" / FILE).touch()
    os.chown(tmp_path / "shared" / FILE, 4321, -1)
    with pytest.raises(
        UsageError, match=r"belongs to another user \(id 4321\) and is not read; if you trust it, name it"
    ):
        find(inner, tmp_path)
    os.chown(inner, 4321, -1)  # a checkout of somebody else's, such as one that is mounted into a container
    assert find(inner, tmp_path) == tmp_path / "shared" / FILE
    os.chown(inner, 0, -1)
    monkeypatch.setattr(os, "geteuid", lambda: 4321)
    assert find(inner, tmp_path) == tmp_path / "shared" / FILE
