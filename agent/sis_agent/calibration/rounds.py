"""Timing many things side by side on a processor whose speed changes.

They take turns of some runs each, in a new order every round. How fast the processor is at that moment, with its clock
and with whoever else uses its caches, is seen from how a turn and its neighbours compare with what they usually take.
Of each thing the third of its turns counts that met the processor at its fastest, and what is left of the differences
in speed is divided out: what counts is an idle board, and memory that others use slows one thing more than another.
"""

import random
import time
from typing import Callable, Dict, List, Sequence, Tuple

LEAST_ROUNDS = 6
LEAST_TURNS = 3
RUNS = 3  # in a turn, after one that is not timed and brings the memory back

NEIGHBOURS = 10
"""Turns before one and behind it, some tens of milliseconds each way, from which the speed of the moment is seen."""

Run = Callable[[], List[float]]
"""Runs once and answers seconds, of the whole or of parts."""

Turn = Tuple[str, List[float]]
"""What had a turn, and the seconds of its parts."""


def take(runs: Dict[str, List[Run]], measuring_s: float) -> List[Turn]:
    """For that time, and LEAST_ROUNDS on slow boards, each has its turn in each round; the turns in their order.

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


def at_full_speed(turns: List[Turn]) -> Dict[str, List[List[float]]]:
    """Of each thing its quickest third of turns, given in their order, as if the processor had not changed its speed.

    That speed is the one that a sixth of all turns exceeded.
    """
    places: Dict[str, List[int]] = {}
    for index, (name, _) in enumerate(turns):
        places.setdefault(name, []).append(index)
    totals = [sum(seconds) for _, seconds in turns]
    usual = {name: median([totals[index] for index in own]) for name, own in places.items()}
    slowness = [totals[index] / usual[name] for index, (name, _) in enumerate(turns)]
    around = [median(slowness[max(0, index - NEIGHBOURS) : index + NEIGHBOURS + 1]) for index in range(len(turns))]
    wanted = sorted(around)[len(around) // 6] if around else 1.0
    full_speed: Dict[str, List[List[float]]] = {}
    for name, own in places.items():
        quickest = sorted(own, key=around.__getitem__)[: max(LEAST_TURNS, len(own) // 3)]
        full_speed[name] = [[value * wanted / around[index] for value in turns[index][1]] for index in quickest]
    return full_speed


def medians(turns: List[List[float]]) -> List[float]:
    """The medians of some turns, part by part."""
    return [median(values) for values in by_part(turns)]


def by_part(runs: List[List[float]]) -> List[List[float]]:
    """The values of each part, from those of each run."""
    return [[run[part] for run in runs] for part in range(len(runs[0]))]


def median(values: Sequence[float]) -> float:
    """The middle one of some values, the lower of two."""
    return sorted(values)[(len(values) - 1) // 2]


def _turn(run: Run) -> List[float]:
    run()
    return [sum(values) / RUNS for values in by_part([run() for _ in range(RUNS)])]
