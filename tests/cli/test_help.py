"""Help for everything, at once, in 80 columns; and a README that tells the truth."""

import re
import shlex
import statistics
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import typer.main
from command import environment, sis_edge

from sis_edge import zoo
from sis_edge.cli import app
from sis_edge.formation import PRESETS, form
from sis_edge.spec import nin

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text(encoding="utf-8")

HEAVY = ("torch", "lightning", "onnx", "onnxruntime", "paramiko", "numpy", "scipy", "sklearn", "pandas", "altair")


def commands(group: Any = None, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], Any]]:
    """Every command with the words that name it."""
    group = group or typer.main.get_command(app)
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


def code_lines() -> list[str]:
    """Lines of the README's code blocks that begin with a command."""
    blocks = re.findall(r"```sh\n(.*?)```", README, re.DOTALL)
    return [line for block in blocks for line in block.splitlines() if line.strip()]


def inline_commands() -> list[str]:
    return re.findall(r"`(sis-edge [^`]+)`", README)


@pytest.mark.parametrize("line", [*code_lines(), *inline_commands()])
def test_every_command_of_the_readme_exists(line: str) -> None:
    words = shlex.split(line, comments=True)
    if words[0] == "make":
        makefile = (ROOT / "Makefile").read_text()
        assert all(re.search(rf"^{target}:", makefile, re.MULTILINE) for target in words[1:])
        return
    assert words[0] == "sis-edge"
    command: Any = typer.main.get_command(app)
    rest = words[1:]
    while rest and hasattr(command, "commands") and not rest[0].startswith("-"):
        assert rest[0] in command.commands, line
        command = command.commands[rest.pop(0)]
    given = [word for word in rest if word.startswith("--") and word != "--help"]
    known = {name for option in command.params for name in (*option.opts, *option.secondary_opts)}
    assert set(given) <= known, line
    if given and not hasattr(command, "commands"):  # a whole command line: its values are parsed, too
        command.make_context(words[1], list(rest))


def test_every_command_stands_in_the_readme() -> None:
    assert [" ".join(path) for path in EVERY if f"`sis-edge {' '.join(path)}`" not in README] == []


@pytest.mark.parametrize("document", ["README.md", "CONTRIBUTING.md", "CHANGELOG.md", "agent/README.md"])
def test_links_resolve(document: str) -> None:
    path = ROOT / document
    for target in re.findall(r"\]\(([^)#]+)[^)]*\)", path.read_text(encoding="utf-8")):
        if not target.startswith(("http:", "https:", "mailto:")):
            assert (path.parent / target).exists(), target


@pytest.mark.parametrize("name", PRESETS)
def test_the_readme_s_table_of_networks(name: str) -> None:
    (row,) = re.findall(rf"^\| `{name}` \|( [\d.]+, [\d.]+ \|.*)\|$", README, re.MULTILINE)
    cells = [cell.strip() for cell in row.split("|")]
    graph, preset = form(nin(), PRESETS[name].formation()), PRESETS[name]
    assert cells[0] == f"{preset.t_c:g}, {preset.t_p:g}"
    assert cells[1:4] == [f"{n:,}" for n in (graph.conv_synapses, graph.micro_synapses, graph.synapse_count)]
    assert float(cells[4]) == pytest.approx(graph.architectural_efficiency, abs=0.005)
    assert float(cells[5]) == pytest.approx(graph.mac_ratio, abs=0.005)
    assert all(f"{accuracy:.4f}" in cells[6] for accuracy in preset.paper_accuracy.values())


def test_the_readme_s_table_of_the_zoo() -> None:
    entries = zoo.entries()
    for entry in entries:
        behind = entry.drop(entries)
        drop = "-" if behind is None else f"{100 * behind:.2f} points"
        row = rf"^\| `{entry.name}` \| {entry.synapses:,} \| [^|]+ \| {entry.accuracy:.4f} \| {drop} \|"
        assert len(re.findall(row, README, re.MULTILINE)) == 1, entry.name
        if entry.repeats:
            mean, ends = statistics.mean(entry.accuracies), (min(entry.accuracies), max(entry.accuracies))
            assert f"`{entry.name}` {mean:.4f} in the mean ({ends[0]:.4f} to {ends[1]:.4f})" in README


def test_the_readme_s_exit_codes() -> None:
    from sis_edge import errors

    table = README[README.index("| code | meaning |") :]
    for error in vars(errors).values():
        if isinstance(error, type) and issubclass(error, errors.SisEdgeError):
            assert re.search(rf"\| {error.exit_code} \| \w", table), error
