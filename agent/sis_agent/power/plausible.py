"""Can these readings be a board's power? A sensor that cannot is reported as unavailable, with the reason.

The host asks the same of older records and of records from elsewhere. All powers in watts, energies in joules.
"""

from typing import List, Optional, Sequence

from sis_agent.schema import PowerTrace

# More than any board, or any processor package, that this toolkit can measure.
MOST_W = 2000.0
# Counters of energy are updated every millisecond, but a read may be late: a step is judged over so long at least.
SHORTEST_STEP_S = 1.0
# So many readings at least show that a counter stands still.
STANDS_STILL_READS = 5


def fault(
    trace: PowerTrace, rails: Sequence[str], floor_w: Optional[float] = None, max_w: Optional[float] = None
) -> Optional[str]:
    """What is wrong with the total of these rails over the whole trace; None where nothing is."""
    if any(rail not in trace.rails for rail in rails) or not rails:
        return None
    if trace.power_w:
        return _power_fault(trace, rails, floor_w, max_w)
    return _counter_fault(trace, rails, floor_w, max_w)


def level_fault(power_w: float, what: str, floor_w: Optional[float], max_w: Optional[float]) -> Optional[str]:
    """What is wrong with a mean power; None where nothing is."""
    most_w = MOST_W if max_w is None else max_w
    if power_w > most_w:
        limit = "any board draws" if max_w is None else "this board can draw"
        return "{} is {:,.1f} W, more than {} ({:g} W)".format(what, power_w, limit, most_w)
    if power_w <= 0:
        return "{} is {:.3g} W, and a running board draws more than 0".format(what, power_w)
    if floor_w is not None and power_w < floor_w:
        return "{} is {:.3g} W, less than this board draws at rest ({:g} W)".format(what, power_w, floor_w)
    return None


def _power_fault(
    trace: PowerTrace, rails: Sequence[str], floor_w: Optional[float], max_w: Optional[float]
) -> Optional[str]:
    totals = _totals([trace.power_w.get(rail, []) for rail in rails])
    known = [value for value in totals if value is not None]
    if not known:
        return None  # nothing could be read: the reads themselves say so
    return level_fault(sum(known) / len(known), "the mean power by {}".format(trace.source), floor_w, max_w)


def _counter_fault(
    trace: PowerTrace, rails: Sequence[str], floor_w: Optional[float], max_w: Optional[float]
) -> Optional[str]:
    totals = _totals([trace.energy_j.get(rail, []) for rail in rails])
    known = [index for index, total_j in enumerate(totals) if total_j is not None]
    times_s, energies_j = [trace.times_s[index] for index in known], [totals[index] or 0.0 for index in known]
    if len(known) < 2:
        return None
    if len(known) >= STANDS_STILL_READS and min(energies_j) == max(energies_j):
        return "the energy counter of {} stands still, as in a virtual machine".format(trace.source)
    most_w = MOST_W if max_w is None else max_w
    for index in range(1, len(known)):
        step_j, step_s = energies_j[index] - energies_j[index - 1], times_s[index] - times_s[index - 1]
        if step_j < 0:
            return "the energy counter of {} fell by {:,.4g} J at {:.1f} s".format(
                trace.source, -step_j, times_s[index]
            )
        if step_j > most_w * max(step_s, SHORTEST_STEP_S):
            return "the energy counter of {} rose by {:,.4g} J in {:.2g} s, more than {:g} W give".format(
                trace.source, step_j, step_s, most_w
            )
    length_s = times_s[-1] - times_s[0]
    if length_s < SHORTEST_STEP_S:
        return None
    mean_w = (energies_j[-1] - energies_j[0]) / length_s
    return level_fault(mean_w, "the mean power by {}".format(trace.source), floor_w, max_w)


def _totals(columns: Sequence[Sequence[Optional[float]]]) -> List[Optional[float]]:
    """The sum of the rails at each time; None where one of them is unknown."""
    totals: List[Optional[float]] = []
    for index in range(min(len(values) for values in columns)):
        total = 0.0
        for values in columns:
            value = values[index]
            if value is None:
                totals.append(None)
                break
            total += value
        else:
            totals.append(total)
    return totals
