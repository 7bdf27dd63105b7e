"""The lists of mutants fit the code, and the runner tells a killed mutant from one that survives."""

import ast
from pathlib import Path

import pytest

from mutants import run
from mutants.mutant import ROOT, Mutant, StaleMutantError, read_all
from mutants.run import BROKEN, KILLED, STALE, SURVIVED, judge

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
    (tmp_path / "pyproject.toml").write_text("[tool.pytest.ini_options]\n")
    (tmp_path / "rule.py").write_text("def is_hot(t_c: float) -> bool:\n    return t_c > 80\n")
    (tmp_path / "test_rule.py").write_text(
        "from rule import is_hot\n\n\ndef test_hot() -> None:\n    assert is_hot(90)\n"
    )
    return tmp_path


def mutant(old: str, new: str) -> Mutant:
    return Mutant(f"{new} for {old}", "rule.py", old, new, ("test_rule.py",))


def test_outcomes(tree: Path, capsys: pytest.CaptureFixture[str]) -> None:
    before = (tree / "rule.py").read_bytes()
    mutants = [
        mutant("t_c > 80", "t_c < 80"),
        mutant("t_c > 80", "t_c >= 80"),
        mutant("t_c > 70", "t_c < 70"),
    ]
    assert judge(mutants, tree) == [KILLED, SURVIVED, STALE]
    assert (tree / "rule.py").read_bytes() == before
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in lines] == [KILLED, SURVIVED, STALE]


@pytest.mark.parametrize("code", [2, 3, 4, 5])
def test_tests_that_could_not_be_run_say_nothing(code: int, tree: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Pytest's exit codes for an interruption, its own error, a wrong name and no test at all."""
    monkeypatch.setattr(run, "run", lambda tree, tests: code)
    assert run.outcome_of(mutant("t_c > 80", "t_c < 80"), tree) == BROKEN
    assert "t_c > 80" in (tree / "rule.py").read_text()


def test_a_text_that_stands_twice_is_refused(tree: Path) -> None:
    (tree / "rule.py").write_text("LIMIT = 80\nMOST = 80\n")
    with pytest.raises(StaleMutantError, match=r"rule.py has '80' 2 times"):
        mutant("80", "90").source(tree)
