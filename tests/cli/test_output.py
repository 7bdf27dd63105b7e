"""What -q and -v change, when there are colours, and what a shell completes."""

import os
import pty
import re
import subprocess
import sys
from pathlib import Path

import pytest
from command import environment, sis_edge, sis_edge_here
from tiny_bundle import tiny_bundle

from sis_edge import __version__, cli
from sis_edge.cli import run

ESCAPE = "\x1b"


def on_a_terminal(*words: str, cwd: Path, code: str | None = None, **changes: str) -> str:
    """What a command, or a program, writes to a terminal of 80 columns."""
    reader, writer = pty.openpty()
    plain = {name: value for name, value in environment(**changes).items() if name != "GITHUB_ACTIONS" or changes}
    environ = {"TERM": "xterm-256color", **plain, **changes}
    command = [sys.executable, *(["-m", "sis_edge", *words] if code is None else ["-c", code])]
    with subprocess.Popen(command, cwd=cwd, env=environ, stdin=writer, stdout=writer, stderr=writer) as process:
        os.close(writer)
        said = b""
        while True:
            try:
                piece = os.read(reader, 65536)
            except OSError:  # how Linux says that nobody writes any more
                break
            if not piece:
                break
            said += piece
        process.wait(100)
    os.close(reader)
    return said.decode()


def test_the_version(tmp_path: Path) -> None:
    done = sis_edge("--version", cwd=tmp_path)
    assert (done.returncode, done.stdout, done.stderr) == (0, f"sis-edge {__version__}\n", "")


COMMANDS = (["--help"], ["zoo", "list"], ["build", "--help"])
ALL = f"from sis_edge.cli import run\nfor words in {COMMANDS}: print('---', run(words))"


@pytest.mark.slow
def test_colours_are_for_terminals_that_want_them(tmp_path: Path) -> None:
    """Three commands in one process, for each environment."""
    ended = ["0"] * len(COMMANDS)

    def said(**changes: str) -> list[str]:
        *parts, last = re.split(r"--- (?=\d)", on_a_terminal(cwd=tmp_path, code=ALL, **changes))
        texts = [parts[0], *(part[1:] for part in parts[1:])]
        assert [part[0] for part in (*parts[1:], last)] == ended
        return texts

    assert all(f"{ESCAPE}[" in text for text in said())
    assert not any(ESCAPE in text for text in said(NO_COLOR="1"))
    assert not any(ESCAPE in text for text in said(TERM="dumb"))
    for changes in ({}, {"GITHUB_ACTIONS": "true"}):
        piped = subprocess.run(
            [sys.executable, "-c", ALL], cwd=tmp_path, env=environment(**changes), capture_output=True, text=True
        )
        assert re.findall(r"--- (\d)", piped.stdout) == ended
        assert ESCAPE not in piped.stdout + piped.stderr


def test_errors_are_plain_on_every_terminal(tmp_path: Path) -> None:
    assert on_a_terminal("zoo", "show", "nim", cwd=tmp_path).startswith("Error: unknown network in the zoo 'nim'; did")
    assert ESCAPE not in on_a_terminal("buid", cwd=tmp_path)


def test_a_dumb_terminal_has_lines_instead_of_bars(tmp_path: Path) -> None:
    words = ("zoo", "report", "--output", "here")
    assert "\r\n".join(["here/index.html", "here/report.md"]) in on_a_terminal(*words, cwd=tmp_path, TERM="dumb")


def test_every_table_comes_from_one_helper() -> None:
    files = list((Path(cli.__file__).parent).rglob("*.py"))
    assert len(files) > 20
    assert [file.name for file in files if re.search(r"rich(\.table|\.box| import box)", file.read_text())] == []


@pytest.fixture
def bundle(tmp_path: Path) -> Path:
    return tiny_bundle(tmp_path / "bundle").path


def bench(bundle: Path, *words: str) -> subprocess.CompletedProcess[str]:
    words = ("bundle", "--quick", "--target-ci", "50%", *words)
    own = {"XDG_DATA_HOME": str(bundle.parent / "data")}
    return sis_edge("bench", *words, cwd=bundle.parent, **own)


