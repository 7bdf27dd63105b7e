"""Boards that are in a bad way: no room, no right to write, no memory, no more processes, a clock that is wrong."""

import contextlib
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from sshd import Server, serve
from tiny_bundle import tiny_bundle, tiny_profile

from faults.dropbear import serve_dropbear
from faults.link import assert_clean
from sis_edge.board.deploy import deploy
from sis_edge.board.patience import Patience
from sis_edge.errors import BoardError, SisEdgeError
from sis_edge.profiles import AgentSettings

QUICK = Patience(lost_s=1.0, first_pause_s=0.05, longest_pause_s=0.2, poll_s=0.05)

# A user of nobody's, for what root is exempt from.
SOMEBODY = 54321


@pytest.fixture(autouse=True)
def no_agent(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SSH_AUTH_SOCK", raising=False)


@contextlib.contextmanager
def mounted(folder: Path, options: str) -> Iterator[Path]:
    """A disk at this folder, as root only can mount one."""
    folder.mkdir(parents=True)
    done = subprocess.run(["mount", "-t", "tmpfs", "-o", options, "tmpfs", str(folder)], capture_output=True)
    if done.returncode:
        pytest.skip("a disk can only be mounted as root")
    try:
        yield folder
    finally:
        subprocess.run(["umount", "-l", str(folder)], check=True)


def refused(server: Server, tmp_path: Path) -> str:
    """The one sentence of a deployment that this board cannot do."""
    transport = server.transport()
    with pytest.raises(SisEdgeError) as caught:
        deploy(tiny_bundle(tmp_path / "bundle"), transport, tiny_profile(), patience=QUICK)
    transport.close()
    assert_clean(server.home)
    sentence = str(caught.value)
    assert "\n" not in sentence
    assert "Traceback" not in sentence
    return sentence


@pytest.mark.fault("home is read-only", "one sentence that names the folder")
def test_a_home_that_is_read_only(tmp_path: Path) -> None:
    with mounted(tmp_path / "home", "size=4m,ro") as home, serve(tmp_path / "sshd", home=home) as server:
        assert "read-only" in refused(server, tmp_path).lower()


@pytest.mark.fault("home is full from the start", "one sentence; nothing half-written")
def test_a_home_that_is_full(tmp_path: Path) -> None:
    with mounted(tmp_path / "home", "size=64k") as home, serve(tmp_path / "sshd", home=home) as server:
        assert "no space" in refused(server, tmp_path).lower()


@pytest.mark.slow
@pytest.mark.fault("clock is off by a year", "measured as ever")
def test_a_clock_that_is_off_by_a_year(server: Server, tmp_path: Path) -> None:
    """Its files are dated in the future, which nothing may depend on."""
    (tmp_path / "clock").mkdir()
    (tmp_path / "clock/sitecustomize.py").write_text(
        "import time\nnow, gm = time.time, time.gmtime\n"
        "time.time = lambda: now() + 365 * 86400\n"
        "time.gmtime = lambda seconds=None: gm(time.time() if seconds is None else seconds)\n"
    )
    python = tmp_path / "python"
    python.write_text(f'#!/bin/sh\nPYTHONPATH={tmp_path}/clock exec {sys.executable} "$@"\n')
    python.chmod(0o755)
    profile = tiny_profile().model_copy(update={"agent": AgentSettings(python=str(python))})
    transport = server.transport()
    bundle = tiny_bundle(tmp_path / "bundle")
    for _ in range(2):  # the second finds what the first left
        record = deploy(bundle, transport, profile, patience=QUICK)
        assert record.problem is None
    transport.close()
    assert_clean(server.home)


@pytest.mark.fault("out of memory", "that network's problem, or one sentence")
def test_a_board_without_memory(tmp_path: Path) -> None:
    """Address space for Python, and not for a runtime with its networks."""
    with serve(tmp_path / "sshd", start_up="ulimit -v 100000") as server:
        assert refused(server, tmp_path)


@pytest.mark.fault("process table is full", "one sentence")
def test_a_full_process_table(tmp_path: Path) -> None:
    if os.geteuid() != 0:
        pytest.skip("only root becomes another user, whose processes can be counted")
    shell = f"setpriv --reuid {SOMEBODY} --clear-groups prlimit --nproc=1 /bin/sh"
    with serve(tmp_path / "sshd", shell=shell) as server:
        os.chown(server.home, SOMEBODY, SOMEBODY)
        assert "fork" in refused(server, tmp_path).lower()


@pytest.mark.fault("login shell is rbash", "one sentence with the shell's words")
def test_a_restricted_shell(tmp_path: Path) -> None:
    bash = shutil.which("bash")
    if bash is None:
        pytest.skip("no bash")
    with serve(tmp_path / "sshd", shell=f"{bash} --restricted") as server:
        assert "restricted" in refused(server, tmp_path)


@pytest.mark.fault("login shell is /usr/sbin/nologin", "one sentence with the shell's words")
def test_an_account_that_is_not_available(tmp_path: Path) -> None:
    with serve(tmp_path / "sshd", shell="/usr/sbin/nologin") as server:
        assert "This account is currently not available" in refused(server, tmp_path)


@pytest.mark.fault("server is dropbear", "measured as ever")
def test_dropbear(tmp_path: Path) -> None:
    with serve_dropbear(tmp_path / "dropbear") as server:
        transport = server.transport()
        profile = tiny_profile().model_copy(update={"agent": AgentSettings(python=sys.executable)})
        record = deploy(tiny_bundle(tmp_path / "bundle"), transport, profile, patience=QUICK)
        assert record.problem is None
        transport.close()
        assert_clean(server.home)


def _link_loop(home: Path) -> None:
    (home / ".sis-edge").symlink_to(".sis-edge")


def _file(home: Path) -> None:
    (home / ".sis-edge").write_text("somebody's notes")


@pytest.mark.fault("agent's folder is a file or a loop of links", "one sentence that names it")
@pytest.mark.parametrize("spoil", [_link_loop, _file])
def test_something_else_in_the_agents_place(server: Server, tmp_path: Path, spoil: Callable[[Path], None]) -> None:
    spoil(server.home)
    transport = server.transport()
    with pytest.raises(BoardError, match=r"\.sis-edge"):
        deploy(tiny_bundle(tmp_path / "bundle"), transport, tiny_profile(), patience=QUICK)
    transport.close()
