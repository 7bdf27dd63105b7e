import ast
import os
import stat
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

import sis_agent
from sis_edge.board import agent_archive
from sis_edge.board.agent_archive import build
from sis_edge.errors import DiskError

pytestmark = pytest.mark.usefixtures("agent_as_sent")


def test_the_same_source_gives_the_same_bytes(tmp_path: Path) -> None:
    first, second = build(tmp_path / "one"), build(tmp_path / "two")
    assert first.hash12 == second.hash12
    assert first.path.name == f"sis_agent-{first.hash12}.pyz"
    assert first.path.read_bytes() == second.path.read_bytes()
    assert first.path.stat().st_size <= 200_000
    assert stat.S_IMODE(first.path.stat().st_mode) == 0o755
    assert not list(tmp_path.rglob("*.part"))


def test_another_process_with_another_hash_seed_agrees(tmp_path: Path) -> None:
    code = (
        "import os, sys, pathlib; os.umask(0o077); from sis_edge.board.agent_archive import build\n"
        "print(build(pathlib.Path(sys.argv[1])).hash12)"
    )
    environment = dict(os.environ, PYTHONHASHSEED="7", TZ="Asia/Tokyo", LC_ALL="C")
    words = [sys.executable, "-c", code, str(tmp_path / "there")]
    done = subprocess.run(words, env=environment, capture_output=True, text=True, check=True)
    here = build(tmp_path / "here")
    assert done.stdout.strip() == here.hash12
    assert (tmp_path / "there" / here.path.name).read_bytes() == here.path.read_bytes()


def test_the_archive_holds_the_package_and_nothing_else(tmp_path: Path) -> None:
    archive = build(tmp_path)
    assert archive.path.read_bytes().startswith(b"#!/usr/bin/env python3\n")
    source = Path(sis_agent.__file__).parent
    expected = {path.relative_to(source.parent).as_posix() for path in source.rglob("*.py")}
    with zipfile.ZipFile(archive.path) as file:
        assert file.testzip() is None
        assert set(file.namelist()) == expected | {"__main__.py", "sis_agent/build_id.txt"}
        assert file.namelist() == sorted(file.namelist())
        assert {info.date_time for info in file.infolist()} == {(1980, 1, 1, 0, 0, 0)}
        assert file.read("sis_agent/build_id.txt").decode().strip() == archive.hash12


def test_what_is_sent_is_the_source_line_by_line_without_its_docstrings() -> None:
    """So a traceback of a board fits the source that is here."""
    sent = agent_archive._members()
    for path in Path(sis_agent.__file__).parent.rglob("*.py"):
        source = path.read_text()
        program = sent[path.relative_to(Path(sis_agent.__file__).parent.parent).as_posix()].decode()
        assert program.count("\n") == source.count("\n")
        whole, stripped = ast.parse(source), ast.parse(program)
        for node in ast.walk(stripped):
            if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef):
                assert not ast.get_docstring(node)
        for node in ast.walk(whole):
            if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef) and ast.get_docstring(node) is not None:
                first = node.body[0]
                assert isinstance(first, ast.Expr)
                first.value = ast.Constant("")
        assert ast.dump(whole) == ast.dump(stripped)
        assert [node.lineno for node in ast.walk(whole) if isinstance(node, ast.stmt)] == [
            node.lineno for node in ast.walk(stripped) if isinstance(node, ast.stmt)
        ]


def test_any_change_gives_another_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    members = agent_archive._members()
    seen = {agent_archive._hash12(members)}
    name = "sis_agent/cli.py"
    for changed in (
        {**members, name: members[name] + b"\n"},
        {**members, "sis_agent/more.py": b""},
        {key: value for key, value in members.items() if key != name},
        {("sis_agent/cli2.py" if key == name else key): value for key, value in members.items()},
    ):
        seen.add(agent_archive._hash12(changed))
    assert len(seen) == 5


def test_a_damaged_archive_is_written_again(tmp_path: Path) -> None:
    archive = build(tmp_path)
    whole = archive.path.read_bytes()
    archive.path.write_bytes(whole[:100])
    assert build(tmp_path).path.read_bytes() == whole


def test_a_folder_that_cannot_be_written_is_a_sentence(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(DiskError, match="cannot write the agent to"):
        build(tmp_path / "file" / "agents")
