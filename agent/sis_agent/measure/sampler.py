"""Sampling while the worker runs: power at the sensors' own pace, the board's state once a second.

A thread of the job's process, which otherwise only waits for the worker. It sleeps between two reads, and reads less
often where a read is expensive, so that it stays below 1% of a core on slow boards too; what it cost is in the record.
"""

import contextlib
import threading
import time
from typing import Callable, Dict, Iterator, List, NamedTuple, Optional, Sequence, Tuple

from sis_agent import clock
from sis_agent.power.base import Source
from sis_agent.schema import PowerTrace, StateSample

# Reads come twice in a sensor's update interval; this often where the sensor does not report one; never more often.
DEFAULT_INTERVAL_S = 0.05
SHORTEST_INTERVAL_S = 0.005
STATE_INTERVAL_S = 1.0

# Shares of one core.
POWER_COST_MOST = 0.006
STATE_COST_MOST = 0.003

ReadState = Callable[[float], StateSample]


class SamplerOutput(NamedTuple):
    """All that was sampled, and what it cost: processor seconds, and the seconds that it went on, without pauses.

    `faults` says why rails of the first source were given up, by their names.
    """

    traces: List[PowerTrace]
    states: List[StateSample]
    cpu_s: float
    wall_s: float
    faults: Dict[str, str] = {}


class Recorder:
    """One source's samples. A repeated answer is left out where the sensor reports how often it updates."""

    def __init__(self, source: Source, clock_zero_s: float, now_s: Callable[[], float] = clock.now_s) -> None:
        self.source = source
        self._zero_s = clock_zero_s
        self._now_s = now_s
        self._reads = 0
        self._first_s = self._last_s = 0.0
        self._duplicates = 0
        self._times_s: List[float] = []
        self._values: Dict[str, List[Optional[float]]] = {rail: [] for rail in source.rails}
        self._last: Dict[str, Optional[float]] = {}
        self._told = 0

    @property
    def interval_s(self) -> float:
        """The time between two reads that the sensor is worth."""
        update_s = self.source.update_interval_s
        return DEFAULT_INTERVAL_S if update_s is None else max(update_s / 2, SHORTEST_INTERVAL_S)

    def sample(self, is_last: bool = False) -> None:
        """Read once; the stamp is the middle of the read. The last sample is kept whatever it says: it is the end."""
        before_s = self._now_s()
        values = self.source.read()
        time_s = (before_s + self._now_s()) / 2 - self._zero_s
        if not self._reads:
            self._first_s = time_s
        self._reads += 1
        self._last_s = time_s
        if not is_last and self._is_repeated(time_s, values):
            self._duplicates += 1
            return
        self._last = values
        self._times_s.append(round(time_s, 6))
        for rail, kept in self._values.items():
            value = values.get(rail)
            kept.append(None if value is None else round(value, 6))

    def leave_out(self, length_s: float) -> None:
        """A pause: no part of the time between two reads."""
        self._first_s += length_s

    def recent(self, rails: Sequence[str], since_s: float) -> List[Tuple[float, float]]:
        """The power of these rails together since then: (time, watts). Of a counter between two reads."""
        count = len(self._times_s)
        first = count
        while first and self._times_s[first - 1] >= since_s:
            first -= 1
        totals = []
        for index in range(first, count):
            values = [self._values[rail][index] for rail in rails]
            known = [value for value in values if value is not None]
            if len(known) == len(values):
                totals.append((self._times_s[index], sum(known)))
        if not self.source.counts_energy:
            return totals
        powers = []
        for index in range(1, len(totals)):
            (before_s, before_j), (after_s, after_j) = totals[index - 1], totals[index]
            if after_s > before_s:
                powers.append(((before_s + after_s) / 2, (after_j - before_j) / (after_s - before_s)))
        return powers

    def trace(self) -> PowerTrace:
        """The samples as the record keeps them."""
        source = self.source
        between_s = (self._last_s - self._first_s) / (self._reads - 1) if self._reads > 1 else self.interval_s
        return PowerTrace(
            source=source.kind,
            rails=source.rails,
            times_s=self._times_s,
            power_w={} if source.counts_energy else self._values,
            energy_j=self._values if source.counts_energy else {},
            update_interval_s=source.update_interval_s,
            sample_interval_s=round(between_s, 6),
            duplicates=self._duplicates,
            skipped_rails=source.skipped_rails,
            gain_error=source.gain_error,
        )

    def news(self) -> PowerTrace:
        """The same with the samples since the last call only."""
        first, self._told = self._told, len(self._times_s)
        trace = self.trace()
        return trace._replace(
            times_s=trace.times_s[first:],
            power_w={rail: values[first:] for rail, values in trace.power_w.items()},
            energy_j={rail: values[first:] for rail, values in trace.energy_j.items()},
        )

    def drain(self) -> PowerTrace:
        """The samples since the last call, which are then forgotten here: of work that goes on for hours."""
        trace = self.trace()
        self._times_s, self._values, self._told = [], {rail: [] for rail in self.source.rails}, 0
        return trace

    def _is_repeated(self, time_s: float, values: Dict[str, Optional[float]]) -> bool:
        """The same answer within one update interval. Later it is a new one that happens to be equal, and counts."""
        update_s = self.source.update_interval_s
        if update_s is None or not self._times_s or values != self._last:
            return False
        return time_s - self._times_s[-1] < 0.9 * update_s


