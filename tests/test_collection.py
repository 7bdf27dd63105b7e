"""That pytest looks into every folder with tests: it leaves out some by their names, `build` among them."""

import re
import subprocess
import sys
from fnmatch import fnmatch
from pathlib import Path

import pytest
from conftest import LONGEST, OF_SECONDS, TESTS, TOO_LATE


def test_every_folder_with_tests_is_looked_into(pytestconfig: pytest.Config) -> None:
    folders = {path.parent for path in Path(__file__).parent.rglob("test_*.py")}
    assert len(folders) > 10
    left_out = pytestconfig.getini("norecursedirs")
    assert [folder.name for folder in folders for pattern in left_out if fnmatch(folder.name, pattern)] == []


def test_the_order_of_the_files_names_files() -> None:
    for names in (LONGEST, OF_SECONDS):
        assert [name for name in names if not (TESTS / name).is_file()] == []
        assert len(set(names)) == len(names)


def test_no_test_asserts_how_long_something_took() -> None:
    """A busy machine would fail it; what may never end has a timeout."""
    clock = re.compile(r"^ *assert .*\b(monotonic|perf_counter|process_time|time)(_ns)?\(\) - \w+ *<", re.MULTILINE)
    files = list(TESTS.rglob("test_*.py"))
    assert [path.name for path in files if clock.search(path.read_text(encoding="utf-8"))] == []
    assert clock.search("    assert time.{}() - begin_s < 5\n".format("monotonic"))


@pytest.mark.parametrize(("until", "outcome"), [("1", "1 tests " + TOO_LATE), ("9e9", "1 passed")])
def test_a_run_that_has_to_end_says_what_it_left_out(until: str, outcome: str) -> None:
    one = f"{__file__}::{test_the_order_of_the_files_names_files.__name__}"
    command = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", one, "--begin-until", until]
    done = subprocess.run(command, cwd=TESTS.parent, stdout=subprocess.PIPE, text=True)
    assert done.returncode == 0
    assert outcome in done.stdout
    assert ("skipped" in done.stdout) == (until == "1")
