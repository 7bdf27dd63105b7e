"""How long the rounds go on, and how many inferences a turn has."""

import math
from typing import Dict, Optional, Sequence

from sis_agent.measure import confidence
from sis_agent.schema import Job, NetworkRecord
from sis_agent.worker.warmup import median

# A turn lasts about this long: long against a scheduler's tick and a clock's resolution, short against a drift of the
# board. Turns of networks from 10 us to 150 ms then last 10 to 150 ms.
TURN_S = 0.1
TURN_MOST = 1000
# A network of microseconds would fill the disk with samples before its time is over; this many are enough for any p99.
INFERENCES_MOST = 100000

LENGTH = "length"
TARGET_CI = "target_ci"
PROBLEM = "problem"


def turn_inferences(job: Job, warmup_latencies_s: Sequence[float]) -> int:
    """The job's number; where it leaves the choice (0), as many as take about TURN_S when warm."""
    if job.inferences_per_round:
        return job.inferences_per_round
    warm = warmup_latencies_s[len(warmup_latencies_s) // 2 :]
    typical_s = max(median(warm), 1e-9) if warm else TURN_S
    return int(min(max(round(TURN_S / typical_s), 1), TURN_MOST))


class StoppingRule:
    """When the rounds are over: `add` counts each turn, and `ended_by` is then LENGTH or TARGET_CI."""

    def __init__(self, job: Job) -> None:
        self._job = job
        self._counts: Dict[str, int] = {}
        self._times_s: Dict[str, float] = {}
        # Every process has its turn before anything ends, and processes are asked in blocks of one round each.
        self._least = max(job.rounds, job.processes)
        self._next_look = self._least
        self._tight_looks = 0

    def add(self, name: str, latencies_s: Sequence[float]) -> None:
        """Count a network's turn."""
        self._counts[name] = self._counts.get(name, 0) + len(latencies_s)
        self._times_s[name] = self._times_s.get(name, 0.0) + sum(latencies_s)

    def ended_by(self, rounds: int, healthy: Sequence[NetworkRecord]) -> Optional[str]:
        """Why the rounds are over after `rounds` of them; None while they are not."""
        if rounds < self._least:
            return None
        if all(self._is_enough(network.name) for network in healthy):
            return LENGTH
        if self._job.target_ci is not None and rounds >= self._next_look:
            self._next_look = confidence.next_look(rounds)
            self._tight_looks = self._tight_looks + 1 if self._is_known(self._job.target_ci, healthy) else 0
            if self._tight_looks >= confidence.LOOKS_AGREE:
                return TARGET_CI
        return None

    def expected_rounds(self, rounds: int, names: Sequence[str]) -> int:
        """How many rounds there will be at least, going by those so far; for whoever watches."""
        wanted = max(self._least, rounds)
        for name in names:
            count, time_s = self._counts.get(name, 0), self._times_s.get(name, 0.0)
            if not rounds or not count or time_s <= 0 or self._is_enough(name):
                continue
            by_time = min(self._job.min_time_s / time_s, INFERENCES_MOST / count)
            wanted = max(wanted, math.ceil(rounds * max(by_time, self._job.min_inferences / count)))
        return int(wanted)

    def _is_enough(self, name: str) -> bool:
        count = self._counts.get(name, 0)
        long_enough = self._times_s.get(name, 0.0) >= self._job.min_time_s or count >= INFERENCES_MOST
        return long_enough and count >= self._job.min_inferences

    def _is_known(self, target: float, healthy: Sequence[NetworkRecord]) -> bool:
        turns = {network.name: {turn.round: turn for turn in network.rounds} for network in healthy}
        reference = turns.pop(self._job.reference or "", None)
        if not reference or not turns:
            return False
        for other in turns.values():
            shared = sorted(set(reference) & set(other))
            ratios = confidence.ratios(
                [reference[number].latencies_s for number in shared], [other[number].latencies_s for number in shared]
            )
            processes = [other[number].process for number in shared]
            if confidence.relative_half_width(ratios, processes) > target:
                return False
        return True
