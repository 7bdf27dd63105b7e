"""What the agent reports of a board's state: who works there, and what its ONNX Runtime does."""

import json
import os
import platform
import shutil
import subprocess
import sys
from pathlib import Path

import onnx
import pytest

from sis_agent import examination, lock
from sis_agent.board import processes
from sis_agent.runners import nchwc
from sis_agent.schema import Examination
from sis_agent.tree import Tree

STAT = "{} ({}) S 1 1 1 0 -1 4194304 0 0 0 0 {} {} 0 0 20 0 1 0 100 0 0\n"


def tree_of(root: Path, ticks: dict[int, tuple[str, int, int]]) -> Tree:
    for pid, (name, user, system) in ticks.items():
        (root / f"proc/{pid}").mkdir(parents=True, exist_ok=True)
        (root / f"proc/{pid}/stat").write_text(STAT.format(pid, name, user, system))
    return Tree(str(root))


def test_the_busiest_programs_come_first_and_this_one_is_left_out(tmp_path: Path) -> None:
    hertz = os.sysconf("SC_CLK_TCK")
    own = os.getpid()
    before = processes.look(tree_of(tmp_path, {7: ("idle", 5, 5), 8: ("odd) name (", 0, 0), own: ("agent", 0, 0)}))
    now = {7: ("idle", 5, 5), 8: ("odd) name (", hertz, hertz), 9: ("new", hertz // 2, 0), own: ("agent", hertz, 0)}
    tree = tree_of(tmp_path, now)
    found = processes.busiest(tree, before, processes.look(tree), passed_s=2.0)
    assert [(each.name, each.pid, each.cores) for each in found] == [("odd) name (", 8, 1.0), ("new", 9, 0.25)]


def test_a_program_that_has_ended_is_not_among_the_busiest(tmp_path: Path) -> None:
    """The doctor says which to end: by then the number of one that is gone may be another's."""
    before = processes.look(tree_of(tmp_path, {7: ("gone", 0, 0), 8: ("there", 0, 0)}))
    after = processes.look(tree_of(tmp_path, {7: ("gone", 90, 0), 8: ("there", 50, 0)}))
    shutil.rmtree(tmp_path / "proc" / "7")
    found = processes.busiest(Tree(str(tmp_path)), before, after, passed_s=1.0, most=1)
    assert [each.pid for each in found] == [8]


@pytest.mark.skipif(os.geteuid() != 0, reason="only root gives files away")
def test_another_user_s_agent_is_seen(tmp_path: Path) -> None:
    tree = tree_of(tmp_path, {7: ("python3", 0, 0), 8: ("python3", 0, 0), 9: ("python3", 0, 0)})
    for pid, words in ((7, "sis_agent-0123.pyz\0run"), (8, "sis_agent-0123.pyz\0run"), (9, "server.py")):
        (tmp_path / f"proc/{pid}/cmdline").write_text(f"python3\0{words}")
    for pid in (7, 9):
        os.chown(tmp_path / f"proc/{pid}", 12345, 12345)
    found = processes.agents_of_others(tree, processes.look(tree))
    assert [(each.pid, each.user) for each in found] == [(7, "user 12345")]


def test_a_recorded_board(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(examination, "WATCHED_S", 0.01)
    monkeypatch.setattr(nchwc, "blocked", lambda root: (None, "not tried"))
    tree_of(tmp_path / "sysroot", {7: ("idle", 5, 5)})
    (tmp_path / "sysroot/proc/meminfo").write_text("MemAvailable: 1000 kB\nSwapTotal: 10 kB\nSwapFree: 4 kB\n")
    root = tmp_path / "root"
    root.mkdir()
    (root / "clocks.json").write_text("{}")
    found = examination.examine(str(root), str(tmp_path / "sysroot"))
    assert isinstance(found, Examination)
    assert (found.state.memory_available_bytes, found.state.swap_used_bytes) == (1024000, 6144)
    assert (found.measuring, found.owes_clocks, found.blocked_reason) == (None, True, "not tried")


def test_beside_a_job_nothing_is_tried(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(examination, "WATCHED_S", 0.01)
    monkeypatch.setattr(nchwc, "blocked", lambda root: pytest.fail("it was tried"))
    mine = lock.acquire(str(tmp_path), "a-job")
    found = examination.examine(str(tmp_path))
    lock.release(str(tmp_path), mine)
    assert (found.measuring, found.blocked) == ("a-job", None)
    assert "beside" in str(found.blocked_reason)


def test_the_network_of_one_convolution_is_sound() -> None:
    model = onnx.load_from_string(nchwc.convolution())
    onnx.checker.check_model(model, full_check=True)
    assert [node.op_type for node in model.graph.node] == ["Conv"]


@pytest.mark.skipif(platform.machine() != "x86_64", reason="ONNX Runtime has blocks of channels on every x86-64")
def test_blocks_of_channels_are_seen(tmp_path: Path) -> None:
    assert nchwc.blocked(str(tmp_path)) == (True, None)


def test_an_onnxruntime_that_cannot_optimise_is_unknown(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(nchwc.child, "command", lambda module: [sys.executable, "-c", "import os; os.abort()"])
    monkeypatch.setattr(nchwc.importing, "problem", lambda modules, root: None)
    answer, reason = nchwc.blocked(str(tmp_path))
    assert answer is None
    assert "SIGABRT" in str(reason)


def test_the_command_answers(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "sis_agent", "--root", str(tmp_path), "--sysroot", str(tmp_path / "none"), "examine"],
        capture_output=True,
        text=True,
        check=True,
    )
    answer = json.loads(done.stdout)
    assert answer["cpu_s"] > 0
    assert set(answer["answer"]) == set(Examination._fields)
