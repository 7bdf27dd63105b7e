"""Which network is the fastest at the first minute of sustained work, and which at the last."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from sis_edge.results.sustained.networks import SustainedFigures
from sis_edge.results.sustained.stretches import SustainedChange, edges, medians_s, times_as_long


@dataclass(frozen=True)
class SustainedRank:
    """A network's place, 1 being the fastest, and how many times as fast it is as the reference, first and last.

    A place is shared (`is_tied`) where the interval of the ratio to the network before holds 1. Speed-ups are None for
    the reference itself, and where there is none.
    """

    network: str
    first: int
    last: int
    is_first_tied: bool
    is_last_tied: bool
    first_speed_up: SustainedChange | None
    last_speed_up: SustainedChange | None

    @property
    def is_changed(self) -> bool:
        """Whether its place changed beyond doubt: neither is shared."""
        return self.first != self.last and not self.is_first_tied and not self.is_last_tied


def ranking(figures: Sequence[SustainedFigures], reference: str | None) -> list[SustainedRank]:
    """The networks with whole runs, by their place at the first minute."""
    measured = [each for each in figures if each.windows and each.reason is None]
    cut = {each.network: edges(each.windows) for each in measured}
    firsts, lasts = ({name: medians_s(parts[at]) for name, parts in cut.items()} for at in (0, 1))
    if any(not medians for part in (firsts, lasts) for medians in part.values()):
        return []
    before, after = _places(firsts), _places(lasts)
    ranks = [
        SustainedRank(
            name,
            before[name][0],
            after[name][0],
            before[name][1],
            after[name][1],
            _speed_up(name, reference, firsts),
            _speed_up(name, reference, lasts),
        )
        for name in cut
    ]
    return sorted(ranks, key=lambda rank: rank.first)


def _places(medians: dict[str, list[float]]) -> dict[str, tuple[int, bool]]:
    """Each network's place, and whether it is not surely slower than the one before, or surely faster than the next."""
    ordered = sorted(medians, key=lambda name: sum(medians[name]) / len(medians[name]))
    like_next = [_are_alike(medians[one], medians[two]) for one, two in pairwise(ordered)]
    return {
        name: (at + 1, any(like_next[max(at - 1, 0) : at + 1]) if like_next else False)
        for at, name in enumerate(ordered)
    }


def _are_alike(one: Sequence[float], two: Sequence[float]) -> bool:
    ratio = times_as_long(one, two)
    return ratio is None or ratio.interval is None or ratio.interval.low <= 1 <= ratio.interval.high


def _speed_up(name: str, reference: str | None, medians: dict[str, list[float]]) -> SustainedChange | None:
    if name == reference or reference not in medians:
        return None
    return times_as_long(medians[name], medians[reference])
