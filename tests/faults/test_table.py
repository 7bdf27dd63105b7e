"""The table that `make faults` prints."""

from types import SimpleNamespace

from fault_table import Fault, declared, rows, text


def test_forty_scenarios_at_least_each_named_once() -> None:
    scenarios = [fault.scenario for fault in declared()]
    assert len(scenarios) == len(set(scenarios)) >= 40


def report(name: str, when: str, outcome: str, time_s: float = 1.0) -> SimpleNamespace:
    return SimpleNamespace(
        user_properties=[("other", 1), ("fault", [name, "told"])],
        when=when,
        failed=outcome == "failed",
        skipped=outcome == "skipped",
        duration=time_s,
    )


def test_a_row_is_as_good_as_the_worst_of_its_tests() -> None:
    reports = [report("b", "setup", "passed"), report("b", "call", "passed"), report("b", "call", "failed")]
    reports += [report("a", "setup", "passed"), report("a", "call", "passed"), report("c", "setup", "skipped")]
    table = rows([*reports, SimpleNamespace(outcome="deselected")])
    assert [(row.fault, row.outcome, row.time_s) for row in table] == [
        (Fault("a", "told"), "ok", 2.0),
        (Fault("b", "told"), "FAILED", 3.0),
        (Fault("c", "told"), "skipped", 1.0),
    ]
    assert list(text(table)) == [
        "a  told  ok         2.0 s",
        "b  told  FAILED     3.0 s",
        "c  told  skipped    1.0 s",
        "3 scenarios: 1 ok, 1 skipped, 1 FAILED",
    ]


def test_a_test_that_could_not_be_set_up_is_no_success() -> None:
    """Its set-up passed, and its own end never came."""
    assert rows([report("a", "setup", "failed")])[0].outcome == "FAILED"
