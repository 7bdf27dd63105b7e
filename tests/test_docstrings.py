"""Every example in a docstring gives what it says."""

import doctest
import importlib
from pathlib import Path

import pytest

import sis_edge

ROOT = Path(sis_edge.__file__).parent
MODULES = sorted(
    ".".join(path.relative_to(ROOT.parent).with_suffix("").parts).removesuffix(".__init__")
    for path in ROOT.rglob("*.py")
    if ">>> " in path.read_text(encoding="utf-8")
)
DOOR = ["form", "train", "export", "bundle", "bundle_onnx", "measure", "load_runs", "compare"]


LONG = ("sis_edge.front.measuring",)
"""Their examples measure a bundle."""


@pytest.mark.parametrize(
    "module", [pytest.param(each, marks=pytest.mark.slow) if each in LONG else each for each in MODULES]
)
def test_examples(module: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    found = doctest.testmod(importlib.import_module(module), optionflags=doctest.NORMALIZE_WHITESPACE)
    assert found.attempted > 0
    assert found.failed == 0


@pytest.mark.parametrize("name", DOOR)
def test_every_function_of_the_front_door_has_an_example(name: str) -> None:
    function = getattr(sis_edge, name)
    assert f"sis_edge.{name}(" in function.__doc__
    assert function.__module__ in MODULES
