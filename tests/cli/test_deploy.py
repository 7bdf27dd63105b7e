"""Jobs of `sis-edge deploy`: an earlier one is fetched or cancelled; one ends with the command that waits for it."""

import json
import os
import re
import shlex
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from command import environment, sis_edge_here
from sshd import wait_for
from tiny_bundle import tiny_bundle

from sis_agent.schema import Facts
from sis_edge import profiles
from sis_edge.board.agent_client import problem_error
from sis_edge.board.deploy import check_threads
from sis_edge.bundles.manifest import MANIFEST
from sis_edge.cli import run
from sis_edge.errors import BoardError
from sis_edge.results import store

from .test_bench import SHORT


@pytest.mark.slow
def test_a_job_whose_bundle_is_not_the_newest(tmp_path: Path) -> None:
    first = tiny_bundle(tmp_path / "build/first")
    text = profiles.find("local").read_text(encoding="utf-8")
    (tmp_path / "short.toml").write_text(re.sub(r"\[measuring\]\n[^\[]*", SHORT, text), encoding="utf-8")
    own = {"XDG_DATA_HOME": str(tmp_path / "data")}
    words = ("deploy", "--profile", "short.toml")
    done = sis_edge_here(*words, "--runs-dir", "before", cwd=tmp_path, **own)
    assert done.returncode == 0, done.stderr
    (before,) = store.load_all(tmp_path / "before").runs
    job = before.record.run_id

    second = tiny_bundle(tmp_path / "build/second", padding_bytes=100)
    newest = second.path / MANIFEST
    os.utime(newest, (newest.stat().st_atime, newest.stat().st_mtime + 60))
    done = sis_edge_here(*words, "--job", job, cwd=tmp_path, **own)
    assert done.returncode == 0, done.stderr
    (found,) = store.load_all(tmp_path / "runs").runs
    assert (found.bundle_id, found.manifest.name, found.record) == (first.id, "first", before.record)

    done = sis_edge_here(*words, "--job", job, "--bundle", "build/second", "--runs-dir", "no", cwd=tmp_path, **own)
    assert done.returncode == 4
    assert f"measured bundle {first.id}, and here is build/second ({second.id})" in " ".join(done.stderr.split())
    assert not (tmp_path / "no").exists()
    shutil.rmtree(tmp_path / "build")  # the board has the manifest that the run needs
    done = sis_edge_here(*words, "--job", job, "--runs-dir", "later", cwd=tmp_path, **own)
    assert done.returncode == 0, done.stderr
    (later,) = store.load_all(tmp_path / "later").runs
    assert (later.manifest, later.record, later.bundle_id) == (before.manifest, before.record, first.id)


@pytest.fixture
def endless(tmp_path: Path) -> Iterator[tuple[subprocess.Popen[str], Path]]:
    """`bench` at work on a job that would take hours, and the job's `state.json`."""
    tiny_bundle(tmp_path / "build/tiny")
    text = profiles.find("local").read_text(encoding="utf-8")
    long = SHORT.replace("rounds = 6", "rounds = 1000000")
    (tmp_path / "long.toml").write_text(re.sub(r"\[measuring\]\n[^\[]*", long, text), encoding="utf-8")
    process = subprocess.Popen(
        [sys.executable, "-m", "sis_edge", "bench", "--profile", "long.toml"],
        cwd=tmp_path,
        env=environment(XDG_DATA_HOME=str(tmp_path / "data")),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    with process:
        wait_for(lambda: list(tmp_path.glob("data/**/state.json")), "no job was started", 60)
        yield process, next(tmp_path.glob("data/**/state.json"))
        process.kill()


def state_of(path: Path) -> Any:
    return json.loads(path.read_text())["state"]


@pytest.mark.slow
@pytest.mark.fault("host gets SIGTERM or SIGHUP", "job cancelled; says so")
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP], ids=["timeout", "closed terminal"])
def test_a_command_that_is_asked_to_end_cancels_its_job(
    endless: tuple[subprocess.Popen[str], Path], number: int
) -> None:
    process, state = endless
    process.send_signal(number)
    _, said = process.communicate(timeout=60)
    assert process.returncode == 130, said
    assert "Traceback" not in said
    assert said.splitlines()[-1].startswith("Error: interrupted; ")
    assert f"job {state.parent.name} on local is cancelled" in said
    assert state_of(state) == "cancelled"


@pytest.mark.slow
def test_a_busy_board_names_the_command_that_frees_it(
    endless: tuple[subprocess.Popen[str], Path],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    _, state = endless
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    monkeypatch.chdir(tmp_path)
    assert run(["bench", "--no-queue"]) == 8
    (advice,) = re.findall("`sis-edge (.*?)`", capsys.readouterr().err)
    assert run(shlex.split(advice)) == 0
    assert capsys.readouterr().out == f"Job {state.parent.name} on local is cancelled.\n"
    assert state_of(state) == "cancelled"
    assert run([*shlex.split(advice), "--json"]) == 0
    again = json.loads(capsys.readouterr().out)
    assert (again["document"], again["state"]) == ("cancel", "cancelled")
    assert run(["deploy", "--cancel", "nothing"]) == 8
    assert "no job 'nothing' on this board" in capsys.readouterr().err


def test_the_command_that_frees_a_board_over_ssh_reaches_it() -> None:
    message = "this board is measuring job 'a' (pid 1); cancel it with `sis-edge deploy --cancel a`"
    said = str(problem_error({"code": "busy", "message": message}, "pi@pi5.local:2222"))
    assert "`sis-edge deploy --host pi5.local --port 2222 --user pi --cancel a`" in said


@pytest.mark.parametrize(
    ("threads", "facts", "cores", "may_use"),
    [
        (1000, Facts(cpu_count=1), (), "1 core; give 1"),
        (3, Facts(cpu_count=2), (), "2 cores; give 1 to 2"),
        (2, Facts(cpu_count=8, allowed_cores=[3]), (), "1 core;"),
        (3, Facts(cpu_count=8), (0, 1), "2 cores;"),
        (3, Facts(cpu_count=8, cpu_quota_cores=1.5), (), "2 cores;"),
    ],
    ids=["more than there are", "one more", "affinity", "pinned", "quota"],
)
def test_more_threads_than_cores_are_refused(threads: int, facts: Facts, cores: tuple[int, ...], may_use: str) -> None:
    with pytest.raises(BoardError, match=f"--threads is {threads}, and a job on pi may use {may_use}"):
        check_threads(threads, facts, cores, "pi")
    check_threads(threads - 1 if threads < 1000 else 1, facts, cores, "pi")
    check_threads(None, facts, cores, "pi")
    check_threads(threads, Facts(), (), "pi")  # nothing is known of its cores
