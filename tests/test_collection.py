"""That pytest looks into every folder with tests: it leaves out some by their names, `build` among them."""

import re
from fnmatch import fnmatch
from pathlib import Path

import pytest
from conftest import LONGEST, TESTS


def test_every_folder_with_tests_is_looked_into(pytestconfig: pytest.Config) -> None:
    folders = {path.parent for path in Path(__file__).parent.rglob("test_*.py")}
    assert len(folders) > 10
    left_out = pytestconfig.getini("norecursedirs")
    assert [folder.name for folder in folders for pattern in left_out if fnmatch(folder.name, pattern)] == []


def test_the_order_of_the_files_names_files() -> None:
    assert [name for name in LONGEST if not (TESTS / name).is_file()] == []
    assert len(set(LONGEST)) == len(LONGEST)


def test_no_test_asserts_how_long_something_took() -> None:
    """A busy machine would fail it; what may never end has a timeout."""
    clock = re.compile(r"^ *assert .*\b(monotonic|perf_counter|process_time|time)(_ns)?\(\) - \w+ *<", re.MULTILINE)
    files = list(TESTS.rglob("test_*.py"))
    assert [path.name for path in files if clock.search(path.read_text(encoding="utf-8"))] == []
    assert clock.search("    assert time.{}() - begin_s < 5\n".format("monotonic"))
