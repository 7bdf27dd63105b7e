"""What a turn cost in addition to its latencies: processor time, waiting for a core, switches.

Everything is read before the first timed inference and after the last, so nothing of it is in a latency.
"""

import os
import resource
import time
from typing import Callable, Dict, List, Optional, Union

from sis_agent import clock

TASKS = "/proc/self/task"
WHOSE = getattr(resource, "RUSAGE_THREAD", resource.RUSAGE_SELF)

Cost = Union[float, int, None]


def thread_cpu_s() -> float:
    """Processor time of this thread; time.thread_time is younger than Python 3.6."""
    return time.clock_gettime(time.CLOCK_THREAD_CPUTIME_ID)


def process_cpu_s() -> float:
    """Processor time of all threads of this process."""
    return time.clock_gettime(time.CLOCK_PROCESS_CPUTIME_ID)


def run_delay_s(tasks: str = TASKS) -> Optional[float]:
    """How long this process's threads were ready and waited for a core, added up; None where the kernel does not count.

    The second field of schedstat, in nanoseconds. A thread that ends between two readings takes its part along.
    """
    waited_ns: List[float] = []
    try:
        for thread in os.listdir(tasks):
            try:
                with open(os.path.join(tasks, thread, "schedstat"), "rb") as file:
                    waited_ns.append(float(file.read().split()[1]))
            except (ProcessLookupError, FileNotFoundError):  # it has just ended, or the kernel has no such file
                continue
    except (OSError, ValueError, IndexError):
        return None
    return sum(waited_ns) / 1e9 if waited_ns else None


def involuntary_switches() -> int:
    """How often the core was taken from this thread; from all of its process where the system cannot say it of one."""
    return resource.getrusage(WHOSE).ru_nivcsw


class CostMeter:
    """The costs between `begin` and `end`; `costs` names them as RoundSamples does."""

    def __init__(self, read_delay_s: Callable[[], Optional[float]] = run_delay_s) -> None:
        self._read_delay_s = read_delay_s
        self.costs: Dict[str, Cost] = {}

    def begin(self) -> None:
        """Right before the first timed inference: what takes longest to read comes first."""
        self._delay_s = self._read_delay_s()
        self._switches = involuntary_switches()
        self._process_s = process_cpu_s()
        self._cpu_s = thread_cpu_s()
        self._start_s = clock.now_s()

    def end(self) -> None:
        """Right after the last one."""
        wall_s = clock.now_s() - self._start_s
        cpu_s = thread_cpu_s() - self._cpu_s
        process_s = process_cpu_s() - self._process_s
        switches = involuntary_switches() - self._switches
        delay_s = self._read_delay_s()
        known = delay_s is not None and self._delay_s is not None
        self.costs = {
            "wall_s": wall_s,
            "cpu_s": cpu_s,
            "process_cpu_s": process_s,
            "run_delay_s": max((delay_s or 0.0) - (self._delay_s or 0.0), 0.0) if known else None,
            "involuntary_switches": switches,
        }
