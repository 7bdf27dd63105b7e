"""`sis-edge jobs`, `deploy --detach` and `clean` as a user has them; and a real Ctrl-C on a real terminal."""

import json
import os
import pty
import re
import select
import shlex
import signal
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from agent.board import FOR_EVER, null_job
from command import environment
from sshd import wait_for
from tiny_bundle import tiny_bundle

from sis_edge import profiles
from sis_edge.board import jobs_on_board
from sis_edge.board.patience import Patience
from sis_edge.board.started import StartedJob
from sis_edge.cli import console, run
from sis_edge.cli.attending import attendance
from sis_edge.results import store
from sis_edge.transport import LocalTransport
from tests.board.test_jobs_on_board import put_bundle

from .test_bench import SHORT
from .test_json import check

Stage = pytest.CaptureFixture[str]


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The agent's folder of this machine as a board, with a bundle for the null runner."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    monkeypatch.setenv("COLUMNS", "80")
    found = tmp_path / "data/sis-edge/local-board/.sis-edge"
    put_bundle(found, tiny_bundle(tmp_path / "somewhere/tiny"))
    return found


@pytest.fixture
def start(root: Path) -> Iterator[Callable[..., None]]:
    """Start a job of the null runner; those that still run are cancelled at the end."""
    at = jobs_on_board.session(LocalTransport(), profiles.load("local"), patience=Patience(poll_s=0.01))
    (bundle_id,) = (path.name for path in (root / "bundles").iterdir())

    def call(job_id: str, **fields: Any) -> None:
        StartedJob(at, job_id).start(null_job(("dense", "sparse"), bundle_id=bundle_id, **fields))

    yield call
    for job in jobs_on_board.jobs(at).jobs:
        jobs_on_board.cancel(at, job.job_id)


def told(capsys: Stage, *words: str, code: int = 0) -> str:
    assert run(list(words)) == code
    said = capsys.readouterr()
    assert "fetch" in words or max(map(len, said.out.splitlines()), default=0) <= 80
    return said.err if code else said.out


def document(capsys: Stage, *words: str) -> Any:
    assert run([*words, "--json"]) == 0
    name = "-".join(word for word in words[:2] if word.isalpha() and word not in ("first", "second"))
    return check(name, json.loads(capsys.readouterr().out))


@pytest.mark.slow
def test_jobs_from_the_list_to_the_stored_run(capsys: Stage, start: Callable[..., None], tmp_path: Path) -> None:
    assert "There is no job on local." in told(capsys, "jobs")
    start("first", rounds=FOR_EVER)
    start("second")
    listed = told(capsys, "jobs")
    assert re.search(r"first +running +dense, sparse +", listed)
    assert re.search(r"second +queued +dense, sparse +next in turn", listed)
    found = document(capsys, "jobs", "list")
    assert [(job["job_id"], job["state"], job["behind"]) for job in found["jobs"]] == [
        ("first", "running", None),
        ("second", "queued", "first"),
    ]
    assert found["measuring"] == "first"
    assert "waits behind job first" in told(capsys, "jobs", "status", "second")
    assert "Job first on local is cancelled." in told(capsys, "jobs", "cancel", "first")
    assert document(capsys, "jobs", "cancel", "first")["state"] == "cancelled"
    assert "Run stored in runs/" in told(capsys, "jobs", "fetch", "second")
    (stored,) = store.load_all(tmp_path / "runs").runs
    assert (stored.record.run_id, stored.profile) == ("second", "tiny")
    assert document(capsys, "jobs", "status", "second")["job"]["has_record"] is True
    assert document(capsys, "jobs", "fetch", "second", "--runs-dir", "again")["runs"][0]["run_id"] == "second"


def test_a_log_and_a_record_as_they_are(capsys: Stage, start: Callable[..., None], root: Path) -> None:
    start("first")
    assert run(["jobs", "fetch", "first", "-o", "here/record.json"]) == 0
    assert Path("here/record.json").read_bytes() == (root / "jobs/first/record.json").read_bytes()
    assert not Path("runs").exists()
    capsys.readouterr()
    log = root / "jobs/first/log.txt"
    log.write_text("one\ntwo \x1b[31m\n" + "x" * 200 + "\n")
    assert run(["jobs", "logs", "first", "-f"]) == 0
    assert capsys.readouterr().out == "one\ntwo �[31m\n" + "x" * 200 + "\n"
    found = document(capsys, "jobs", "logs", "first", "--bytes", "210")
    assert (found["lines"][-1], found["size_bytes"]) == ("x" * 200, log.stat().st_size)
    log.write_text("")
    assert run(["jobs", "logs", "first"]) == 0
    assert "the log of job first is empty, and the job is done" in capsys.readouterr().err


