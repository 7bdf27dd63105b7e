"""The optional parts: the list in the code is the one of the package, and each message has a command that adds one."""

import importlib.metadata
import importlib.util
import re
import shlex
import sys
import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement

from sis_edge import extras

ROOT = Path(__file__).parents[1]
OF_THE_PACKAGE = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["optional-dependencies"]


def test_the_list_is_that_of_the_package() -> None:
    assert set(extras.EXTRAS) == set(OF_THE_PACKAGE) - {"all"}
    (everything,) = map(Requirement, OF_THE_PACKAGE["all"])
    assert (everything.name, everything.extras) == ("sis-edge", set(extras.EXTRAS) - {"rtx"})


@pytest.mark.parametrize("name", extras.EXTRAS)
def test_an_extra_brings_its_module(name: str) -> None:
    if not extras.is_installed(name):
        pytest.skip(f"the extra {name} is not installed")
    (line,) = OF_THE_PACKAGE[name]
    files = importlib.metadata.files(Requirement(line).name) or ()
    assert extras.EXTRAS[name].module in {path.parts[0].partition(".")[0] for path in files}


def test_the_page_about_installing_has_each() -> None:
    page = (ROOT / "docs" / "how-to" / "install.md").read_text()
    rows = dict(re.findall(r"^\| `([a-z]+)` \|.*\| ?([\w-]*) \|$", page, re.M))
    assert list(rows) == [*(name for name in extras.EXTRAS if name != "rtx"), "all", "rtx"]
    for name, package in rows.items():
        if name != "all":
            assert package == Requirement(OF_THE_PACKAGE[name][0]).name


def test_the_command_is_for_the_environment_at_hand(monkeypatch: pytest.MonkeyPatch) -> None:
    """pip where it is there; uv makes environments without it, and so does pipx with uv."""
    monkeypatch.setattr(sys, "executable", "/home/a user/bin/python")
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: object())
    assert extras.adding("query") == "'/home/a user/bin/python' -m pip install 'sis-edge[query]'"
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    assert extras.adding("query") == "uv pip install --python '/home/a user/bin/python' 'sis-edge[query]'"
    assert shlex.split(extras.installing("numpy>=2"))[-1] == "numpy>=2"
    with pytest.raises(KeyError):
        extras.adding("queries")


def test_no_text_names_another_command() -> None:
    """What a message says to type comes from one place; other `pip install` are for boards."""
    names = "|".join((*OF_THE_PACKAGE, "NAME"))
    for path in (ROOT / "sis_edge").rglob("*.py"):
        assert not re.search(rf"pip install '?sis-edge\[({names})\]", path.read_text()), path
