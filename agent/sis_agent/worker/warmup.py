"""When a network is warm: its latency has reached a plateau.

The rule is the one of NVIDIA's Model Navigator, tightened: the medians of the last three windows of inferences
agree within 5%. Three windows last about as long as the job asks for; each has between 5 and 1,000 inferences.
"""

from typing import Callable, List, NamedTuple, Sequence

from sis_agent import clock

WINDOWS = 3
AGREEMENT = 0.05
WINDOW_LEAST = 5
WINDOW_MOST = 1000
INFERENCES_MOST = 10000
# A network that never settles (a throttling board) must not warm up for ever; the record says that it did not.
TIME_FACTOR_MOST = 10.0

Timer = Callable[[int], List[float]]


class WarmUp(NamedTuple):
    """The latencies of the warm-up, and whether it ended on a plateau."""

    latencies_s: List[float]
    steady: bool


def median(values: Sequence[float]) -> float:
    """The middle value; the lower one of two."""
    return sorted(values)[(len(values) - 1) // 2]


def is_steady(latencies_s: Sequence[float], window: int) -> bool:
    """Whether the medians of the last three windows agree within 5% of the smallest."""
    if len(latencies_s) < WINDOWS * window:
        return False
    tail = latencies_s[-WINDOWS * window :]
    medians = [median(tail[start : start + window]) for start in range(0, len(tail), window)]
    return max(medians) <= min(medians) * (1 + AGREEMENT)


def warm_up(timer: Timer, at_least_s: float, now_s: Callable[[], float] = clock.now_s) -> WarmUp:
    """Run inferences until the plateau test passes and `at_least_s` is over, or until the limits above.

    `timer(n)` runs n inferences and returns their latencies in seconds.
    """
    start_s = now_s()
    latencies = timer(WINDOW_LEAST)
    typical_s = max(median(latencies), 1e-9)
    window = int(min(max(at_least_s / WINDOWS / typical_s, WINDOW_LEAST), WINDOW_MOST))
    while True:
        latencies += timer(window)
        spent_s = now_s() - start_s
        steady = is_steady(latencies, window)
        enough = spent_s >= at_least_s or len(latencies) >= INFERENCES_MOST
        too_much = spent_s >= at_least_s * TIME_FACTOR_MOST and len(latencies) >= WINDOWS * window
        if (steady and enough) or too_much or len(latencies) >= INFERENCES_MOST + WINDOWS * window:
            return WarmUp(latencies, steady)