def test_a_job_that_was_cut_off_is_resumed(capsys: Stage, start: Callable[..., None], root: Path) -> None:
    start("first", rounds=FOR_EVER)
    os.kill(json.loads((root / "jobs/first/state.json").read_text())["pid"], signal.SIGKILL)
    assert re.search(r"first +failed", told(capsys, "jobs"))
    assert document(capsys, "jobs", "resume", "first")["state"] == "running"
    os.kill(json.loads((root / "jobs/first/state.json").read_text())["pid"], signal.SIGKILL)
    assert told(capsys, "jobs", "resume", "first") == "Job first on local goes on.\n"
    assert re.search(r"first +running", told(capsys, "jobs"))


@pytest.mark.parametrize(
    ("words", "code", "sentence"),
    [
        ("jobs --profile local status first", 2, "--profile stands before `status`; put it behind: `sis-edge jobs"),
        ("jobs status nothing", 8, "no job 'nothing' on this board"),
        ("jobs status odd", 8, "job odd is damaged"),
        ("jobs fetch nothing", 8, "no job 'nothing' on this board"),
        ("jobs resume nothing", 8, "no job 'nothing' on this board"),
        ("jobs cancel ../x", 7, "cannot be a job id"),
        ("clean --kinds bundle", 2, "unknown kind 'bundle'; did you mean bundles?"),
        ("clean --older-than 30", 2, "--older-than is '30', and must be a number with a unit"),
        ("clean --larger-than 5 --yes", 2, "--larger-than is '5', and must be a number with a unit"),
        ("clean --json", 2, "--json asks nothing: add --yes to remove, or --dry-run to list"),
        ("clean", 2, "nobody can be asked here: --yes removes what is listed"),
    ],
)
def test_mistakes_are_a_sentence(capsys: Stage, root: Path, words: str, code: int, sentence: str) -> None:
    (root / "jobs/odd").mkdir(parents=True)
    (root / "jobs/odd/job.json").write_text("{")
    assert sentence in " ".join(told(capsys, *words.split(), code=code).split())
    assert list((root / "bundles").iterdir())


def test_a_board_is_cleaned_as_it_was_shown(capsys: Stage, root: Path) -> None:
    old = root / "engines/old.plan"
    old.parent.mkdir()
    old.write_bytes(b"." * 5000)
    os.utime(old, (1e9, 1e9))
    (bundle,) = (root / "bundles").iterdir()
    shown = told(capsys, "clean", "--older-than", "30d", "--dry-run")
    assert re.search(r"engines +old\.plan +[\d,]+ days +5\.00 kB", shown)
    assert bundle.name not in shown
    found = document(capsys, "clean", "--dry-run")
    assert (found["dry_run"], {each["name"] for each in found["entries"]}) == (True, {"old.plan", bundle.name})
    assert old.exists()
    assert "Removed 1 entry, 5.00 kB from local." in told(capsys, "clean", "--older-than", "30d", "--yes")
    assert (old.exists(), bundle.exists()) == (False, True)
    assert "There is nothing to remove from local." in told(capsys, "clean", "--kinds", "engines")
    assert document(capsys, "clean", "--yes")["freed_bytes"] > 0
    assert not bundle.exists()


@pytest.mark.slow
def test_a_detached_deploy_is_found_by_the_commands_that_it_prints(capsys: Stage, root: Path, tmp_path: Path) -> None:
    tiny_bundle(tmp_path / "build/tiny")
    text = profiles.find("local").read_text(encoding="utf-8")
    (tmp_path / "short.toml").write_text(re.sub(r"\[measuring\]\n[^\[]*", SHORT, text), encoding="utf-8")
    assert run(["deploy", "--profile", "short.toml", "--detach"]) == 0
    out = capsys.readouterr().out
    (job_id,) = re.findall(r"^Job (\S+) on local is running\.$", out, re.M)
    commands = re.findall("`sis-edge (.*?)`", out)
    assert [shlex.split(line) for line in commands] == [
        ["jobs", verb, job_id, "--profile", "short.toml"] for verb in ("status", "logs", "fetch", "cancel")
    ]
    assert run(shlex.split(commands[2])) == 0
    (stored,) = store.load_all(tmp_path / "runs").runs
    assert (stored.record.run_id, stored.record.problem) == (job_id, None)
    capsys.readouterr()
    assert run(["deploy", "--profile", "short.toml", "--detach", "--json"]) == 0
    (left,) = check("detach", json.loads(capsys.readouterr().out))["jobs"]
    assert run(["jobs", "cancel", left["job_id"]]) == 0


