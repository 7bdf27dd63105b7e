"""What else went on: other programs, other machines on the same hardware, memory.

Models: time that a thread waited for a core, or that a hypervisor gave to others, or that programs waited for memory,
is missing from the work, so a share s of it makes a latency 1 / (1 - s) times as long. Where waiting was not recorded,
other programs take cores only when there are more of them and of the job's threads than cores.
"""

from collections.abc import Iterator, Sequence
from math import log
from statistics import fmean

from sis_agent.schema import NetworkRecord
from sis_edge.explaining.factor import Effect, Factor
from sis_edge.explaining.pair import RunPair, Sides
from sis_edge.results.evidence import Evidence, known
from sis_edge.results.rows.accuracy import Pair

SAME_CORES, SAME_WAIT, SAME_STEAL, SAME_PRESSURE = 0.10, 0.01, 0.01, 0.01
SAME_SWAP_BYTES = 1 << 20
SHORT_OF_MEMORY = 0.05
MOST_SHARE = 0.95
"""No share of lost time is taken as greater: the model ends there."""
CACHES = 0.06
"""What busy cores beside the job's cost it by shared caches and memory: a standard deviation, for the first core."""


def other_programs(pair: RunPair) -> Iterator[Factor]:
    """Cores that others kept busy, and the time that the job's threads waited for theirs, network by network."""
    busy, waits = pair.of_evidence(_busy), pair.of_evidence(lambda evidence: _waited(evidence, evidence.measured))
    a, b = busy
    more = abs((b or 0.0) - (a or 0.0))
    if None in waits:
        crowded = log(_crowd(pair.evidence[1], b) / _crowd(pair.evidence[0], a))
        likely = dict.fromkeys(pair.networks, crowded)
    else:
        likely = {title: _lost(shares) for title, shares in _waits(pair).items()}
    widest = max(map(abs, likely.values()), default=0.0)
    effect = Effect(likely, 0.15 * widest + CACHES * min(more, 1.0) + 0.01)
    texts = [_words(*each) for each in zip(busy, waits, strict=True)]
    differ = (None not in busy and more > SAME_CORES) or (None not in waits and widest > SAME_WAIT)
    yield Factor.of("other-programs", "other programs", (texts[0], texts[1]), effect, differ=differ)


def steal(pair: RunPair) -> Iterator[Factor]:
    """Time that a hypervisor gave to other machines."""
    shares = pair.of_evidence(lambda evidence: _mean([state.steal for state in evidence.during]))
    yield _of_share("steal", "time stolen by other machines", pair, shares, SAME_STEAL)


def memory(pair: RunPair) -> Iterator[Factor]:
    """Waiting for memory, pages in swap, and hardly any memory left."""
    shares = pair.of_evidence(lambda evidence: _mean([state.memory_pressure for state in evidence.during]))
    yield _of_share("memory-pressure", "waiting for memory", pair, shares, SAME_PRESSURE)
    swaps = pair.of_evidence(_swapped)
    differ = None not in swaps and abs((swaps[1] or 0.0) - (swaps[0] or 0.0)) > SAME_SWAP_BYTES
    effect = Effect.could_matter(pair.networks, 0.2, 0.6)
    yield Factor.of("swap", "swapped out", swaps, effect, text=lambda found: f"{found / 1e6:.0f} MB", differ=differ)
    lefts = pair.of_evidence(_left)
    is_short = [left is not None and left < SHORT_OF_MEMORY for left in lefts]
    yield Factor.of(
        "memory-left",
        "memory left",
        lefts,
        Effect.could_matter(pair.networks, 0.1, 0.3) if any(is_short) else None,
        text=lambda found: f"{found:.0%}",
        note="" if any(is_short) else "enough in both",
    )


def _of_share(code: str, title: str, pair: RunPair, shares: tuple[float | None, float | None], same: float) -> Factor:
    likely = _lost(shares)
    differ = None not in shares and abs((shares[1] or 0.0) - (shares[0] or 0.0)) > same
    effect = Effect(dict.fromkeys(pair.networks, likely), 0.3 * abs(likely) + 0.02)
    return Factor.of(code, title, shares, effect, text=lambda share: f"{share:.1%}", differ=differ)


def _lost(shares: tuple[float | None, float | None]) -> float:
    """The logarithm of B's time over A's by the shares that each lost."""
    a, b = (min(share or 0.0, MOST_SHARE) for share in shares)
    return log((1 - a) / (1 - b))


def _busy(evidence: Evidence) -> float | None:
    return fmean(evidence.other_cores) if evidence.other_cores else None


def _waits(pair: RunPair) -> Sides[float]:
    """The share of each network's time for which a thread of the job was ready and had no core."""
    one, other = pair.evidence
    found = {}
    for title, each in pair.networks.items():
        a, b = (_waited(*side) for side in ((one, _only(each.a)), (other, _only(each.b))))
        found[title] = (a or 0.0, b or 0.0)
    return found


def _only(pair: Pair) -> list[NetworkRecord]:
    return [pair[1]] if pair[1] is not None else []


def _waited(evidence: Evidence, networks: Sequence[NetworkRecord]) -> float | None:
    """The share of the time of these networks' turns for which a thread of the job was ready and had no core."""
    threads = max(1, evidence.record.job.threads)
    turns = [
        (turn.run_delay_s, turn.wall_s)
        for network in networks
        for turn in network.rounds
        if turn.latencies_s and turn.run_delay_s is not None and turn.wall_s
    ]
    total = sum(wall for _, wall in turns)
    return min(1.0, sum(delay for delay, _ in turns) / threads / total) if total else None


def _crowd(evidence: Evidence, busy: float | None) -> float:
    """How many threads want each core, 1 at least."""
    cores, threads = evidence.shared_cores, evidence.record.job.threads
    return max(1.0, (min(threads, cores) + (busy or 0.0)) / cores) if cores else 1.0


def _words(busy: float | None, waited: float | None) -> str | None:
    parts = []
    if busy is not None:
        parts.append(f"{busy:.2f} cores")
    if waited is not None:
        parts.append(f"waited {waited:.1%}")
    return ", ".join(parts) or None


def _swapped(evidence: Evidence) -> float | None:
    used = known([state.swap_used_bytes for state in evidence.record.states])
    return float(max(used) - used[0]) if used else None


def _left(evidence: Evidence) -> float | None:
    total = evidence.record.facts_before.memory_total_bytes
    left = known([state.memory_available_bytes for state in evidence.during])
    return min(left) / total if left and total else None


def _mean(values: list[float | None]) -> float | None:
    found = known(values)
    return fmean(found) if found else None
