"""Commands on the pages: each exists and takes its options; those of the README and the tutorials run."""

import re
import shlex
from collections.abc import Iterator
from typing import Any

import pytest

from sis_edge.cli import _command

from .site import ROOT, command_lines, text
from .world import World, world

EXTERNAL = (
    "ls",
    "cat",
    "ssh",
    "ssh-copy-id",
    "ssh-keygen",
    "sudo",
    "pip",
    "pipx",
    "uv",
    "uvx",
    "git",
    "docker",
    "python",
)
"""Programs of other people's that pages name."""

PAGES = ["README.md", *sorted(path.relative_to(ROOT).as_posix() for path in (ROOT / "docs").rglob("*.md"))]
RUN = ["README.md", *(page for page in PAGES if page.startswith("docs/tutorial/") and command_lines(text(page)))]


def lines(page: str) -> Iterator[str]:
    """The lines of its blocks of commands, and the commands within its sentences."""
    markdown = text(page)
    yield from command_lines(markdown)
    yield from re.findall(r"(?<!`)`(sis-edge [^`]+)`", re.sub(r"^```.*?^```$", "", markdown, flags=re.M | re.S))


def commands_of(line: str) -> list[list[str]]:
    """The commands of a line, each with its words."""
    words = shlex.split(line, comments=True)
    found: list[list[str]] = [[]]
    for word in words:
        if word in ("&&", "||", "|", ";"):
            found.append([])
        elif re.fullmatch(r"\d?[<>].*", word):
            break
        elif found[-1] or not re.match(r"[A-Z_]+=", word):  # a variable before its command is no word of it
            found[-1].append(word)
    return [each for each in found if each]


@pytest.mark.parametrize("page", PAGES)
def test_every_command_exists_and_takes_its_options(page: str) -> None:
    for line in lines(page):
        for words in commands_of(line):
            check(words, line)


def check(words: list[str], line: str) -> None:
    if words[0] == "make":
        makefile = text("Makefile")
        assert all(re.search(rf"^{target}:", makefile, re.MULTILINE) for target in words[1:] if "=" not in target), line
    elif words[0].removeprefix(".venv/bin/") != "sis-edge":
        assert words[0] in EXTERNAL, line
    else:
        check_ours(words[1:], line)


def check_ours(rest: list[str], line: str) -> None:
    command: Any = _command()
    while rest and hasattr(command, "commands") and not rest[0].startswith("-") and not rest[0].isupper():
        assert rest[0] in command.commands, line
        command, rest = command.commands[rest[0]], rest[1:]
    given = any(word.startswith("--") and word != "--help" for word in rest)
    if given and not hasattr(command, "commands"):  # a whole command line: Typer says what is wrong with it
        try:
            command.make_context(line, list(rest))
        except Exception as error:  # Typer's own; a sentence may end a command with an option that it speaks of
            if getattr(error, "option_name", None) != rest[-1] or type(error).__name__ != "BadOptionUsage":
                raise


@pytest.fixture(scope="module")
def user(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    with world(tmp_path_factory.mktemp("docs")) as found:
        yield found


SHOWN = re.compile(r"^```sh\n([^\n]+)\n```\n\n```text\n(.*?)^```$", re.MULTILINE | re.DOTALL)
"""A command of a page, and what the page shows of its output."""

VARYING = re.compile(r"VALID|SUSPECT|^n = |^Bundle |^0 thread|^\.\.\.$")
"""Lines that depend on the machine and on how long was measured, and what stands for lines that are left out."""

BROKEN_HEADING = "Speed-up"
"""What heads the speed-ups stands first in a line of its own, or not: that depends on how wide their intervals are."""


def labels(output: str) -> set[str]:
    """What stands first in each line, with 0 for any number and no verdict: headings, networks, paths."""
    output = output.replace(", INVALID)", ")")
    firsts = (re.split(r"  +", line.strip())[0] for line in output.splitlines())
    found = {re.sub(r"\d+", "0", first) for first in firsts if first.strip("─")}
    return found | ({BROKEN_HEADING} & set(output.split()))


FOR_REAL_BOARDS = {
    "sis-edge calibrate --host": "is simulated: its speed says nothing about a board",
    "sis-edge predict --profile raspberry-pi-5": "no calibration for the profile raspberry-pi-5",
}
"""How a command begins that a simulated board refuses, as it must -> what is said then."""


@pytest.mark.slow
@pytest.mark.parametrize("page", RUN)
def test_its_commands_run(page: str, user: World) -> None:
    """Those of the README first, where nothing is built yet: they print what it shows."""
    shown = dict(SHOWN.findall(text(page))) if page == "README.md" else {}
    for line in command_lines(text(page)):
        if line.startswith("sis-edge"):
            done = user.run(line)
            if refused := next((words for begin, words in FOR_REAL_BOARDS.items() if line.startswith(begin)), None):
                assert done.returncode != 0
                assert refused in done.stderr, line
                continue
            assert done.returncode == 0, f"{line}\n{done.stderr}"
            assert "Traceback" not in done.stderr, line
            missing = labels(shown.pop(line, "")) - labels(done.stdout)
            assert [label for label in missing if not VARYING.search(label)] == [], line
    assert shown == {}
