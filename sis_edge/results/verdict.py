"""Can a run's numbers be defended? VALID, SUSPECT or INVALID with reasons in words, from the record alone.

INVALID: the numbers do not describe what they claim to (another power mode, a board that throttled, a sample too
small). SUSPECT: something may have biased them. VALID: every rule below was applied to what is in the record, and none
found a problem; what is not in the record is listed in `unseen`. An emulated board gets NONE, no verdict at all: its
times are those of the emulator.

The rules are pure functions of the record, so a stored run can be judged again; VERDICT_VERSION changes with them.

History of VERDICT_VERSION:
    1   first version
"""

from collections.abc import Iterator
from dataclasses import dataclass

from sis_agent.schema import Record
from sis_edge.results.evidence import Evidence, known
from sis_edge.results.rules import RULES, Level, Reason

__all__ = ["VERDICT_VERSION", "Level", "Reason", "Verdict", "judge"]

VERDICT_VERSION = 1


@dataclass(frozen=True)
class Verdict:
    """The worst level of the reasons; `unseen` names what this board does not report and no rule could check."""

    level: Level
    reasons: tuple[Reason, ...] = ()
    version: int = VERDICT_VERSION
    unseen: tuple[str, ...] = ()


def judge(record: Record) -> Verdict:
    """The verdict on one record."""
    if record.facts_before.emulated:
        return Verdict("NONE", (Reason("emulated", "NONE", "the board is emulated: its times are the emulator's"),))
    evidence = Evidence(record)
    reasons = tuple(reason for rule in RULES for reason in rule(evidence))
    levels = {reason.level for reason in reasons}
    level: Level = "INVALID" if "INVALID" in levels else "SUSPECT" if "SUSPECT" in levels else "VALID"
    return Verdict(level, reasons, unseen=tuple(_unseen(evidence)))


def _unseen(evidence: Evidence) -> Iterator[str]:
    """What no rule could check."""
    states = evidence.during
    for name, seen in (
        ("CPU clocks", bool(evidence.cpu_hz)),
        ("temperatures", any(known(list(state.temperatures_c.values())) for state in states)),
        ("signs of throttling", any(state.throttle or state.counters for state in states)),
        ("other programs' load", bool(evidence.other_cores)),
        ("time taken by other machines (steal)", any(state.steal is not None for state in states)),
        ("swap", any(state.swap_used_bytes is not None for state in states)),
        ("power", evidence.trace is not None),
    ):
        if not seen:
            yield name
