"""Rules on power: does the idle baseline hold, does the sensor keep up, and does it see the networks at all?"""

from bisect import bisect_left, bisect_right
from collections.abc import Iterator
from itertools import pairwise

import numpy as np

from sis_edge.results.energy import idle, of_record
from sis_edge.results.evidence import Evidence, known
from sis_edge.results.rules.base import Reason
from sis_edge.text.limits import with_limit

IDLE_DRIFT = 0.03
UPDATES_SUSPECT, UPDATES_INVALID = 10, 2  # of the sensor within an energy block
FAILED_READS = 0.10
OVERLAP = 0.01  # of the shorter of two energy blocks: their stamps are exact
STUCK_READS = 20  # so many equal answers in a row are not chance: a sensor's last digit moves


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


def overlap(evidence: Evidence) -> Iterator[Reason]:
    """Energy blocks of networks at the same time: each would be given the energy of the other."""
    blocks = sorted(evidence.record.energy_blocks, key=lambda block: block.start_s)
    for earlier, later in pairwise(blocks):
        shorter_s = min(earlier.end_s - earlier.start_s, later.end_s - later.start_s)
        if earlier.end_s - later.start_s > OVERLAP * shorter_s:
            yield Reason(
                "energy-blocks-overlap",
                "INVALID",
                f"the energy blocks of {earlier.network} and {later.network} overlap by "
                f"{earlier.end_s - later.start_s:.3g} s, so their energies are not known apart; the record is wrong",
            )
            return


def stuck(evidence: Evidence) -> Iterator[Reason]:
    """The sensor gave one answer all the time, at rest and at work, or a counter stood still."""
    trace = evidence.trace
    if trace is None:
        return
    for rail in evidence.record.power.total_rails or trace.rails:
        values = known(trace.power_w.get(rail) or ()) or list(np.diff(known(trace.energy_j.get(rail) or ())))
        if len(values) >= STUCK_READS and max(values) == min(values):
            yield Reason(
                "stuck-sensor",
                "SUSPECT",
                f"the power sensor {trace.source} answered the same on {rail} in all {len(values)} reads, at rest and "
                "at work alike: no energy can be told from it",
            )
            return


def net_energy(evidence: Evidence) -> Iterator[Reason]:
    """Working took no more power than rest, as far as the sensor shows."""
    names = {network.name: evidence.shown(network) for network in evidence.measured}
    energies = of_record(evidence.record)
    none = [
        names[name] for name, energy in energies.items() if name in names and _is_nothing(energy.net_j, energy.net_low)
    ]
    if none:
        yield Reason(
            "no-net-energy",
            "SUSPECT",
            f"the net energy of {', '.join(none)} is not above 0 beyond doubt: the sensor does not cover what "
            "computes, or the board did not idle before and after",
        )


def _is_nothing(net_j: float | None, low_j: float | None) -> bool:
    return net_j is not None and (net_j <= 0 or (low_j is not None and low_j <= 0))
