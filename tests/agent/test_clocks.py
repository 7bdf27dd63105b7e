"""Fixed clocks on file trees that stand for boards; the job that asks for them is the real one, killed for real."""

import json
import os
import signal
import time
from pathlib import Path

import pytest

from sis_agent.clocks import lock_clocks, privilege, watchdog
from sis_agent.clocks.lock_clocks import Clocks
from sis_agent.commands import Commands
from sis_agent.tree import Tree

from .board import FOR_EVER, Board
from .interpreters import OLDEST_AND_NEWEST, find

CORES = "sys/devices/system/cpu"
GPU = "sys/class/devfreq/17000000.gpu"


def write(root: Path, files: dict[str, str]) -> None:
    for name, text in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)


def settings(root: Path) -> dict[str, str]:
    """What the tree's clocks are set to now."""
    names = [
        f"{CORES}/cpu{core}/cpufreq/{what}" for core in (0, 1) for what in ("scaling_governor", "scaling_min_freq")
    ]
    return {name: (root / name).read_text().strip() for name in [*names, f"{GPU}/min_freq"]}


@pytest.fixture
def sysroot(tmp_path: Path) -> Path:
    """Two cores that share one clock's files, as a cluster does, one of their own, and a GPU."""
    root = tmp_path / "sysroot"
    for core, governor in ((0, "schedutil"), (1, "ondemand")):
        folder = f"{CORES}/cpu{core}/cpufreq"
        write(
            root,
            {
                f"{folder}/scaling_governor": governor + "\n",
                f"{folder}/scaling_available_governors": "ondemand schedutil performance\n",
                f"{folder}/scaling_min_freq": "115200\n",
                f"{folder}/scaling_max_freq": "1510400\n",
            },
        )
    (root / CORES / "cpu2").mkdir()
    (root / CORES / "cpu2/cpufreq").symlink_to("../cpu0/cpufreq")
    write(root, {f"{GPU}/min_freq": "306000000\n", f"{GPU}/max_freq": "624750000\n"})
    return root


@pytest.fixture
def agent_root(tmp_path: Path) -> Path:
    root = tmp_path / "root"
    root.mkdir()
    return root


LOCKED = ["performance", "1510400", "performance", "1510400", "624750000"]


def test_locked_read_again_and_restored(sysroot: Path, agent_root: Path) -> None:
    before = settings(sysroot)
    clocks = Clocks(str(agent_root), str(sysroot))
    lock = clocks.lock()
    assert (lock.requested, lock.locked, lock.reason, lock.restored) == (True, True, None, None)
    assert list(settings(sysroot).values()) == LOCKED
    assert lock.settings == settings(sysroot)
    assert (agent_root / watchdog.SAVED).exists()
    lock = clocks.unlock(lock)
    assert (lock.restored, lock.reason) == (True, None)
    assert settings(sysroot) == before
    assert list(agent_root.iterdir()) == []


def test_a_setting_that_fails_silently_is_reported(sysroot: Path, agent_root: Path) -> None:
    """Writing to the null device goes well and changes nothing, as a board does that ignores a setting."""
    lowest = sysroot / GPU / "min_freq"
    available = sysroot / CORES / "cpu1/cpufreq/scaling_min_freq"
    available.unlink()
    available.symlink_to(sysroot / "swallows")
    # Reads as its first content for ever: a file that nobody may write, not even root.
    (sysroot / "swallows").symlink_to("/proc/sys/kernel/cap_last_cap")
    clocks = Clocks(str(agent_root), str(sysroot))
    lock = clocks.lock()
    assert not lock.locked
    assert lock.reason is not None
    assert "cpu1/cpufreq/scaling_min_freq" in lock.reason
    assert lowest.read_text().strip() == "624750000"  # the others are set all the same, and restored
    assert clocks.unlock(lock).restored is True
    assert lowest.read_text().strip() == "306000000"


