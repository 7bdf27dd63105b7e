"""Rules on power: does the idle baseline hold, and does the sensor keep up?"""

from bisect import bisect_left, bisect_right
from collections.abc import Iterator

from sis_edge.results.energy import idle
from sis_edge.results.evidence import Evidence
from sis_edge.results.rules.base import Reason
from sis_edge.text.limits import with_limit

IDLE_DRIFT = 0.03
UPDATES_SUSPECT, UPDATES_INVALID = 10, 2  # of the sensor within an energy block
FAILED_READS = 0.10


def idle_drift(evidence: Evidence) -> Iterator[Reason]:
    """Idle power after the run is not what it was before."""
    rest = idle(evidence.record)
    if not isinstance(rest, str) and rest.drift > IDLE_DRIFT:
        yield Reason(
            "idle-drift",
            "SUSPECT",
            f"the board's idle power moved by {rest.drift:.1%}, from {rest.before_w:.3g} W before to "
            f"{rest.after_w:.3g} W after: net energy is unreliable; let the board idle first",
        )


def sensor(evidence: Evidence) -> Iterator[Reason]:
    """The sensor failed often, or gave too few values in an energy block to know its energy."""
    trace, blocks = evidence.trace, evidence.record.energy_blocks
    if trace is None:
        return
    rails = evidence.record.power.total_rails or trace.rails
    reads = [value for rail in rails for value in (trace.power_w.get(rail) or trace.energy_j.get(rail) or ())]
    failed = sum(value is None for value in reads)
    if failed > FAILED_READS * len(reads):
        yield Reason("sensor-failed", "SUSPECT", f"{failed} of {len(reads)} reads of the power sensor failed")
    if not blocks:
        return
    times_s = trace.times_s
    inside = [bisect_right(times_s, block.end_s) - bisect_left(times_s, block.start_s) for block in blocks]
    shortest_s = min(block.end_s - block.start_s for block in blocks)
    updates = float(min(inside))
    if trace.update_interval_s:
        updates = min(updates, shortest_s / trace.update_interval_s)
    if updates < UPDATES_SUSPECT:
        given, wanted = with_limit(updates, UPDATES_SUSPECT, ".3g")
        yield Reason(
            "slow-sensor",
            "INVALID" if updates < UPDATES_INVALID else "SUSPECT",
            f"the power sensor {trace.source} gave {given} values in an energy block of {shortest_s:.3g} s, "
            f"{wanted} are needed for that precision; use longer blocks",
        )
