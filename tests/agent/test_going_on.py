"""A job cut off by SIGKILL, by a restart of the board or a full disk: what was finished is kept, and it goes on."""

import json
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from sis_agent import lock
from sis_agent.job.execute import cancel
from sis_agent.job.folder import status
from sis_agent.lock import BOOT_ID, start_ticks
from sis_agent.measure.going_on import PROCESS_ENDED, RESTARTED
from sis_agent.schema import Record
from sis_edge.results.verdict import judge

from .board import FOR_EVER, POWER, Board, children
from .interpreters import find

KERNEL = "proc/sys/kernel/osrelease"


@pytest.fixture
def restarting(sysroot: str) -> Path:
    """A board with a sensor, whose kernel tells one start from another."""
    root = Path(sysroot)
    for name, text in ((BOOT_ID, "start 1"), (KERNEL, "6.1.0")):
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text + "\n")
    return root


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Path]:
    """In memory, where it can be: a disk that takes long for each line gets fewer of them."""
    memory = Path("/dev/shm")
    if not os.access(memory, os.W_OK):
        yield tmp_path
        return
    with tempfile.TemporaryDirectory(dir=memory) as made:
        yield Path(made)


@pytest.fixture
def board(folder: Path) -> Board:
    board = Board(folder / "root", sys.executable)
    board.put_empty_bundle()
    return board


def cut(board: Board, job_id: str, sysroot: Path, lines: int, mark: bytes = b"\n") -> bool:
    """Start or go on with a job, and kill it when its journal has so many more lines; False if it ends before.

    `mark` counts others: those with turns, for one.
    """
    path = board.root / "jobs" / job_id / "journal.jsonl"
    before = path.read_bytes().count(mark) if path.exists() else 0
    words = [board.python, str(board.code), "--root", str(board.root), "--sysroot", str(sysroot)]
    with subprocess.Popen([*words, "run", "--foreground", "--job-id", job_id], stdout=subprocess.DEVNULL) as job:
        workers: list[int] = []
        while job.poll() is None:
            workers = children(job.pid) or workers
            with suppress(FileNotFoundError):
                if path.read_bytes().count(mark) >= before + lines:
                    break
        is_cut = job.poll() is None
        job.kill()
    while any(start_ticks(worker) is not None for worker in workers):
        time.sleep(0.01)
    return is_cut


def lost(board: Board, job_id: str, sysroot: Path) -> tuple[str, Record]:
    """What status says of a job that was killed, and the record that is made then."""
    found = status(str(board.root), job_id, sysroot=str(sysroot))
    assert (found["state"], found["problem"].code) == ("failed", "job-lost")
    record = board.record(job_id)
    assert record.problem == found["problem"]
    assert found["record_sha256"] is not None
    return found["problem"].message, record


def shape(record: Record) -> list[object]:
    """What an uninterrupted job of the same seed has too: everything but times, also of warm-ups, and processes."""
    return [
        record.problem,
        record.ended_by,
        [[(turn.round, turn.position, len(turn.latencies_s)) for turn in each.rounds] for each in record.networks],
        [(block.block, block.network) for block in record.energy_blocks],
        [(each.name, each.problem, each.warmup_steady is None, each.memory is not None) for each in record.networks],
        len(record.sampling.pairs),
        sorted({window.name for window in record.windows}),
    ]


def finished(record: Record) -> set[int]:
    return {len(network.rounds) for network in record.networks}


@pytest.mark.fault("agent killed again and again", "the job ends as one that was not")
@pytest.mark.slow
@pytest.mark.parametrize(("version", "most"), [("3.6", 2), ("3.13", 6)])
def test_a_job_that_is_killed_again_and_again_ends_as_one_that_is_not(
    folder: Path, restarting: Path, version: str, most: int
) -> None:
    board = Board(folder / "root", find(version))
    board.put_empty_bundle()
    fields = {
        "networks": ("a", "b", "c"), "rounds": 400, "processes": 2, "sampler_pairs": 3,
        "reference": "a", "seed": 5, "power": POWER._replace(idle_s=0.1, block_s=0.1),
    }  # fmt: skip
    for job_id in ("uncut", "cut"):
        board.put_null_job(job_id, **fields)
    board.call("--sysroot", str(restarting), "run", "--foreground", "--job-id", "uncut")
    numbers, cuts = random.Random(version), 0
    places = [(1, b'"turns"'), *((numbers.randint(1, 6), b"\n") for _ in range(most - 1))]
    while cuts < most and cut(board, "cut", restarting, *places[cuts]):
        cuts += 1
        _, record = lost(board, "cut", restarting)
        assert judge(record).level in ("SUSPECT", "INVALID")
        assert len(finished(record)) == 1, "whole rounds only"
        if cuts % 2:
            (restarting / BOOT_ID).write_text(f"start {cuts}.5\n")
    assert cuts >= 2
    board.call("--sysroot", str(restarting), "run", "--foreground", "--job-id", "cut")
    record = board.record("cut")
    assert shape(record) == shape(board.record("uncut"))
    assert [found.boot_changed for found in record.interruptions] == ([True, False] * most)[:cuts]
    assert (record.interruptions[0].reason, record.interruptions[1].reason) == (RESTARTED, PROCESS_ENDED)
    assert any(0 < found.rounds < 400 for found in record.interruptions)
    for network in record.networks:
        starts_s = [turn.start_s for turn in network.rounds]
        assert starts_s == sorted(starts_s)
    stamps = record.power.traces[0].times_s
    assert stamps == sorted(stamps)
    assert [state.t_s for state in record.states] == sorted(state.t_s for state in record.states)
    assert not (board.root / "jobs" / "cut" / "journal.jsonl").exists()


