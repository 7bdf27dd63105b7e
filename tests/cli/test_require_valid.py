"""Which verdicts `--require-valid` accepts, and what it says of the others."""

import pytest
from results.factory import board_run

from sis_edge.cli import options
from sis_edge.errors import VerdictError
from sis_edge.results import acceptance
from sis_edge.results.schema import StoredRun
from sis_edge.results.verdict import ACCEPTED, judge_run


def quick(run: StoredRun) -> StoredRun:
    job = run.record.job._replace(quick=True)
    return run.model_copy(update={"record": run.record._replace(job=job)})


RUNS = {
    "VALID": board_run("orin-nano-jp6"),
    "VALID as far as seen": board_run("virtual-machine"),
    "QUICK": quick(board_run("orin-nano-jp6")),
    "SUSPECT": board_run("orin-nano-jp6", "heat"),
    "INVALID": board_run("orin-nano-jp6", "throttling"),
}


@pytest.mark.parametrize("level", RUNS)
def test_what_is_accepted(level: str) -> None:
    assert judge_run(RUNS[level]).level == level
    fault = acceptance.fault([RUNS[level]], require_energy=False, require_valid=True)
    assert acceptance.fault([RUNS[level]], require_energy=False, require_valid=False) is None
    if level in ("VALID", "VALID as far as seen"):
        assert fault is None
        return
    assert isinstance(fault, VerdictError)
    assert fault.exit_code == 11
    assert str(fault).startswith(
        f"--require-valid accepts 'VALID' and 'VALID as far as seen', and the verdict is {level} ("
    )


def test_a_quick_run_says_how_to_do_better() -> None:
    assert "measure without --quick" in str(acceptance.fault([RUNS["QUICK"]], require_energy=False, require_valid=True))


def test_the_help_says_what_is_accepted() -> None:
    (option,) = options.RequireValid.__metadata__
    assert all(level in option.help for level in ACCEPTED)
    assert "code 11" in option.help
