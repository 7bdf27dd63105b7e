"""One network at work for minutes, in fake time: every window, the schedule of paced calls, and what is missed."""

import math
from collections.abc import Callable
from itertools import pairwise
from typing import Any

import pytest

from sis_agent.schema import LatencyCounts
from sis_agent.worker.sustain import FOLD_AT, Histogram, sustain


class FakeTime:
    """A clock that moves when a call works or sleeps; `cost_s` gives the next call's time."""

    def __init__(self, cost_s: Callable[[int], float]) -> None:
        self.now, self.calls, self._cost_s = 100.0, 0, cost_s
        self.begins: list[float] = []

    def now_s(self) -> float:
        return self.now

    def sleep(self, time_s: float) -> None:
        assert time_s > 0
        self.now += time_s

    def step(self) -> None:
        self.begins.append(self.now)
        self.now += self._cost_s(self.calls)
        self.calls += 1


def told(cost_s: Callable[[int], float], time_s: float, window_s: float, rate_hz: float | None) -> tuple[Any, FakeTime]:
    windows: list[dict[str, Any]] = []
    fake = FakeTime(cost_s)
    sustain(fake.step, time_s, window_s, rate_hz, windows.append, fake.now_s, fake.sleep)
    return windows, fake


def total(counts: LatencyCounts) -> int:
    return sum(counts.counts)


def test_back_to_back_windows_hold_every_call_and_all_the_time() -> None:
    windows, fake = told(lambda call: 0.03 if call < 200 else 0.06, 12.0, 2.0, None)
    assert len(windows) == 6
    assert all(before["end_s"] == after["start_s"] for before, after in pairwise(windows))
    assert windows[0]["start_s"] == 100.0
    assert 12.0 <= windows[-1]["end_s"] - 100.0 < 12.06 + 1e-9
    assert sum(total(window["service"]) for window in windows) == fake.calls
    assert all("latency" not in window and "missed" not in window for window in windows)
    assert windows[0]["service"].max_s == pytest.approx(0.03)
    assert windows[-1]["service"].min_s == pytest.approx(0.06)


def test_paced_calls_begin_when_they_are_due() -> None:
    windows, fake = told(lambda call: 0.01, 10.0, 2.0, 20.0)
    assert fake.calls == 200
    assert fake.begins == pytest.approx([100.0 + call / 20 for call in range(200)])
    assert [window["due"] for window in windows] == [40] * 5
    assert sum(window["missed"] for window in windows) == 0
    assert all(window["latency"].max_s == pytest.approx(0.01) for window in windows)


def test_a_stall_is_in_the_latency_of_each_call_that_it_held_up() -> None:
    """No coordinated omission: one call of 1 s at 10 a second makes ten calls late, whose own time is short."""
    windows, fake = told(lambda call: 1.0 if call == 20 else 0.02, 10.0, 10.0, 10.0)
    (window,) = windows
    assert fake.calls == 100
    late_s = [begin - (100.0 + call / 10) for call, begin in enumerate(fake.begins)]
    assert late_s[21] == pytest.approx(0.9)
    # The call itself and those that began so late that the next one was due before they ended.
    assert window["missed"] == 1 + sum(late + 0.02 > 0.1 for late in late_s[21:]) == 12
    assert sum(count for bucket, count in zip(*window["service"][:2], strict=True) if 1.002**bucket > 0.5) == 1
    assert sum(count for bucket, count in zip(*window["latency"][:2], strict=True) if 1.002**bucket > 0.45) == 7


def test_a_board_that_is_too_slow_runs_without_a_pause_and_leaves_the_rest() -> None:
    windows, fake = told(lambda call: 0.0625, 10.0, 5.0, 32.0)
    assert fake.calls == 160
    due = sum(window["due"] for window in windows)
    assert due == 320
    assert sum(window["missed"] for window in windows) == 160
    assert windows[-1]["latency"].max_s == pytest.approx(160 / 16 - 159 / 32)


def test_a_rate_of_less_than_one_a_window_has_windows_without_a_call() -> None:
    windows, fake = told(lambda call: 0.01, 10.0, 1.0, 0.2)
    assert (fake.calls, len(windows)) == (2, 10)
    assert [window["due"] for window in windows] == [1, 0, 0, 0, 0, 1, 0, 0, 0, 0]
    assert windows[1]["service"] == LatencyCounts([], [], 0.0, 0.0, 0.0)


def test_a_call_longer_than_a_window_ends_it() -> None:
    windows, _ = told(lambda call: 2.5, 10.0, 1.0, None)
    assert [total(window["service"]) for window in windows] == [1, 1, 1, 1]
    assert [window["end_s"] - window["start_s"] for window in windows] == [2.5] * 4


def test_a_histogram_keeps_each_latency_to_a_five_hundredth() -> None:
    histogram, values = Histogram(), [1e-6 * 1.37**power for power in range(40)] * (FOLD_AT // 20) + [0.0]
    for value in values:
        histogram.add(value)
    counted = histogram.counted()
    assert total(counted) == len(values)
    assert (counted.min_s, counted.max_s) == (0.0, max(values))
    assert counted.sum_s == pytest.approx(math.fsum(values))
    assert counted.buckets == sorted(counted.buckets)
    edges = [(1.002**bucket, 1.002 ** (bucket + 1)) for bucket in counted.buckets[1:]]
    assert all(low <= value * (1 + 1e-9) and value <= high for value, (low, high) in zip(values, edges, strict=False))