@pytest.mark.slow
@pytest.mark.fault("board restarted, seen by the agent", "the record says when and after which round")
def test_after_a_restart_the_job_says_so_and_goes_on(board: Board, restarting: Path) -> None:
    board.put_null_job("j1", rounds=2000)
    assert cut(board, "j1", restarting, 1, b'"turns"')
    (restarting / BOOT_ID).write_text("start 2\n")
    message, before = lost(board, "j1", restarting)
    assert RESTARTED in message
    assert before.facts_after.kernel is None, "nobody looked at the board when the job ended"
    board.call("--sysroot", str(restarting), "run", "--foreground", "--job-id", "j1")
    after = board.record("j1")
    (found,) = after.interruptions
    assert (found.boot_changed, found.rounds) == (True, len(before.networks[0].rounds))
    assert 0 < found.rounds < 2000
    assert after.networks[0].rounds[: found.rounds] == before.networks[0].rounds
    assert {turn.process for turn in after.networks[0].rounds} == {0, 1}
    assert finished(after) == {2000}
    assert board.call("run", "--job-id", "j1").problem["code"] == "job-ended"


@pytest.mark.fault("job cut, then another kernel", "says why it cannot go on")
@pytest.mark.parametrize(("what", "words"), [("kernel", "kernel 6.1.0 became 6.2.0"), ("job", "own file was changed")])
def test_a_job_does_not_go_on_under_other_conditions(board: Board, restarting: Path, what: str, words: str) -> None:
    board.put_null_job("j1", rounds=20)
    assert cut(board, "j1", restarting, 4)
    if what == "kernel":
        (restarting / KERNEL).write_text("6.2.0\n")
    else:
        path = board.root / "jobs" / "j1" / "job.json"
        path.write_text(path.read_text().replace('"rounds": 20', '"rounds": 21'))
    problem = board.call("--sysroot", str(restarting), "run", "--job-id", "j1").problem
    assert problem["code"] == "cannot-go-on"
    assert words in problem["message"]
    lost(board, "j1", restarting)
    assert not lock.is_held(str(board.root)), "the board is free"


def test_a_job_that_was_killed_by_a_cancel_keeps_what_it_had(board: Board) -> None:
    board.put_null_job("j1", rounds=FOR_EVER)
    pid = board.call("run", "--job-id", "j1").answer["pid"]
    board.wait("j1", phase="rounds")
    while b'"turns"' not in (board.root / "jobs/j1/journal.jsonl").read_bytes():
        time.sleep(0.01)
    os.kill(pid, signal.SIGSTOP)
    cancel(str(board.root), "j1", grace_s=0.1)
    found = status(str(board.root), "j1")
    assert (found["state"], found["record_sha256"] is not None) == ("cancelled", True)
    record = board.record("j1")
    assert record.problem is not None
    assert record.problem.code == "cancelled"
    assert record.networks[0].rounds
    assert board.call("run", "--job-id", "j1").problem["code"] == "job-ended"


FULL_DISK = """
set -e
mount -t tmpfs -o size=6m none "$1"
cp -r "$2"/. "$1"
dd if=/dev/zero of="$1/filling" bs=1k count=$5 2>/dev/null || true
"$3" "$4" --root "$1" run --foreground --job-id j1 >/dev/null 2>&1 || true
"$3" "$4" --root "$1" status j1
cat "$1/jobs/j1/record.json"; echo
rm "$1/filling"
mount -o remount,size=80m "$1"
"$3" "$4" --root "$1" run --foreground --job-id j1 >/dev/null 2>&1 || true
cat "$1/jobs/j1/record.json"
"""


@pytest.mark.slow
@pytest.mark.fault("disk fills, then has room", "no finished round is lost, the job goes on")
def test_a_disk_that_fills_in_mid_job_costs_no_finished_round(board: Board, tmp_path: Path) -> None:
    """A real file system that is really full, in a mount namespace of its own."""
    unshare = ["unshare", "--user", "--map-root-user", "--mount"]
    if shutil.which("unshare") is None or subprocess.run([*unshare, "true"], capture_output=True).returncode:
        pytest.skip("this system gives no mount namespace to an ordinary user")
    board.put_null_job("j1", rounds=600, inferences_per_round=1000)
    archive = tmp_path / "agent.pyz"
    shutil.move(board.archive.path, archive)
    small = tmp_path / "small"
    small.mkdir()
    words = [*unshare, "sh", "-c", FULL_DISK, "sh", small, board.root, sys.executable, archive, "2000"]
    done = subprocess.run([str(word) for word in words], capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    status, first, second = (json.loads(line) for line in done.stdout.splitlines()[-3:])
    assert (status["answer"]["state"], status["answer"]["problem"]["code"]) == ("failed", "disk-full")
    assert (first["problem"]["code"], second["problem"]) == ("disk-full", None)
    rounds = [len(network["rounds"]) for network in first["networks"]]
    assert 10 < rounds[0] < 600
    assert [len(network["rounds"]) for network in second["networks"]] == [600, 600]
    (interruption,) = second["interruptions"]
    assert (interruption["reason"], interruption["boot_changed"]) == ("the disk was full", False)