def test_a_governor_that_cannot_be_set_does_not_matter(sysroot: Path, agent_root: Path) -> None:
    governor = sysroot / CORES / "cpu1/cpufreq/scaling_available_governors"
    governor.write_text("ondemand\n")
    clocks = Clocks(str(agent_root), str(sysroot))
    lock = clocks.lock()
    assert lock.locked
    assert settings(sysroot)[f"{CORES}/cpu1/cpufreq/scaling_governor"] == "ondemand"
    clocks.unlock(lock)


def test_without_cpufreq_there_is_a_reason(tmp_path: Path, agent_root: Path) -> None:
    clocks = Clocks(str(agent_root), str(tmp_path))
    lock = clocks.unlock(clocks.lock())
    assert (lock.requested, lock.locked, lock.restored) == (True, False, None)
    assert "no cpufreq" in (lock.reason or "")


def test_without_permission_nothing_is_touched(
    sysroot: Path, agent_root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(privilege.Privileged, "of", classmethod(lambda cls, tree, commands: None))
    before = settings(sysroot)
    lock = Clocks(str(agent_root), str(sysroot)).lock()
    assert not lock.locked
    assert "sudo without a password" in (lock.reason or "")
    assert settings(sysroot) == before


def test_an_ordinary_user_needs_sudo_that_asks_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The stand-in for sudo is found on PATH; it refuses, then obeys."""
    sudo = tmp_path / "sudo"
    sudo.write_text("#!/bin/sh\nexit 1\n")
    sudo.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    assert privilege.Privileged.of(Tree("/"), Commands("/")) is None
    sudo.write_text(f'#!/bin/sh\nprintf "%s " "$@" >> {tmp_path}/said\nshift\nexec "$@"\n')
    hand = privilege.Privileged.of(Tree("/"), Commands("/"))
    assert hand is not None
    target = tmp_path / "setting"
    assert hand.write(str(target), "performance") is None
    assert target.read_text() == "performance"
    assert (tmp_path / "said").read_text().split() == ["-n", "true", "-n", "tee", str(target)]


@pytest.fixture
def jetson(sysroot: Path) -> Path:
    """Stand-ins for the tools of a Jetson, which keep the mode in its status file and answer as documented."""
    conf = "< POWER_MODEL ID=0 NAME=15W >\n< POWER_MODEL ID=2 NAME=MAXN_SUPER >\n< PM_CONFIG DEFAULT=0 >\n"
    write(sysroot, {"etc/nvpmodel.conf": conf, "var/lib/nvpmodel/status": "pmode:0000 fmode:quiet\n"})
    lock = f"for core in 0 1; do echo 1510400 > {CORES}/cpu$core/cpufreq/scaling_min_freq; done"
    names = " ".join(settings(sysroot))
    tools = {
        "nvpmodel": 'if [ "$1" = -m ]; then printf "pmode:%04d fmode:quiet" "$2" > var/lib/nvpmodel/status; exit; fi\n'
        'echo "NVPM ERROR: Error opening /sys/kernel/nvpmodel_clk_cap/emc: 13"\n'
        "case $(cat var/lib/nvpmodel/status) in *0002*) n=MAXN_SUPER i=2;; *) n=15W i=0;; esac\n"
        'printf "NV Power Mode: %s\\n%s\\n" $n $i; exit 1',
        # --store asks before it overwrites, as NVIDIA's script of L4T R28 to R36 does.
        "jetson_clocks": 'case "$1" in\n--store) if [ -e "$2" ]; then\n'
        'echo "File $2 already exists. Can I overwrite it? Y/N:"; read answer\n'
        'case $answer in y|Y) rm -f "$2";; *) echo "Error: file $2 already exists!"; exit 1;; esac; fi\n'
        f'tail -n 1 {names} > "$2";;\n'
        f'--restore) test -s "$2" || exit 3\n echo restored > restored;;\n*) {lock};;\nesac',
    }
    for name, text in tools.items():
        write(sysroot, {f"usr/bin/{name}": f"#!/bin/sh\ncd {sysroot}\n{text}\n"})
        (sysroot / "usr/bin" / name).chmod(0o755)
    return sysroot


def test_a_jetson_is_locked_by_its_tools_in_the_profiles_mode(jetson: Path, agent_root: Path) -> None:
    before = settings(jetson)
    clocks = Clocks(str(agent_root), str(jetson), "maxn_super")
    lock = clocks.lock()
    assert (lock.locked, lock.reason, lock.settings["nvpmodel"]) == (True, None, "MAXN_SUPER")
    # The tool leaves governors alone; the GPU's clock, which this one does not know, is set too.
    assert list(settings(jetson).values()) == ["schedutil", "1510400", "ondemand", "1510400", "624750000"]
    lock = clocks.unlock(lock)
    assert (lock.restored, lock.reason) == (True, None)
    assert (jetson / "restored").exists()
    assert (jetson / "var/lib/nvpmodel/status").read_text() == "pmode:0000 fmode:quiet"
    assert settings(jetson) == before


@pytest.mark.parametrize("left", ["nothing", "a store file", "a store file that cannot be removed"])
def test_a_jetson_is_locked_job_after_job(jetson: Path, agent_root: Path, left: str) -> None:
    """`jetson_clocks --store` refuses a file that exists, whoever left it there."""
    store = agent_root / lock_clocks.STORE
    before = settings(jetson)
    for _ in range(2):
        if left == "a store file":
            store.write_text("of a job that was killed together with its watchdog")
        elif left != "nothing":
            (store / "a file in a folder").mkdir(parents=True, exist_ok=True)
        clocks = Clocks(str(agent_root), str(jetson))
        lock = clocks.unlock(clocks.lock())
        if left == "a store file that cannot be removed":
            assert not lock.locked
            assert "remove it on the board" in (lock.reason or "")
        else:
            assert (lock.locked, lock.reason, lock.restored) == (True, None, True)
            assert list(agent_root.iterdir()) == []
        assert settings(jetson) == before


def test_clocks_that_are_still_owed_are_not_saved_over(sysroot: Path, agent_root: Path) -> None:
    saved = agent_root / watchdog.SAVED
    saved.write_text("the settings as they were")
    lock = Clocks(str(agent_root), str(sysroot)).lock()
    assert (lock.locked, saved.read_text()) == (False, "the settings as they were")
    assert "restart the board" in (lock.reason or "")


def test_a_mode_that_does_not_take_is_reported(jetson: Path, agent_root: Path) -> None:
    """Over SSH without a terminal a change that needs a restart goes well and changes nothing."""
    tool = jetson / "usr/bin/nvpmodel"
    tool.write_text(
        tool.read_text().replace('printf "pmode', ': "pmode').replace("> var/lib/nvpmodel/status; exit", "; exit")
    )
    clocks = Clocks(str(agent_root), str(jetson), "MAXN_SUPER")
    lock = clocks.lock()
    assert (lock.locked, lock.reason) == (False, "the power mode is 15W, not MAXN_SUPER")
    assert clocks.unlock(lock).restored is True


def test_a_dead_watchdog_is_stood_in_for(sysroot: Path, agent_root: Path) -> None:
    before = settings(sysroot)
    clocks = Clocks(str(agent_root), str(sysroot))
    lock = clocks.lock()
    assert clocks._watchdog is not None
    clocks._watchdog.kill()
    clocks._watchdog.wait()
    lock = clocks.unlock(lock)
    assert (lock.restored, lock.reason) == (True, None)
    assert settings(sysroot) == before


def test_what_two_dead_processes_left_is_restored_by_the_next(sysroot: Path, agent_root: Path) -> None:
    before = settings(sysroot)
    clocks = Clocks(str(agent_root), str(sysroot))
    clocks.lock()
    assert clocks._watchdog is not None
    clocks._watchdog.kill()
    clocks._watchdog.communicate()
    assert settings(sysroot) != before
    assert watchdog.restore_left_over(str(agent_root), str(sysroot)) is None
    assert settings(sysroot) == before
    assert not (agent_root / watchdog.SAVED).exists()


@pytest.mark.parametrize("content", ["", "{", '{"boot_id": "of an earlier start", "sysroot": "/"}', "[]"])
def test_settings_of_an_earlier_start_are_nobodys(agent_root: Path, content: str) -> None:
    (agent_root / watchdog.SAVED).write_text(content)
    assert watchdog.restore_left_over(str(agent_root), "/") is None
    assert not (agent_root / watchdog.SAVED).exists()


def test_what_cannot_be_restored_is_reported_and_kept(sysroot: Path, agent_root: Path) -> None:
    clocks = Clocks(str(agent_root), str(sysroot))
    lock = clocks.lock()
    (sysroot / GPU / "min_freq").unlink()
    (sysroot / GPU / "min_freq").symlink_to("/dev/null")
    lock = clocks.unlock(lock)
    assert (lock.locked, lock.restored) == (True, False)
    assert "could not be put back" in (lock.reason or "")
    assert (agent_root / watchdog.SAVED).exists()


@pytest.fixture(params=OLDEST_AND_NEWEST)
def board(request: pytest.FixtureRequest, tmp_path: Path) -> Board:
    found = Board(tmp_path / "board", find(request.param))
    found.put_empty_bundle()
    return found


def started(board: Board, sysroot: Path) -> int:
    """A job that goes on for ever with locked clocks; returns its pid."""
    board.put_null_job("j1", rounds=FOR_EVER, lock_clocks=True)
    pid: int = board.call("--sysroot", str(sysroot), "run", "--job-id", "j1").answer["pid"]
    board.wait("j1", phase="rounds")
    assert list(settings(sysroot).values()) == LOCKED
    return pid


def restored(sysroot: Path, before: dict[str, str]) -> bool:
    end_s = time.monotonic() + 20
    while settings(sysroot) != before and time.monotonic() < end_s:
        time.sleep(0.05)
    return settings(sysroot) == before


@pytest.mark.parametrize("whom", ["the job", "its whole process group"])
def test_a_job_killed_with_sigkill_leaves_the_clocks_as_they_were(board: Board, sysroot: Path, whom: str) -> None:
    before = settings(sysroot)
    pid = started(board, sysroot)
    if whom == "the job":
        os.kill(pid, signal.SIGKILL)
    else:
        os.killpg(pid, signal.SIGKILL)
    assert restored(sysroot, before)
    assert board.call("status", "j1").answer["problem"]["code"] == "job-lost"
    # The board is free, and the next job finds nothing to mend.
    board.put_null_job("j2", lock_clocks=True)
    board.call("--sysroot", str(sysroot), "run", "--foreground", "--job-id", "j2")
    record = board.record("j2")
    assert record.problem is None
    assert record.simulated
    assert (record.clock_lock.locked, record.clock_lock.restored) == (True, True)
    assert settings(sysroot) == before
    assert not (board.root / watchdog.SAVED).exists()


def test_a_watchdog_outlives_the_signals_of_a_lost_connection(board: Board, sysroot: Path) -> None:
    """SIGHUP and SIGTERM go to everybody in a session that ends; the watchdog waits for the job's own end."""
    before = settings(sysroot)
    pid = started(board, sysroot)
    (saved,) = [
        entry
        for entry in Path("/proc").glob("[0-9]*/cmdline")
        if b"sis_agent.clocks.watchdog" in _bytes(entry) and str(pid) == _parent(entry)
    ]
    guard = int(saved.parent.name)
    for number in (signal.SIGHUP, signal.SIGTERM, signal.SIGINT):
        os.kill(guard, number)
    time.sleep(0.2)
    assert list(settings(sysroot).values()) == LOCKED
    os.kill(pid, signal.SIGKILL)
    assert restored(sysroot, before)


def test_a_cancelled_job_restores_and_says_so(board: Board, sysroot: Path) -> None:
    before = settings(sysroot)
    started(board, sysroot)
    assert board.call("cancel", "j1").answer["state"] == "cancelled"
    lock = board.record("j1").clock_lock
    assert (lock.locked, lock.restored, lock.reason) == (True, True, None)
    assert settings(sysroot) == before
    assert json.loads((board.root / "jobs/j1/state.json").read_text())["state"] == "cancelled"


def _bytes(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError:
        return b""


def _parent(cmdline: Path) -> str:
    return (cmdline.parent / "stat").read_text().rpartition(")")[2].split()[1]
