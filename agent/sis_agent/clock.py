"""One monotonic clock for everything that is timed.

On Linux perf_counter is CLOCK_MONOTONIC, so the stamps of the job and of its worker are on one time line.
Nanoseconds where the interpreter has them (3.7), else float seconds.
"""

import time
from typing import Callable, Union

Ticks = Union[int, float]

_nanoseconds = getattr(time, "perf_counter_ns", None)

# `now` stays the bare built-in function: a wrapper would cost as much as the clock itself.
now: Callable[[], Ticks] = _nanoseconds or time.perf_counter
# A divisor, not a factor: 53,905 ns divided by 1e9 is the float nearest to 53.905 us, and prints as short.
TICKS_PER_S = 1e9 if _nanoseconds else 1.0
NAME = "perf_counter_ns" if _nanoseconds else "perf_counter"
RESOLUTION_S = time.get_clock_info("perf_counter").resolution


def now_s() -> float:
    """Seconds on the same clock, from an arbitrary start."""
    return now() / TICKS_PER_S