@pytest.mark.slow
@pytest.mark.parametrize("answer", ["k", "c"])
def test_a_real_ctrl_c_asks_what_becomes_of_the_job(root: Path, tmp_path: Path, answer: str) -> None:
    tiny_bundle(tmp_path / "build/tiny")
    text = profiles.find("local").read_text(encoding="utf-8")
    long = SHORT.replace("rounds = 6", "rounds = 1000000")
    (tmp_path / "long.toml").write_text(re.sub(r"\[measuring\]\n[^\[]*", long, text), encoding="utf-8")
    words = [sys.executable, "-m", "sis_edge", "deploy", "--profile", "long.toml"]
    pid, terminal = pty.fork()
    if pid == 0:
        signal.signal(signal.SIGINT, signal.SIG_DFL)  # a shell has its background jobs ignore it
        os.environ.update(environment(XDG_DATA_HOME=str(tmp_path / "data"), TERM="xterm"))
        os.chdir(tmp_path)
        os.execv(sys.executable, words)
    screen = Screen(terminal)
    wait_for(lambda: screen.shows(r"job \S+ is running"), f"the job was not started: {screen.text}", 120)
    os.write(terminal, b"\x03")
    wait_for(lambda: screen.shows(r"\[k\]eep it running or \[c\]ancel it\?"), "nothing was asked", 60)
    os.write(terminal, f"{answer}\r".encode())
    _, status = os.waitpid(pid, 0)
    screen.shows("all that is left")
    os.close(terminal)
    assert os.waitstatus_to_exitcode(status) == 130, screen.text
    said = screen.text
    (state,) = root.glob("jobs/*/state.json")
    job_id = state.parent.name
    if answer == "c":
        assert f"Error: interrupted; job {job_id} on local is cancelled; `sis-edge jobs fetch {job_id} " in said
        assert json.loads(state.read_text())["state"] == "cancelled"
        return
    assert f"Error: interrupted; job {job_id} on local goes on: `sis-edge jobs fetch {job_id} --profile" in said
    assert json.loads(state.read_text())["state"] == "running"
    assert run(["jobs", "cancel", job_id]) == 0


class Screen:
    """What a program has written to its terminal."""

    def __init__(self, terminal: int) -> None:
        self._terminal = terminal
        self._written = ""

    @property
    def text(self) -> str:
        """The words, in one line and without the terminal's own sequences."""
        return " ".join(re.sub(r"\x1b\[[\d;?]*[A-Za-z]", "", self._written).split())

    def shows(self, pattern: str) -> bool:
        """Whether this is there by now."""
        while select.select([self._terminal], [], [], 0.05)[0]:
            try:
                data = os.read(self._terminal, 65536)
            except OSError:  # the program has ended
                break
            if not data:
                break
            self._written += data.decode(errors="replace")
        return re.search(pattern, self.text) is not None


def test_questions_keep_their_brackets(capsys: Stage, root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Rich would take them for markup and leave out the letters that are to be typed."""
    answers = iter(["x", "C", "k", "y"])
    monkeypatch.setattr("builtins.input", lambda *_: next(answers))
    monkeypatch.setattr(console, "can_ask", lambda: True)
    ask = attendance(("--host", "pi")).ask
    assert ask is not None
    assert (ask("Job j1."), ask("Job j1.")) == (False, True)
    asked = "Job j1. [k]eep it running or [c]ancel it? "
    assert capsys.readouterr().err == 3 * asked
    assert attendance((), is_lasting=False).ask is None
    assert run(["clean"]) == 0
    said = capsys.readouterr()
    assert "from local? [y/N] " in said.err
    assert "Removed 1 entry" in said.out
