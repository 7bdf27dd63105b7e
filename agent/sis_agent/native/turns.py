"""Timing many things side by side on a processor whose speed changes.

They take turns of some runs each, in a new order every round. How fast the processor is at that moment, with its clock
and with whoever else uses its caches, is seen from how a turn and its neighbours compare with what they usually take;
it is divided out before a median is taken.
"""

import random
import time
from typing import Callable, Dict, List, Sequence, Tuple

LEAST_ROUNDS = 5
RUNS = 3  # in a turn, after one that is not timed and brings the memory back

NEIGHBOURS = 10
"""Turns before one and behind it, some tens of milliseconds each way, that tell the speed of the moment."""

Run = Callable[[], List[float]]
"""Runs once and answers seconds, of the whole or of parts."""

Name = Tuple[str, str]
Turn = Tuple[Name, List[float]]
"""What had a turn, and the seconds of its parts."""


def take(runs: Dict[Name, List[Run]], measuring_s: float) -> List[Turn]:
    """So long, or LEAST_ROUNDS on slow boards, each has its turn in each round; the turns in their order.

    A thing that is run in several ways answers for all of them, one after the other.
    """
    order = sorted(runs)
    turns: List[Turn] = []
    shuffled, end, rounds = random.Random(0), time.perf_counter() + measuring_s, 0
    while order and (rounds < LEAST_ROUNDS or time.perf_counter() < end):
        shuffled.shuffle(order)
        for name in order:
            turns.append((name, [seconds for run in runs[name] for seconds in _turn(run)]))
        rounds += 1
    return turns


def at_one_speed(turns: List[Turn]) -> List[Turn]:
    """The same turns as if all had been as fast as one in four was."""
    totals: Dict[Name, List[float]] = {}
    for name, seconds in turns:
        totals.setdefault(name, []).append(sum(seconds))
    usual = {name: median(values) for name, values in totals.items()}
    slowness = [sum(seconds) / usual[name] for name, seconds in turns]
    around = [median(slowness[max(0, at - NEIGHBOURS) : at + NEIGHBOURS + 1]) for at in range(len(turns))]
    wanted = sorted(around)[len(around) // 4] if around else 1.0
    return [(name, [value * wanted / around[at] for value in seconds]) for at, (name, seconds) in enumerate(turns)]


def medians(turns: List[Turn]) -> Dict[Name, List[float]]:
    """Of each thing the medians of its turns, part by part."""
    found: Dict[Name, List[List[float]]] = {}
    for name, seconds in turns:
        found.setdefault(name, []).append(seconds)
    return {name: [median(values) for values in by_part(times)] for name, times in found.items()}


def by_part(runs: List[List[float]]) -> List[List[float]]:
    """The values of each part, from those of each run."""
    return [[run[at] for run in runs] for at in range(len(runs[0]))]


def median(values: Sequence[float]) -> float:
    """The middle one of some values, the lower of two."""
    return sorted(values)[(len(values) - 1) // 2]


def _turn(run: Run) -> List[float]:
    run()
    return [sum(values) / RUNS for values in by_part([run() for _ in range(RUNS)])]
