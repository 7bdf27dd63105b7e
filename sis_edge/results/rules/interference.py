"""The rule on interference: other programs took the core in the middle of inferences, and so bent the ratio."""

from collections.abc import Iterator

from sis_edge.results.evidence import Evidence
from sis_edge.results.interference import Bend, bends
from sis_edge.results.rules.base import Reason

# INVALID: a speed-up that can be off by more than 3% is not the network's. SUSPECT at a third of it, for what another
# program's visits do to the caches adds to the time that they take; a quiet board stays well below (its timer's
# interrupts take about 0.1% of a core).
BEND_SUSPECT, BEND_INVALID = 0.01, 0.03
BEYOND_ALL = 10.0  # no share of a speed-up is worth saying from here on


def interference(evidence: Evidence) -> Iterator[Reason]:
    """The time that turns lost to other programs can have bent a speed-up."""
    record = evidence.record
    found = bends(record.job, evidence.measured, evidence.reference)
    worst = max(found, key=lambda bend: bend.share, default=None)
    if worst is None or worst.share <= BEND_SUSPECT:
        return
    thrown = sum(turn.preempted for network in evidence.measured for turn in network.rounds)
    again = f" although {thrown} turns were measured again" if thrown else ""
    yield Reason(
        "interference",
        "INVALID" if worst.share > BEND_INVALID else "SUSPECT",
        f"other programs took the core from {_lost(evidence, worst)} of the time{again}: {_off(worst)}; end them (see "
        "`top` on the board), or give the job a core of its own with --cores",
    )


def _lost(evidence: Evidence, bend: Bend) -> str:
    own = f"{evidence.shown(bend.network)} for {bend.lost_share:.1%}"
    if bend.reference is None:
        return own
    return f"{evidence.shown(bend.reference)} for {bend.reference_lost_share:.1%} and from {own}"


def _off(bend: Bend) -> str:
    of = "the speed-up" if bend.reference is not None else "the latency"
    return f"{of} may be off by {f'up to {bend.share:.1%}' if bend.share < BEYOND_ALL else 'any factor'}"
