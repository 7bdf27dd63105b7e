"""Rules on the latencies themselves: can they be so, and what measures them?"""

from collections.abc import Iterator
from itertools import pairwise
from statistics import median

from sis_agent.schema import NetworkRecord, RoundSamples
from sis_edge.results.evidence import Evidence, samples
from sis_edge.results.rules.base import Reason
from sis_edge.text.limits import with_limit

# A turn's latencies are parts of its wall time; stamps are rounded, so together they may exceed it by a trifle. A
# runtime that prepares a call while another runs counts up to twice the time.
FITS_SUSPECT, FITS_INVALID = 1.05, 2.0
# A latency is known to a step of the clock. A ratio of medians may be off by that share of the smaller one.
STEP_SUSPECT, STEP_INVALID = 0.01, 0.10
FEW = 64  # of fewer latencies two are rarely neighbours, so their distances say nothing of the clock
# What a call costs that does nothing is in every latency, and makes the smaller of two seem larger.
HARNESS_SUSPECT, HARNESS_INVALID = 0.02, 0.10
# A median hides what befalls up to half of the inferences.
TAIL, TAIL_SUSPECT = 1.25, 0.10


def fits(evidence: Evidence) -> Iterator[Reason]:
    """The latencies of a network are longer in all than the time in which they were measured."""
    spent: dict[str, list[tuple[float, float]]] = {}
    for (network, turn), wall_s in zip(evidence.turns, _walls_s(evidence), strict=True):
        spent.setdefault(evidence.shown(network), []).append((sum(turn.latencies_s), wall_s))
    totals = {name: [sum(part) for part in zip(*turns, strict=True)] for name, turns in spent.items()}
    over = {name: (total_s, wall_s) for name, (total_s, wall_s) in totals.items() if total_s > FITS_SUSPECT * wall_s}
    if over:
        name, (total_s, wall_s) = max(over.items(), key=lambda item: item[1][0] - FITS_INVALID * item[1][1])
        yield Reason(
            "impossible-latencies",
            "INVALID" if total_s > FITS_INVALID * wall_s else "SUSPECT",
            f"the latencies of {name} are {total_s:.3g} s in all, and their turns took {wall_s:.3g} s"
            f"{_others(len(over))}: the board's clock or the record is wrong",
        )


def coarse_clock(evidence: Evidence) -> Iterator[Reason]:
    """The clock's steps are large against the fastest network's latency: by its own word, or by the latencies."""
    if not evidence.measured:
        return
    fastest = min(evidence.measured, key=_p50_s)
    p50_s = _p50_s(fastest)
    step_s = max([evidence.record.clock_resolution_s, *(_step_s(network) for network in evidence.measured)])
    if p50_s <= 0 or step_s > STEP_SUSPECT * p50_s:
        yield Reason(
            "coarse-clock",
            "INVALID" if step_s > STEP_INVALID * p50_s else "SUSPECT",
            f"the board's clock has steps of {1e3 * step_s:.3g} ms, and {evidence.shown(fastest)} takes "
            f"{1e3 * p50_s:.3g} ms; "
            "use a larger batch, or a system with a finer clock",
        )


def harness(evidence: Evidence) -> Iterator[Reason]:
    """The harness takes a notable part of the fastest network's latency."""
    costs_s = evidence.record.runner_details.get("harness_latencies_s")
    if not costs_s or not evidence.measured:
        return
    fastest = min(evidence.measured, key=_p50_s)
    cost_s, p50_s = median(costs_s), _p50_s(fastest)
    if cost_s > HARNESS_SUSPECT * p50_s:
        cost, limit = with_limit(cost_s / p50_s if p50_s else 1.0, HARNESS_SUSPECT, ".1%")
        yield Reason(
            "harness-cost",
            "INVALID" if cost_s > HARNESS_INVALID * p50_s else "SUSPECT",
            f"measuring itself takes {1e6 * cost_s:.3g} µs, {cost} of the latency of {evidence.shown(fastest)} "
            f"(limit {limit}): "
            "speed-ups come out too small; use a larger batch",
        )


def tail(evidence: Evidence) -> Iterator[Reason]:
    """Many inferences took much longer than the median, which does not show it."""
    shares = [(_late(network), evidence.shown(network)) for network in evidence.measured]
    late = [share for share, _ in shares if share > TAIL_SUSPECT]
    if late:
        share, name = max(shares)
        yield Reason(
            "long-tail",
            "SUSPECT",
            f"{share:.0%} of the inferences of {name} took more than {TAIL:.2f} times the median, which does not show "
            f"it{_others(len(late))}: something interrupts them; end other programs, then measure again",
        )


def _late(network: NetworkRecord) -> float:
    """The share of a network's inferences that took much longer than the median of their turn."""
    late = [
        latency_s > TAIL * middle_s
        for turn in network.rounds
        if turn.latencies_s and (middle_s := median(turn.latencies_s))
        for latency_s in turn.latencies_s
    ]
    return sum(late) / max(len(late), 1)


def _others(count: int) -> str:
    """That more networks than the worst one are concerned."""
    return f" (and {count - 1} more network{'s' if count > 2 else ''} likewise)" if count > 1 else ""


def _walls_s(evidence: Evidence) -> list[float]:
    """The time that each turn can have taken at most: what the agent measured, and until the next turn began."""
    turns = [turn for _, turn in evidence.turns]
    return [
        min(gap_s, gap_s if turn.wall_s is None else turn.wall_s)
        for turn, gap_s in zip(turns, _gaps_s(evidence, turns), strict=True)
    ]


def _gaps_s(evidence: Evidence, turns: list[RoundSamples]) -> list[float]:
    ends_s = [window.end_s for window in evidence.record.windows if window.name == "rounds"]
    last_s = max([*ends_s, evidence.record.duration_s, turns[-1].start_s]) if turns else 0.0
    starts_s = [*(turn.start_s for turn in turns), last_s]
    return [later - earlier for earlier, later in pairwise(starts_s)]


def _p50_s(network: NetworkRecord) -> float:
    return median(latency_s for turn in network.rounds for latency_s in turn.latencies_s)


def _step_s(network: NetworkRecord) -> float:
    """The smallest distance of two different latencies: of many, it is as small as the clock allows."""
    if samples(network) < FEW:
        return 0.0
    values = sorted({latency_s for turn in network.rounds for latency_s in turn.latencies_s})
    if len(values) == 1:
        return values[0]
    # Equal latencies that were computed from large stamps differ in their last digits.
    same_s = 1e-6 * values[-1]
    return min((later - earlier for earlier, later in pairwise(values) if later - earlier > same_s), default=values[0])
