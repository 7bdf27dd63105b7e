"""The map in CONTRIBUTING.md has every package of both trees, and nothing that is not there."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
TEXT = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("tree", ["sis_edge", "agent/sis_agent"])
def test_the_map_is_the_tree(tree: str) -> None:
    listing = re.search(rf"^    {tree}/\n((?:      .*\n)+)", TEXT, re.MULTILINE)
    assert listing is not None
    mapped = re.findall(r"^      ([\w/.]+)", listing[1], re.MULTILINE)
    packages = {path.parent.name for path in (ROOT / tree).glob("*/__init__.py")}
    assert {name.removesuffix("/") for name in mapped if name.endswith("/")} == packages
    assert [name for name in mapped if not (ROOT / tree / name).exists()] == []
    assert len(set(mapped)) == len(mapped)
