"""Rule on a job that was cut off and went on: a part that is too small says nothing of whether the parts agree.

Each part ran in worker processes of its own. What differs between processes is in the interval of a speed-up, and a
board that was another speed afterwards is seen by the rules on evenness; both need some rounds of each part.
"""

from collections.abc import Iterator
from itertools import pairwise
from math import inf

from sis_agent.schema import JobInterruption
from sis_edge.results.energy import MIN_BLOCKS
from sis_edge.results.evidence import Evidence
from sis_edge.results.rules.base import Reason
from sis_edge.results.statistics import MIN_ROUNDS


def interrupted(evidence: Evidence) -> Iterator[Reason]:
    """A part of the rounds, or of the energy blocks, before or behind an interruption is too small."""
    cuts = sorted(evidence.record.interruptions, key=lambda cut: cut.t_s)
    rounds = [[turn.start_s for turn in network.rounds] for network in evidence.measured]
    names = sorted({block.network for block in evidence.record.energy_blocks})
    blocks = [[block.start_s for block in evidence.record.energy_blocks if block.network == name] for name in names]
    for starts_s, least, what in ((rounds, MIN_ROUNDS, "rounds"), (blocks, MIN_BLOCKS, "energy blocks")):
        sizes = _parts(starts_s, [cut.t_s for cut in cuts])
        if len(sizes) > 1 and min(sizes) < least:
            yield Reason(
                "interrupted",
                "SUSPECT",
                f"the job was interrupted ({_why(cuts)}), and its parts have {', '.join(map(str, sizes))} {what}: each "
                f"needs {least} to show that they agree; measure again",
            )


def _parts(starts_s: list[list[float]], cuts_s: list[float]) -> list[int]:
    """How many starts each part has of the network that has fewest there; parts in which nothing ran are left out."""
    sizes = []
    for begin_s, end_s in pairwise([-inf, *cuts_s, inf]):
        counts = [sum(begin_s < start_s <= end_s for start_s in starts) for starts in starts_s]
        if any(counts):
            sizes.append(min(count for count in counts))
    return sizes


def _why(cuts: list[JobInterruption]) -> str:
    return "; ".join(f"{cut.reason} after round {cut.rounds}" for cut in cuts)
