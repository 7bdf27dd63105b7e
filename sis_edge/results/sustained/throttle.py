"""When a board at sustained work lost its speed for good.

A window is slow where a clock is below CLOCK_SHARE of the best window of the first minute, or the median time of a call
above LATENCY_SHARE of the shortest there. The time to throttle is the start of the first slow window from which on
LASTS_SHARE of all windows to the end are slow, LASTS at least: what passes is none, and is told as a share.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from sis_agent.schema import SustainedWindow
from sis_edge.results.sustained.histogram import middle
from sis_edge.results.sustained.stretches import edges, medians_s

CLOCK_SHARE, LATENCY_SHARE = 0.95, 1.05
LASTS, LASTS_SHARE = 3, 0.9
RULE = (
    f"Time to throttle: the first window with a clock below {CLOCK_SHARE:.0%} of the first minute's best, or a median "
    f"time above {LATENCY_SHARE:.0%} of its shortest, from which on {LASTS_SHARE:.0%} of the windows to the end are so."
)


@dataclass(frozen=True)
class SustainedThrottle:
    """`time_s` from the run's start to its lasting slowdown, None where there is none; `cause` is what it showed in.

    `slow_share` is that of all windows. `signs` are the board's own: each with the share of time that it was up, and
    events that it counted.
    """

    time_s: float | None
    cause: str | None
    slow_share: float
    signs: tuple[str, ...]


def throttle(windows: Sequence[SustainedWindow]) -> SustainedThrottle:
    """Whether and when a run became slow, from its windows in their order."""
    first, _ = edges(windows)
    cpu_hz = max((window.cpu_frequency_hz for window in first if window.cpu_frequency_hz), default=None)
    gpu_hz = max((window.gpu_frequency_hz for window in first if window.gpu_frequency_hz), default=None)
    shortest_s = min(medians_s(first), default=None)
    causes = [_cause(window, cpu_hz, gpu_hz, shortest_s) for window in windows]
    at = next((index for index in range(len(causes)) if _lasts(causes[index:])), None)
    return SustainedThrottle(
        time_s=None if at is None else windows[at].start_s - windows[0].start_s,
        cause=None if at is None else causes[at],
        slow_share=sum(cause is not None for cause in causes) / len(causes),
        signs=_signs(windows),
    )


def _cause(window: SustainedWindow, cpu_hz: float | None, gpu_hz: float | None, shortest_s: float | None) -> str | None:
    for name, now_hz, best_hz in (
        ("CPU clock", window.cpu_frequency_hz, cpu_hz),
        ("GPU clock", window.gpu_frequency_hz, gpu_hz),
    ):
        if now_hz is not None and best_hz is not None and now_hz < CLOCK_SHARE * best_hz:
            return name
    now_s = middle(window.service)
    if now_s is not None and shortest_s is not None and now_s > LATENCY_SHARE * shortest_s:
        return "latency"
    return None


def _lasts(causes: Sequence[str | None]) -> bool:
    slow = sum(cause is not None for cause in causes)
    return causes[0] is not None and len(causes) >= LASTS and slow >= LASTS_SHARE * len(causes)


def _signs(windows: Sequence[SustainedWindow]) -> tuple[str, ...]:
    read = sum(window.states for window in windows)
    up: dict[str, float] = {}
    events: dict[str, float] = {}
    for window in windows:
        for name, share in window.throttle.items():
            up[name] = up.get(name, 0.0) + share * window.states
        for name, risen in window.events.items():
            events[name] = events.get(name, 0.0) + risen
    signs = [f"{name} up {states / read:.0%} of the time" for name, states in sorted(up.items()) if states > 0]
    return (*signs, *(f"{risen:.0f} events of {name}" for name, risen in sorted(events.items()) if risen > 0))
