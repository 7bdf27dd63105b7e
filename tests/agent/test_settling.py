"""Waiting until the board's power has come to rest."""

import random
from collections.abc import Callable
from math import exp

import pytest

from sis_agent.measure import settling
from sis_agent.measure.sampler import Sampler
from sis_agent.power.base import Source


def waited(watts: Callable[[float], float], limit_s: float = 30.0) -> tuple[bool, float]:
    """Whether it came to rest and after how many seconds, by a sensor that is read 20 times a second."""
    now = [0.0]
    numbers = random.Random(0)
    samples: list[tuple[float, float]] = []

    def sleep(time_s: float) -> None:
        end_s = now[0] + time_s
        while now[0] < end_s - 1e-9:
            now[0] += 0.05
            samples.append((now[0], watts(now[0]) * numbers.gauss(1, 0.005)))

    def recent(since_s: float) -> settling.Samples:
        return [sample for sample in samples if sample[0] >= since_s]

    return settling.wait(recent, sleep, lambda: now[0], limit_s), now[0]


def test_power_at_rest_is_not_waited_for() -> None:
    came, after_s = waited(lambda time_s: 2.0)
    assert came
    assert after_s == pytest.approx(settling.LOOK_S, abs=0.1)


@pytest.mark.parametrize("memory_s", [2.0, 4.0])
def test_a_decay_is_waited_for(memory_s: float) -> None:
    came, after_s = waited(lambda time_s: 2.0 + exp(-time_s / memory_s))
    assert came
    assert exp(-after_s / memory_s) < 0.03  # of a watt are left
    assert after_s < 30


def test_the_wait_is_bounded() -> None:
    came, after_s = waited(lambda time_s: 2.0 + exp(-time_s / 60))
    assert not came
    assert after_s == pytest.approx(30, abs=0.6)
    assert waited(lambda time_s: 2.0 + exp(-time_s / 60), 0.0) == (False, 0.0)


def test_rising_power_and_too_few_samples() -> None:
    assert not settling.falls([(0.1 * at, 1 + 0.1 * at) for at in range(50)])
    assert settling.falls([(0.1 * at, 9 - 0.1 * at) for at in range(50)])
    assert settling.falls([(0.0, 1.0)] * 3)


def test_the_sampler_gives_the_recent_total() -> None:
    class Rails(Source):
        kind = "rails"

        def read(self) -> dict[str, float | None]:
            now[0] += 1.0
            return {"A": now[0], "B": None if now[0] == 3 else 10.0}

    now = [0.0]
    sampler = Sampler([Rails(["A", "B"], [], None)], None, 0.0, lambda: now[0])
    for _ in range(4):
        sampler.finish()
    recent = sampler.recent(["A", "B"])
    assert recent is not None
    assert [watts for _, watts in recent(1.0)] == [12.0, 14.0]
    assert sampler.recent(["C"]) is None
    assert sampler.recent([]) is None
    counting = Rails(["A", "B"], [], None)
    counting.counts_energy = True
    counters = Sampler([counting], None, 0.0, lambda: now[0])
    for _ in range(3):
        counters.finish()
    of_counter = counters.recent(["A"])
    assert of_counter is not None
    assert [watts for _, watts in of_counter(0.0)] == pytest.approx([1.0, 1.0])
