"""That pytest looks into every folder with tests: it leaves out some by their names, `build` among them."""

from fnmatch import fnmatch
from pathlib import Path

import pytest


def test_every_folder_with_tests_is_looked_into(pytestconfig: pytest.Config) -> None:
    folders = {path.parent for path in Path(__file__).parent.rglob("test_*.py")}
    assert len(folders) > 10
    left_out = pytestconfig.getini("norecursedirs")
    assert [folder.name for folder in folders for pattern in left_out if fnmatch(folder.name, pattern)] == []
