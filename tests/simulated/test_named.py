"""Simulated boards with a name: each has a home, a lock and values of its own, which outlive the command."""

import json
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest

from sis_agent.lock import start_ticks
from sis_edge import profiles, simulated
from sis_edge.errors import BoardError
from sis_edge.simulated.mover import HANDOVER_S

KIND = "orin-nano-sim"


@pytest.fixture(autouse=True)
def _home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv("XDG_DATA_HOME", raising=False)


def sysroot(name: str) -> Path:
    profile = profiles.load(simulated.load(KIND).profile)
    return Path(simulated.named_profile(profile, KIND, name).agent.sysroot)


def uptime(name: str) -> str:
    return (sysroot(name) / "proc/uptime").read_text()


def soon(holds: Callable[[], bool]) -> bool:
    """Whether it holds within as long as a busy machine may need."""
    end_s = time.monotonic() + 60
    while not holds():
        if time.monotonic() > end_s:
            return False
        time.sleep(0.05)
    return True


def moves(name: str) -> bool:
    before = uptime(name)
    return soon(lambda: uptime(name) != before)


def movers(name: str) -> list[str]:
    """The processes that hold or await the board's values."""
    marker = str(sysroot(name))
    found = []
    for each in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            if marker in each.read_text(errors="replace"):
                found.append(each.parent.name)
        except OSError:
            continue
    return found


@pytest.fixture
def job() -> "Iterator[subprocess.Popen[bytes]]":
    """A process that stands for a job."""
    with subprocess.Popen(["sleep", "600"]) as process:
        yield process
        process.kill()


def test_two_boards_of_a_kind_share_nothing_and_keep_what_they_were_given(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    with closing(simulated.NamedTransport(KIND, "a")) as a, closing(simulated.NamedTransport(KIND, "b")) as b:
        assert not (tmp_path / ".local").exists(), "nothing is started before the first call"
        a.put(tmp_path / "file", "kept")
        assert a.run(["cat", "kept"]).stdout == "x"
        assert b.run(["cat", "kept"]).exit_code == 1
        assert moves("a")
        assert moves("b")
    assert soon(lambda: not movers("a") and not movers("b"))
    with closing(simulated.NamedTransport(KIND, "a")) as a:
        assert a.run(["cat", "kept"]).stdout == "x"


def test_a_second_command_finds_the_board_up_and_keeps_it_when_the_first_leaves() -> None:
    first, second = (simulated.NamedTransport(KIND, "a") for _ in range(2))
    with closing(second):
        with closing(first):
            first.run(["true"])
            model = (sysroot("a") / "proc/device-tree/model").stat()
            second.run(["true"])
            assert (sysroot("a") / "proc/device-tree/model").stat().st_ino == model.st_ino
        assert moves("a")
    assert soon(lambda: not movers("a"))


def test_a_job_that_is_left_has_its_sensors_to_its_end(job: "subprocess.Popen[bytes]") -> None:
    with closing(simulated.NamedTransport(KIND, "a")) as board:
        board.run(["true"])
        lock = board.root / ".sis-edge/lock"
        lock.parent.mkdir()
        lock.write_text(json.dumps({"pid": job.pid, "start_ticks": start_ticks(job.pid), "job_id": "j"}))
        time.sleep(0.2)  # the board looks for its job twenty times a second
    time.sleep(HANDOVER_S)
    assert moves("a")
    job.kill()
    job.wait()
    assert soon(lambda: not movers("a"))


def test_a_board_whose_files_cannot_be_written_is_a_sentence(capfd: pytest.CaptureFixture[str]) -> None:
    """As on a full disk; a traceback of the process behind the board says nothing to who measures."""
    (sysroot("a").parent / "lock").mkdir(parents=True)
    with (
        closing(simulated.NamedTransport(KIND, "a")) as board,
        pytest.raises(BoardError, match=rf"{KIND} did not start; cannot write .*/a/sysroot \(Is a dir.*free space"),
    ):
        board.run(["true"])
    assert "Traceback" not in capfd.readouterr().err
