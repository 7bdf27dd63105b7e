"""What sensors and the board's state say of one window of sustained work: means in place of samples."""

from typing import Any, Callable, Dict, List, Optional, Sequence, Tuple

from sis_agent.board.thermal import hottest
from sis_agent.schema import PowerTrace, StateSample

Drain = Callable[[], Tuple[List[PowerTrace], List[StateSample]]]

GPU_WORKS = 0.1  # from this load on a GPU's clock is that of its work
SINCE_BOOT = "occurred"  # in the names of flags that stay set until the board restarts


class WindowStates:
    """What a sampler reads, window by window; only what has not been asked for yet is kept.

    `cores` are those that the job may use, none given: all. Times are on the job's clock.
    """

    def __init__(self, drain: Drain, cores: Sequence[int], on_gpu: bool) -> None:
        self._drain = drain
        self._cores = list(cores)
        self._on_gpu = on_gpu
        self._trace: Optional[PowerTrace] = None
        self._states: List[StateSample] = []
        self._counters: Dict[str, float] = {}

    def of(self, start_s: float, end_s: float) -> Dict[str, Any]:
        """The fields of a SustainedWindow; forgets all that was before its end."""
        traces, states = self._drain()
        self._states += states
        if traces:
            self._trace = traces[0] if self._trace is None else _joined(self._trace, traces[0])
        within = [state for state in self._states if start_s <= state.t_s <= end_s]
        self._states = [state for state in self._states if state.t_s > end_s]
        fields = {
            "power_w": {} if self._trace is None else mean_power_w(self._trace, start_s, end_s),
            "cpu_frequency_hz": _mean([self._cpu_hz(state) for state in within]),
            "gpu_frequency_hz": _mean([self._gpu_hz(state) for state in within]),
            "temperature_c": max((warm[1] for warm in map(_warmest, within) if warm is not None), default=None),
            "throttle": _throttle(within),
            "events": self._events(within),
            "states": len(within),
        }
        if self._trace is not None:
            self._trace = _after(self._trace, end_s)
        return fields

    def _cpu_hz(self, state: StateSample) -> Optional[float]:
        clocks = state.cpu_frequency_hz
        if self._cores and max(self._cores) < len(clocks):
            clocks = [clocks[core] for core in self._cores]
        return max((hertz for hertz in clocks if hertz), default=None)

    def _gpu_hz(self, state: StateSample) -> Optional[float]:
        works = self._on_gpu if state.gpu_load is None else state.gpu_load >= GPU_WORKS
        return state.gpu_frequency_hz if works else None

    def _events(self, states: Sequence[StateSample]) -> Dict[str, float]:
        """By how much each counter rose since it was read last."""
        risen: Dict[str, float] = {}
        for state in states:
            for name, count in state.counters.items():
                step = count - self._counters.get(name, count)
                risen[name] = risen.get(name, 0.0) + max(step, 0.0)
                self._counters[name] = count
        return risen


def mean_power_w(trace: PowerTrace, start_s: float, end_s: float) -> Dict[str, Optional[float]]:
    """Each rail's mean power within a stretch; None where it was read less than twice there.

    A sensor's answer is its mean over one update: those that may reach before the start are left out. Of a counter the
    power is what it rose by from the last reading before the stretch to the last within it.
    """
    power_w: Dict[str, Optional[float]] = {}
    for rail in trace.rails:
        counted = rail in trace.energy_j
        column = trace.energy_j[rail] if counted else trace.power_w[rail]
        samples = [(trace.times_s[at], value) for at, value in enumerate(column) if value is not None]
        if counted:
            first_s = max((time_s for time_s, _ in samples if time_s <= start_s), default=start_s)
        else:
            first_s = start_s + (trace.update_interval_s or 0.0)
        power_w[rail] = _mean_of([each for each in samples if first_s <= each[0] <= end_s], counted)
    return power_w


def _mean_of(samples: Sequence[Tuple[float, float]], counted: bool) -> Optional[float]:
    """Watts, from (time, energy) or (time, power); None for less than two samples."""
    length_s = samples[-1][0] - samples[0][0] if samples else 0.0
    if length_s <= 0:
        return None
    if counted:
        return round((samples[-1][1] - samples[0][1]) / length_s, 6)
    joules = 0.0
    for at in range(1, len(samples)):
        (before_s, before_w), (after_s, after_w) = samples[at - 1], samples[at]
        joules += (after_s - before_s) * (after_w + before_w) / 2
    return round(joules / length_s, 6)


def _warmest(state: StateSample) -> Optional[Tuple[str, float]]:
    return hottest(state.temperatures_c)


def _throttle(states: Sequence[StateSample]) -> Dict[str, float]:
    """The share of states in which each sign was up; flags that stay set say nothing of a window."""
    names = {name for state in states for name in state.throttle if SINCE_BOOT not in name.lower()}
    return {name: sum(state.throttle.get(name, 0.0) > 0 for state in states) / len(states) for name in sorted(names)}


def _mean(values: Sequence[Optional[float]]) -> Optional[float]:
    known = [value for value in values if value is not None]
    return sum(known) / len(known) if known else None


def _joined(first: PowerTrace, later: PowerTrace) -> PowerTrace:
    return _with(later, first.times_s + later.times_s, lambda kind, rail: kind(first)[rail] + kind(later)[rail])


def _after(trace: PowerTrace, time_s: float) -> PowerTrace:
    """The samples after a time, and the last one before it."""
    first = max(sum(each <= time_s for each in trace.times_s) - 1, 0)
    return _with(trace, trace.times_s[first:], lambda kind, rail: kind(trace)[rail][first:])


def _with(trace: PowerTrace, times_s: List[float], values: Callable[..., List[Optional[float]]]) -> PowerTrace:
    return trace._replace(
        times_s=times_s,
        power_w={rail: values(lambda each: each.power_w, rail) for rail in trace.power_w},
        energy_j={rail: values(lambda each: each.energy_j, rail) for rail in trace.energy_j},
    )
