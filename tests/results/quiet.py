"""A quiet run with a hundred equal states, to be changed a little at a time."""

from typing import Any

from results.boards import KINDS, record
from sis_agent.schema import Record
from sis_edge.results.evidence import Evidence
from sis_edge.results.verdict import judge

STATES = 100
CLEAN = record(KINDS["raspberry-pi-4"], 0)  # four cores of 1.8 GHz, no power sensor: one stretch of measuring
BEGIN_S, END_S = Evidence(CLEAN).stretches[0]
QUIET = next(state for state in CLEAN.states if state.t_s > BEGIN_S)._replace(
    cpu_frequency_hz=[1.8e9] * 4, cpu_busy=0.25, own_cpu=0.25, core_busy={}, steal=0.0, memory_pressure=0.0
)


def watched(
    changed: int = STATES, facts: dict[str, Any] | None = None, job: dict[str, Any] | None = None, **changes: Any
) -> Record:
    """The quiet run with 100 states while measuring, so many of which are changed, spread over the run."""
    step_s = (END_S - BEGIN_S) / STATES
    states = [
        QUIET._replace(t_s=BEGIN_S + step_s * (at + 0.5), wall_clock_s=None, boot_clock_s=None) for at in range(STATES)
    ]
    for at in range(changed):
        where = (at * STATES) // max(changed, 1)
        states[where] = states[where]._replace(**changes)
    known = CLEAN.facts_before._replace(**(facts or {}))
    return CLEAN._replace(states=states, facts_before=known, facts_after=known, job=CLEAN.job._replace(**(job or {})))


def level(found: Record, code: str) -> str:
    """The gravest level of the reasons with this code."""
    levels = [reason.level for reason in judge(found).reasons if reason.code == code]
    return levels[0] if levels else "none"
