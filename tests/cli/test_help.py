"""Help for everything, at once, in 80 columns."""

import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from command import environment, sis_edge

from sis_edge.cli import _command, run

HEAVY = ("torch", "lightning", "onnx", "onnxruntime", "paramiko", "numpy", "scipy", "sklearn", "pandas")


def commands(group: Any = None, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], Any]]:
    """Every command with the words that name it."""
    group = group or _command()
    for name, command in group.commands.items():
        if hasattr(command, "commands"):
            yield from commands(command, (*path, name))
        else:
            yield (*path, name), command


EVERY = dict(commands())


def test_the_commands() -> None:
    names = {" ".join(path) for path in EVERY}
    wanted = {
        *("quickstart", "form", "build", "deploy", "report", "bundle verify", "bundle show"),
        *("profiles list", "profiles show", "datasets list", "datasets fetch"),
    }
    assert wanted <= names


def test_every_command_stands_under_a_heading(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["--help"]) == 0
    help_text = capsys.readouterr().out
    assert re.findall(r"╭─ (\w+) ─", help_text)[2:] == ["Start", "Networks", "Measure", "Boards", "Results", "Settings"]
    firsts = {path[0] for path in EVERY if path}
    assert firsts <= set(re.findall(r"(?m)^│ ([a-z-]+) ", help_text))


@pytest.mark.parametrize("path", EVERY, ids=" ".join)
def test_every_command_and_option_has_a_help(path: tuple[str, ...]) -> None:
    command = EVERY[path]
    assert command.help
    assert command.help.strip().endswith(".")
    for option in command.params:
        assert getattr(option, "help", None), f"{' '.join(path)} {option.name}"


@pytest.mark.parametrize("path", EVERY, ids=" ".join)
def test_defaults_that_are_no_values_are_shown(path: tuple[str, ...], capsys: pytest.CaptureFixture[str]) -> None:
    """Square brackets are markup to some writers of help, which leave out what they do not know."""
    from sis_edge.cli import run

    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("COLUMNS", "80")
        patch.setenv("TERMINAL_WIDTH", "80")
        assert run([*path, "--help"]) == 0
    told = sum((option.help or "").count("[default:") for option in EVERY[path].params)
    assert capsys.readouterr().out.count("[default:") >= told


@pytest.mark.parametrize("path", [(), *EVERY, ("bundle",), ("profiles",), ("datasets",)], ids=" ".join)
def test_help_fits_80_columns(path: tuple[str, ...], tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    from sis_edge.cli import run

    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("COLUMNS", "80")
        patch.setenv("TERMINAL_WIDTH", "80")
        assert run([*path, "--help"]) == 0
    text = capsys.readouterr().out
    assert "Usage: " in text
    assert max(map(len, text.splitlines())) <= 80


@pytest.mark.parametrize("words", [["--help"], ["-h"], ["build", "--help"], ["profiles", "list"], ["report", "--help"]])
def test_quick_commands_import_nothing_heavy(words: list[str], tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-X", "importtime", "-m", "sis_edge", *words],
        cwd=tmp_path,
        env=environment(),
        capture_output=True,
        text=True,
        timeout=100,
    )
    assert done.returncode == 0, done.stderr
    imported = {line.rsplit("|", 1)[1].strip().split(".")[0] for line in done.stderr.splitlines() if "|" in line}
    assert "typer" in imported
    assert not imported & set(HEAVY)


def test_no_arguments_show_the_help(tmp_path: Path) -> None:
    done = sis_edge(cwd=tmp_path)
    assert done.returncode == 2
    assert "Usage: sis-edge" in done.stdout + done.stderr