class _Task:
    """Something that is done again and again: when it is next due, and what it has cost so far."""

    def __init__(self, work: Callable[[], None], interval_s: float, cost_most: float, due_s: float) -> None:
        self.work = work
        self.due_s = due_s
        self._interval_s = interval_s
        self._cost_most = cost_most
        self._runs = 0
        self._cost_s = 0.0

    def done(self, cost_s: float, now_s: float) -> None:
        """Note a run; the first one opens files and says nothing about the others."""
        self._runs += 1
        if self._runs > 1:
            self._cost_s += cost_s
        mean_s = self._cost_s / max(self._runs - 1, 1)
        # From the time that it was due, so that the pace holds; from now where it came late, so that nothing piles up.
        self.due_s = max(self.due_s + max(self._interval_s, mean_s / self._cost_most), now_s)


class Sampler:
    """Reads the sources and the state from `start` to `stop`; times in seconds since `clock_zero_s`.

    `state_tools_s` gives the processor time that tools took so far which reading the state has started.
    """

    def __init__(
        self,
        sources: Sequence[Source],
        read_state: Optional[ReadState],
        clock_zero_s: float,
        now_s: Callable[[], float] = clock.now_s,
        state_tools_s: Callable[[], float] = float,
    ) -> None:
        self._now_s = now_s
        self._zero_s = clock_zero_s
        self._start_s = now_s()
        self._state_tools_s = state_tools_s
        self._tools_before_s = state_tools_s()
        self._read_state = read_state
        self._states: List[StateSample] = []
        self._told = 0
        self._recorders = [Recorder(source, clock_zero_s, now_s) for source in sources]
        share = POWER_COST_MOST / max(len(sources), 1)
        self._tasks = [_Task(each.sample, each.interval_s, share, self._start_s) for each in self._recorders]
        if read_state is not None:
            self._tasks.append(_Task(self._sample_state, STATE_INTERVAL_S, STATE_COST_MOST, self._start_s))
        self._cpu_s = 0.0
        self._spent_before_s = self._first_spent_s = self._spent_s()
        self._paused_s = 0.0
        self._failure: Optional[BaseException] = None
        self._reading = threading.Lock()
        self._ending = threading.Event()
        self._thread = threading.Thread(target=self._run, name="sampler", daemon=True)

    def start(self) -> None:
        """Begin to sample in a thread of its own."""
        self._start_s = self._now_s()
        for task in self._tasks:
            task.due_s = self._start_s
        self._thread.start()

    @contextlib.contextmanager
    def paused(self) -> Iterator[None]:
        """Nothing is read within the block; what would have come due in it comes as much later."""
        with self._reading:
            begin_s = self._now_s()
            try:
                yield
            finally:
                length_s = self._now_s() - begin_s
                self._paused_s += length_s
                for task in self._tasks:
                    task.due_s += length_s
                for recorder in self._recorders:
                    recorder.leave_out(length_s)

    def recent(self, rails: Sequence[str]) -> Optional[Callable[[float], List[Tuple[float, float]]]]:
        """A function that gives the first source's total since a time; None where it does not have all of its rails."""
        if not rails or not self._recorders or not set(rails) <= set(self._recorders[0].source.rails):
            return None
        recorder = self._recorders[0]

        def since(time_s: float) -> List[Tuple[float, float]]:
            with self._reading:
                return recorder.recent(rails, time_s)

        return since

    def news(self) -> SamplerOutput:
        """What was sampled since the last call, and what all has cost so far."""
        with self._reading:
            first, self._told = self._told, len(self._states)
            return SamplerOutput(
                [recorder.news() for recorder in self._recorders],
                self._states[first:],
                max(self._spent_before_s - self._first_spent_s, 0.0),
                self._now_s() - self._start_s - self._paused_s,
                self._faults(),
            )

    def drain(self) -> Tuple[List[PowerTrace], List[StateSample]]:
        """What was sampled since the last call, which is then forgotten here."""
        with self._reading:
            states, self._states, self._told = self._states, [], 0
            return [recorder.drain() for recorder in self._recorders], states

    def step(self) -> float:
        """Do what is due, and return when the next thing is."""
        for task in self._tasks:
            if task.due_s <= self._now_s():
                task.work()
                # Since the task before: waking up costs more than reading, and belongs to the one that asked for it.
                spent_s = self._spent_s()
                task.done(spent_s - self._spent_before_s, self._now_s())
                self._spent_before_s = spent_s
        return min((task.due_s for task in self._tasks), default=float("inf"))

    def finish(self) -> None:
        """A last sample of everything, so that the traces reach to the end."""
        for recorder in self._recorders:
            recorder.sample(is_last=True)
        if self._read_state is not None:
            self._sample_state()

    def stop(self) -> SamplerOutput:
        """A last sample of everything, then the end; raises what went wrong while sampling, if anything did."""
        if self._thread.is_alive():
            self._ending.set()
            self._thread.join()
        wall_s = self._now_s() - self._start_s - self._paused_s
        for recorder in self._recorders:
            recorder.source.close()
        if self._failure is not None:
            raise self._failure
        traces = [recorder.trace() for recorder in self._recorders]
        cpu_s = self._cpu_s + self._tools_s()
        return SamplerOutput(traces, self._states, cpu_s, wall_s, self._faults())

    def _faults(self) -> Dict[str, str]:
        return dict(self._recorders[0].source.faults) if self._recorders else {}

    def _run(self) -> None:
        begin_s = _thread_cpu_s()
        self._spent_before_s = self._first_spent_s = self._spent_s()
        try:
            while not self._ending.is_set():
                with self._reading:
                    due_s = self.step()
                self._ending.wait(min(max(due_s - self._now_s(), 0.0), STATE_INTERVAL_S))
            self.finish()
        except BaseException as error:
            self._failure = error
        self._cpu_s = _thread_cpu_s() - begin_s

    def _sample_state(self) -> None:
        assert self._read_state is not None
        self._states.append(self._read_state(self._now_s() - self._zero_s))

    def _spent_s(self) -> float:
        return _thread_cpu_s() + self._tools_s()

    def _tools_s(self) -> float:
        """Processor time outside of this process."""
        state_s = self._state_tools_s() - self._tools_before_s
        return state_s + sum(recorder.source.cpu_s for recorder in self._recorders)


def _thread_cpu_s() -> float:
    """Processor time of this thread; time.thread_time is younger than Python 3.6."""
    return time.clock_gettime(time.CLOCK_THREAD_CPUTIME_ID)
