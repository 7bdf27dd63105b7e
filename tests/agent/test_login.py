import json
import os
import sys
from pathlib import Path

import pytest

from sis_agent import cli
from sis_agent.commands import Commands
from sis_agent.job import login
from sis_agent.tree import Tree

from .board import FOR_EVER, Board
from .test_state import tool, write

SESSION = {
    "etc/systemd/logind.conf": "KillUserProcesses=yes\n",
    "proc/self/cgroup": "0::/user.slice/user-1.slice/session-4.scope\n",
}


@pytest.fixture
def board(tmp_path: Path) -> Board:
    found = Board(tmp_path / "root", sys.executable)
    found.put_empty_bundle()
    found.put_null_job("j1", rounds=FOR_EVER)
    return found


def run(
    board: Board, sysroot: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> dict[str, object]:
    """Start the job as an ordinary user would, in this very process; returns the answer."""
    monkeypatch.setattr(os, "getuid", lambda: 1)  # daemon, on every Debian
    code = cli.run_command_line(["--root", str(board.root), "--sysroot", str(sysroot), "run", "--job-id", "j1"])
    line = json.loads(capfd.readouterr().out.splitlines()[-1])
    assert (code, line["ok"]) == (0, True), line
    answer: dict[str, object] = line["answer"]
    return answer


def test_a_user_who_lingers_gets_a_scope_of_his_own(
    board: Board, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    write(tmp_path, {**SESSION, "var/lib/systemd/linger/daemon": ""})
    moved = "printf '0::/user.slice/user-1.slice/user@1.service/app.slice/run-u5.scope' > "
    tool(
        tmp_path,
        "systemd-run",
        f"{moved}{tmp_path}/proc/self/cgroup\n"
        f'while [ "$1" != -- ]; do echo "$1" >> {tmp_path}/said; shift; done\nshift\nexec "$@"',
    )
    answer = run(board, tmp_path, monkeypatch, capfd)
    assert (tmp_path / "said").read_text().split() == ["--user", "--scope", "--quiet", "--collect"]
    assert sorted(answer) == ["job_id", "pid"]
    assert board.wait("j1", phase="rounds")["pid"] == answer["pid"]
    assert board.call("cancel", "j1").answer["state"] == "cancelled"


@pytest.mark.parametrize("lacking", ["lingering", "the tool", "a manager that answers"])
def test_else_the_job_runs_and_the_answer_warns(
    board: Board, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str], lacking: str
) -> None:
    write(tmp_path, SESSION)
    if lacking != "lingering":
        write(tmp_path, {"var/lib/systemd/linger/daemon": ""})
    if lacking != "the tool":
        tool(tmp_path, "systemd-run", "echo Failed to connect to bus >&2; exit 1")
    answer = run(board, tmp_path, monkeypatch, capfd)
    assert "enable-linger" in str(answer["warning"])
    assert board.wait("j1", phase="rounds")["state"] == "running"
    assert board.call("cancel", "j1").answer["state"] == "cancelled"


@pytest.mark.parametrize(
    ("files", "expected"),
    [
        ({}, None),
        ({"etc/systemd/logind.conf": "[Login]\n#KillUserProcesses=yes\n"}, None),
        ({"etc/systemd/logind.conf": "[Login]\nKillUserProcesses=yes\n"}, True),
        ({"etc/systemd/logind.conf": "KillUserProcesses = no\n"}, False),
        (
            {
                "etc/systemd/logind.conf": "KillUserProcesses=yes\n",
                "usr/lib/systemd/logind.conf.d/50-keep.conf": "KillUserProcesses=no\n",
            },
            False,
        ),
        (
            {
                "usr/lib/systemd/logind.conf.d/50-x.conf": "KillUserProcesses=no\n",
                "etc/systemd/logind.conf.d/50-x.conf": "KillUserProcesses=1\n",
            },
            True,
        ),
    ],
)
def test_logind_by_its_files(tmp_path: Path, files: dict[str, str], expected: bool | None) -> None:
    write(tmp_path, files)
    assert login.kills_user_processes(Tree(str(tmp_path)), Commands(str(tmp_path))) is expected


def test_logind_itself_knows_better(tmp_path: Path) -> None:
    write(tmp_path, {"etc/systemd/logind.conf": "KillUserProcesses=no\n"})
    tool(tmp_path, "loginctl", "echo KillUserProcesses=yes")
    assert login.kills_user_processes(Tree(str(tmp_path)), Commands(str(tmp_path))) is True


@pytest.mark.parametrize(
    ("cgroup", "uid", "expected"),
    [
        ("0::/user.slice/user-1000.slice/session-4.scope\n", 1000, True),
        ("0::/user.slice/user-1000.slice/session-4.scope\n", 0, False),
        ("0::/user.slice/user-1000.slice/user@1000.service/app.slice/run-u5.scope\n", 1000, False),
        ("0::/system.slice/dropbear.service\n", 1000, False),
    ],
)
def test_only_a_process_of_a_session_ends_with_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, cgroup: str, uid: int, expected: bool
) -> None:
    write(tmp_path, {"etc/systemd/logind.conf": "KillUserProcesses=yes\n", "proc/self/cgroup": cgroup})
    monkeypatch.setattr(os, "getuid", lambda: uid)
    assert login.ends_with_session(Tree(str(tmp_path)), Commands(str(tmp_path))) is expected
