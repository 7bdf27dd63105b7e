"""What the measured rounds say: speed-ups over dense NiN, who is best, and how that holds by minute. Pure functions."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from statistics import median

from peer_comparison.contenders import REFERENCE_NETWORK, REFERENCE_ROW, Result
from sis_edge.results.statistics import SpeedUp, speed_up

RESAMPLES = 4000
TARGETS = {  # speed-ups over dense NiN fp32 in ONNX Runtime that our kernels are to reach: one core, batch 1
    ("nin", "fp32"): 1.5,
    ("cifar10-sis1", "fp32"): 2.8,
    ("cifar10-sis2", "fp32"): 4.5,
    ("cifar10-sis3", "fp32"): 5.5,
    ("svhn-sis3", "fp32"): 12.0,
    ("cifar10-sis1", "int8"): 7.0,
    ("cifar10-sis2", "int8"): 10.0,
    ("cifar10-sis3", "int8"): 13.0,
    ("svhn-sis3", "int8"): 25.0,
}


@dataclass(frozen=True)
class Standing:
    """One network in one precision: the best of ours and of the others, and ours over the best other's speed."""

    network: str
    precision: str
    other: Result | None
    ours: Result | None
    ratio: SpeedUp | None


def reference(results: Iterable[Result]) -> Result | None:
    """Dense NiN in ONNX Runtime, fp32: what all speed-ups are over."""
    for result in results:
        if (result.contender.network, result.contender.row) == (REFERENCE_NETWORK, REFERENCE_ROW):
            return result
    return None


def ratio(slower: Result | None, faster: Result, clock: str) -> SpeedUp | None:
    """How many times as fast `faster` is, by the rounds that both have; None where there is none."""
    if slower is None or not slower.turns or not faster.turns:
        return None
    processes = {turn.round: turn.process for turn in faster.turns}
    return speed_up(slower.rounds(clock), faster.rounds(clock), resamples=RESAMPLES, processes=processes)


def typical_s(result: Result, clock: str) -> float | None:
    """The median of the rounds' medians [s]; None without turns."""
    rounds = result.rounds(clock)
    return median(median(samples) for samples in rounds.values()) if rounds else None


def best(results: Sequence[Result], network: str, precision: str, clock: str, *, ours: bool) -> Result | None:
    """The fastest of ours or of the others whose outputs are right; None where there is none.

    By the same figure as in the table: the median of the rounds' ratios over the reference, where that ran.
    """
    fitting = [
        result
        for result in results
        if (result.contender.network, result.contender.precision) == (network, precision)
        and result.contender.ours == ours
        and result.why_not is None
        and result.turns
    ]
    dense = reference(results)
    return max(fitting, key=lambda result: _speed(result, dense, clock), default=None)


def _speed(result: Result, dense: Result | None, clock: str) -> float:
    own, other = result.rounds(clock), dense.rounds(clock) if dense is not None else {}
    shared = own.keys() & other.keys()
    if not shared:
        return 1 / (typical_s(result, clock) or float("inf"))
    return median(median(other[number]) / median(own[number]) for number in shared)


def standings(results: Sequence[Result], clock: str) -> list[Standing]:
    """For each network and precision; where only one side has something, the ratio is None."""
    found = []
    for network in dict.fromkeys(result.contender.network for result in results):
        for precision in dict.fromkeys(result.contender.precision for result in results):
            other, ours = (best(results, network, precision, clock, ours=side) for side in (False, True))
            if other is not None or ours is not None:
                both = ratio(other, ours, clock) if ours is not None else None
                found.append(Standing(network, precision, other, ours, both))
    return found


@dataclass(frozen=True)
class Minute:
    """A minute of a sustained run: inferences per second while it ran, and the speed-up, by the rounds within it."""

    minute: int
    rounds: int
    rate_hz: float
    speed_up: float | None


def by_minute(result: Result, over: Result | None, batch: int, clock: str) -> list[Minute]:
    """A sustained run cut into minutes by the start of its turns."""
    dense = over.rounds(clock) if over is not None else {}
    minutes: dict[int, list[int]] = {}
    for turn in result.turns:
        minutes.setdefault(int(turn.start_s // 60), []).append(turn.round)
    own, found = result.rounds(clock), []
    for minute, numbers in minutes.items():
        typical = median(median(own[number]) for number in numbers)
        ratios = [median(dense[number]) / median(own[number]) for number in numbers if number in dense]
        found.append(Minute(minute, len(numbers), batch / typical, median(ratios) if ratios else None))
    return found
