"""Scenarios of faults as a table: tests anywhere name theirs with `@pytest.mark.fault(scenario, expected)`.

`make faults` runs them all, quick and slow, and prints a row for each scenario. One that several tests stand for is
`ok` where all of them are.
"""

import ast
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

import pytest

TESTS = Path(__file__).parent

KEY = "fault"
ORDER = ("FAILED", "skipped", "ok")
"""Outcomes, the one that counts first."""


class Fault(NamedTuple):
    """What goes wrong, and what a user should see of it."""

    scenario: str
    expected: str


@dataclass
class Row:
    """What became of one scenario."""

    fault: Fault
    outcomes: set[str] = field(default_factory=set)
    time_s: float = 0.0

    @property
    def outcome(self) -> str:
        """The worst of its tests."""
        return next(outcome for outcome in ORDER if outcome in self.outcomes)


def note(items: Iterable[pytest.Item]) -> None:
    """Write each test's scenarios into its report, which workers of pytest-xdist send on."""
    for item in items:
        for mark in item.iter_markers("fault"):
            item.user_properties.append((KEY, tuple(Fault(*mark.args))))


def rows(reports: Iterable[Any]) -> list[Row]:
    """A row for each scenario of these reports, by its name."""
    found: dict[Fault, Row] = {}
    for report in reports:
        for key, value in getattr(report, "user_properties", ()):
            if key == KEY:
                row = found.setdefault(Fault(*value), Row(Fault(*value)))
                row.time_s += report.duration
                if report.failed:
                    row.outcomes.add("FAILED")
                elif report.skipped:
                    row.outcomes.add("skipped")
                elif report.when == "call":
                    row.outcomes.add("ok")
    return sorted(found.values(), key=lambda row: row.fault)


def text(table: list[Row]) -> Iterator[str]:
    """The table's lines."""
    wide = [max(len(part) for part in column) for column in zip(*(row.fault for row in table), strict=True)]
    for row in table:
        scenario, expected = (part.ljust(width) for part, width in zip(row.fault, wide, strict=True))
        yield f"{scenario}  {expected}  {row.outcome:7}  {row.time_s:5.1f} s"
    counts = {outcome: sum(row.outcome == outcome for row in table) for outcome in reversed(ORDER)}
    yield f"{len(table)} scenarios: " + ", ".join(f"{count} {outcome}" for outcome, count in counts.items())


def declared() -> list[Fault]:
    """Every scenario that a test's source names, as often as it is named."""
    return [
        Fault(*(str(ast.literal_eval(part)) for part in node.args))
        for path in sorted(TESTS.rglob("test_*.py"))
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Call) and ast.unparse(node.func) == "pytest.mark.fault"
    ]
