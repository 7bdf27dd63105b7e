"""How far interference can have bent a speed-up: a bound from the time that each turn lost to other programs.

Within a turn nobody knows which inferences lost the time, so the bound takes the worst case: the lost time is taken off
where it lowers the turn's median most. The true median then lies between that and the measured one, in every round and
for both networks, and the true speed-up between the medians over rounds of the ratios at those ends. Nothing is assumed
of how the other program works. What its visits leave in the caches is not lost time, and so not in the bound.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import inf
from statistics import median

from sis_agent.measure.interference import lost_s
from sis_agent.schema import Job, NetworkRecord, RoundSamples


@dataclass(frozen=True)
class Bend:
    """`share` is how far the speed-up of `network` can be off, over the reference's; without a reference its latency.

    `lost_share` and `reference_lost_share` are lost time over the time of all turns.
    """

    network: NetworkRecord
    share: float
    lost_share: float
    reference: NetworkRecord | None = None
    reference_lost_share: float = 0.0


def bends(job: Job, networks: Sequence[NetworkRecord], reference: str | None) -> list[Bend]:
    """The bend of every network's speed-up over the network named `reference`; those whose lost time is unknown are
    left out.
    """
    dense = next((network for network in networks if network.name == reference), None)
    found = []
    for network in networks:
        if network is not dense and (bend := _bend(job, network, dense)) is not None:
            found.append(bend)
    if dense is not None and len(networks) == 1 and (alone := _bend(job, dense, None)) is not None:
        found.append(alone)
    return found


def least_median(latencies_s: Sequence[float], lost: float) -> float:
    """The least that the median [s] of these latencies can have been without `lost` seconds among them; 0 at least.

    The median falls by lowering the lower half and the middle to one level, as far as the time reaches.
    """
    ordered = sorted(latencies_s)
    half = ordered[: len(ordered) // 2 + 1]
    level, left_s = half[-1], lost
    for lowered in range(1, len(half) + 1):
        below = half[-lowered - 1] if lowered < len(half) else 0.0
        if left_s < lowered * (level - below):
            level -= left_s / lowered
            break
        left_s -= lowered * (level - below)
        level = below
    return (min(ordered[(len(ordered) - 1) // 2], level) + level) / 2


def _bend(job: Job, network: NetworkRecord, dense: NetworkRecord | None) -> Bend | None:
    own, other = _ends(job, network), _ends(job, dense) if dense else {}
    if own is None or other is None:
        return None
    shared = sorted(own.keys() & other.keys()) if dense else sorted(own)
    if not shared:
        return None
    lows, measured, highs = [], [], []
    for number in shared:
        least, middle = own[number]
        above_least, above = other[number] if dense else (1.0, 1.0)
        lows.append(above_least / middle if middle else inf)
        measured.append(above / middle if middle else inf)
        highs.append(above / least if least else inf)
    low, estimate, high = median(lows), median(measured), median(highs)
    share = max(high / estimate if 0 < estimate < inf else inf, estimate / low if low else inf) - 1
    return Bend(network, share, _lost_share(job, network), dense, _lost_share(job, dense) if dense else 0.0)


def _ends(job: Job, network: NetworkRecord) -> Mapping[int, tuple[float, float]] | None:
    """For each round the least that the median can have been, and the measured one [s]; None where unknown."""
    found = {}
    for turn in _turns(network):
        lost = lost_s(job, turn)
        if lost is None:
            return None
        found[turn.round] = least_median(turn.latencies_s, lost), median(turn.latencies_s)
    return found


def _lost_share(job: Job, network: NetworkRecord) -> float:
    turns = _turns(network)
    wall_s = sum(turn.wall_s or sum(turn.latencies_s) for turn in turns)
    return sum(lost_s(job, turn) or 0.0 for turn in turns) / wall_s if wall_s else 0.0


def _turns(network: NetworkRecord) -> list[RoundSamples]:
    return [turn for turn in network.rounds if turn.latencies_s]
