"""The lists of mutants fit the code, and the runner tells a killed mutant from one that survives."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

from mutants import in_fork, run
from mutants.known import Known
from mutants.mutant import ROOT, Mutant, StaleMutantError, read_all
from mutants.run import BROKEN, KILLED, STALE, SURVIVED
from mutants.trees import Tree

MUTANTS = read_all()


def test_every_mutant_stands_once_in_its_file_and_is_a_program() -> None:
    stale = []
    for mutant in MUTANTS:
        try:
            source = mutant.source(ROOT)
            if mutant.file.endswith(".py"):  # one in C is compiled by the tests that must fail
                ast.parse(source, mutant.file)
        except (StaleMutantError, SyntaxError) as error:
            stale.append(str(error))
    assert stale == []


def test_every_mutant_names_tests_that_there_are() -> None:
    names = {test for mutant in MUTANTS for test in mutant.tests}
    missing = []
    for name in names:
        path, _, test = name.partition("::")
        if f"def {test or 'test_'}" not in (ROOT / path).read_text(encoding="utf-8"):
            missing.append(name)
    assert missing == []
    assert all(mutant.tests for mutant in MUTANTS)


def test_no_mutant_is_listed_twice() -> None:
    assert len({(mutant.file, mutant.old, mutant.new) for mutant in MUTANTS}) == len(MUTANTS) >= 50
    assert all(mutant.old != mutant.new for mutant in MUTANTS)


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    folder = tmp_path / "tree"
    folder.mkdir()
    (folder / "pyproject.toml").write_text("[tool.pytest.ini_options]\n")
    (folder / "rule.py").write_text("def is_hot(t_c: float) -> bool:\n    return t_c > 80\n")
    for name, t_c in (("rule", 90), ("other", 70)):
        test = f"from rule import is_hot\n\n\ndef test_hot() -> None:\n    assert is_hot({t_c})\n"
        (folder / f"test_{name}.py").write_text(test)
    return folder


def mutant(old: str, new: str, tests: str = "test_rule.py") -> Mutant:
    return Mutant(f"{new} for {old}", "rule.py", old, new, (tests,))


MUTANTS_OF_A_RULE = [
    mutant("t_c > 80", "t_c < 80"),
    mutant("t_c > 80", "t_c >= 80"),
    mutant("t_c > 70", "t_c < 70"),
    mutant("t_c > 80", "t_c < 99", "test_other.py"),
]
JUDGE = """
import sys
sys.path[0] = sys.argv[1]
from pathlib import Path
from mutants.run import judge
from mutants.test_mutants import MUTANTS_OF_A_RULE
from mutants.trees import Tree
tree = Path(sys.argv[2])
list(judge(MUTANTS_OF_A_RULE, [Tree.copied(tree, tree.with_name(name)) for name in ("one", "other")]))
"""


def test_outcomes(tree: Path) -> None:
    """In a process of its own, as it forks: from a rule that holds, from one that no test sees, and from two others."""
    words = [sys.executable, "-c", JUDGE, str(ROOT / "tests"), str(tree)]
    lines = subprocess.run(words, capture_output=True, text=True, check=True).stdout.splitlines()
    found = {line.partition("rule.py: ")[2]: line.split()[0] for line in lines}
    outcomes = [KILLED, SURVIVED, STALE, BROKEN]
    assert {mutant.fault: found[mutant.fault] for mutant in MUTANTS_OF_A_RULE} == {
        mutant.fault: outcome for mutant, outcome in zip(MUTANTS_OF_A_RULE, outcomes, strict=True)
    }
    assert "test_other.py fails without any mutant: no list can be judged by it" in lines
    for copied in (tree.with_name("one"), tree.with_name("other")):
        assert (copied / "rule.py").read_bytes() == (tree / "rule.py").read_bytes()


def test_a_fault_of_equal_length_is_no_compiled_file_of_before(tree: Path) -> None:
    """Python knows compiled files by the second and the size of their source."""
    there = Tree(tree)
    times = {(tree / "rule.py").stat().st_mtime}
    for number in range(1, 4):
        there.put(MUTANTS_OF_A_RULE[0])
        times.add((tree / "rule.py").stat().st_mtime)
        assert "t_c < 80" in (tree / "rule.py").read_text()
        there.mend()
        assert "t_c > 80" in (tree / "rule.py").read_text()
        assert len({int(time_s) for time_s in times}) == number + 1


@pytest.mark.parametrize("code", [2, 3, 4, 5])
def test_tests_that_could_not_be_run_say_nothing(code: int) -> None:
    """Pytest's exit codes for an interruption, its own error, a wrong name and no test at all."""
    assert run.outcome_of(code) == BROKEN


def test_a_long_test_is_run_where_it_is_named(tree: Path) -> None:
    wanted = ["-m", "slow or not slow"]
    assert in_fork.options(tree, ["test_rule.py::test_hot"])[-2:] == wanted
    assert wanted[0] not in in_fork.options(tree, ["test_rule.py"])
    assert wanted[0] not in in_fork.options(tree, ["test_rule.py::test_hot", "test_other.py"])


def test_codes_of_tests_that_ran() -> None:
    assert [run.outcome_of(code) for code in (0, 1, -9)] == [SURVIVED, KILLED, KILLED]


def test_a_killed_mutant_is_known_until_its_file_or_its_tests_change(tree: Path) -> None:
    one, other, stale, _ = MUTANTS_OF_A_RULE
    place = tree / ".mutants" / "killed"
    Known(place, tree).add(one)
    known = Known(place, tree)
    assert [known.has(each) for each in (one, other, stale)] == [True, False, False]
    for name in ("rule.py", "test_rule.py"):
        before = (tree / name).read_text()
        (tree / name).write_text(before + "\n")
        assert not Known(place, tree).has(one)
        (tree / name).write_text(before)
        assert Known(place, tree).has(one)


def test_a_text_that_stands_twice_is_refused(tree: Path) -> None:
    (tree / "rule.py").write_text("LIMIT = 80\nMOST = 80\n")
    with pytest.raises(StaleMutantError, match=r"rule.py has '80' 2 times"):
        mutant("80", "90").source(tree)