@pytest.mark.slow
def test_quiet_and_verbose(bundle: Path) -> None:
    quiet = bench(bundle, "-q")
    assert (quiet.returncode, quiet.stderr) == (0, "")
    assert "Run stored in runs/" in quiet.stdout
    verbose = bench(bundle, "-v")
    assert re.search(r"^agent on local: `facts` took [\d.]+ s", verbose.stderr, re.M)
    assert re.search(r"^bench: [\d.]+ s$", verbose.stderr, re.M)
    assert "agent on local" not in verbose.stdout


@pytest.mark.parametrize(
    "words", [["-q", "-v", "zoo", "list"], ["-q", "zoo", "list", "-v"], ["zoo", "list", "-q", "-v"]]
)
def test_quiet_and_verbose_exclude_each_other(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert run(words) == 2
    assert capsys.readouterr().err == "Error: --quiet and --verbose exclude each other\n"


@pytest.mark.parametrize("words", [["-v", "bundle", "show", "none"], ["bundle", "show", "none", "--verbose"]])
def test_verbose_tells_the_cause_of_an_error(
    words: list[str], capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert run(words) == 4
    error, cause = capsys.readouterr().err.splitlines()
    assert error.startswith("Error: none ")
    assert re.match(r"  caused by FileNotFoundError: .*manifest\.json' \(.*:\d+\)$", cause)
    assert run([word for word in words if word not in ("-v", "--verbose")]) == 4
    assert "caused by" not in capsys.readouterr().err


def test_verbose_says_what_is_reused(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from sis_edge.formation import Formation, form
    from sis_edge.spec import nin

    monkeypatch.chdir(tmp_path)
    form(nin(), Formation(t_c=0.05, t_p=0.1, conv="neuron")).save(Path("small.npz"))
    words = ["build", "--profile", "local", "--dataset", "digits", "--networks", "small.npz", "--epochs", "1"]
    words += ["--limit", "64", "--precision", "fp32", "-v"]
    assert run([*words, "--test-images", "40"]) == 0
    first = capsys.readouterr().err
    assert re.search(r"^train: [\d.]+ s, in build/\.stages/train-", first, re.M)
    assert run([*words, "--test-images", "41"]) == 0
    assert re.search(r"^train: reused build/\.stages/train-", capsys.readouterr().err, re.M)


def completed(line: str, tmp_path: Path) -> list[str]:
    """What bash would offer for the last word of a line."""
    words = line.split(" ")
    asked = {"_SIS_EDGE_COMPLETE": "complete_bash", "COMP_WORDS": line, "COMP_CWORD": str(len(words) - 1)}
    done = sis_edge_here(cwd=tmp_path, **asked)
    assert done.returncode == 0, done.stderr
    return done.stdout.split()


@pytest.mark.parametrize(
    ("line", "offered"),
    [
        ("sis-edge zo", ["zoo"]),
        ("sis-edge build --prof", ["--profile"]),
        ("sis-edge build --profile raspberry-pi-", ["raspberry-pi-3", "raspberry-pi-4", "raspberry-pi-5"]),
        ("sis-edge profiles show loc", ["local"]),
        ("sis-edge zoo show fashion-n", ["fashion-nin"]),
        ("sis-edge datasets fetch s", ["svhn"]),
        ("sis-edge bench --board thor", ["thor-sim"]),
        ("sis-edge form --conv n", ["neuron", "nm"]),
        ("sis-edge form --distribution e", ["erk"]),
        ("sis-edge predict --preset svhn-sis3", ["svhn-sis3"]),
        (
            "sis-edge build --networks nin,cifar10-sis1,cifar10-s",
            ["nin,cifar10-sis1,cifar10-sis2", "nin,cifar10-sis1,cifar10-sis3"],
        ),
        ("sis-edge sweep --granularity kernel,n", ["kernel,neuron", "kernel,nm"]),
        ("sis-edge deploy --backend trt", ["trtexec"]),
        ("sis-edge schema profiles-l", ["profiles-list"]),
    ],
)
def test_what_a_shell_completes(line: str, offered: list[str], tmp_path: Path) -> None:
    assert completed(line, tmp_path) == offered


def test_the_script_for_a_shell(tmp_path: Path) -> None:
    done = sis_edge_here("--show-completion", "bash", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "complete -o default -F _sis_edge_completion sis-edge" in done.stdout
