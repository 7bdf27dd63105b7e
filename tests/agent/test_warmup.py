from hypothesis import given
from hypothesis import strategies as st

from sis_agent.worker import warmup


class Board:
    """Networks whose latency is a function of the time; `run` moves the clock."""

    def __init__(self, latency_s):  # type: ignore[no-untyped-def]
        self.latency_s = latency_s
        self.now_s = 0.0

    def run(self, count: int) -> list[float]:
        found = []
        for _ in range(count):
            found.append(self.latency_s(self.now_s))
            self.now_s += found[-1]
        return found

    def warm_up(self, at_least_s: float) -> warmup.WarmUp:
        return warmup.warm_up(self.run, at_least_s, lambda: self.now_s)


def test_a_steady_network_is_warm_when_the_time_is_over() -> None:
    board = Board(lambda now_s: 0.001)
    found = board.warm_up(0.5)
    assert found.steady
    assert 0.5 <= board.now_s < 0.8


def test_a_network_that_settles_is_awaited() -> None:
    # Clocks that ramp up: from 10 ms to 2 ms within two seconds.
    board = Board(lambda now_s: max(0.010 - 0.004 * now_s, 0.002))
    found = board.warm_up(0.5)
    assert found.steady
    assert warmup.median(found.latencies_s[-10:]) < 0.002 * 1.05


def test_a_network_that_never_settles_ends_and_says_so() -> None:
    board = Board(lambda now_s: 0.001 * (1 + 10 * now_s))
    found = board.warm_up(0.1)
    assert not found.steady
    assert board.now_s < 2.0


def test_a_slow_network_still_gets_three_windows() -> None:
    found = Board(lambda now_s: 1.0).warm_up(0.5)
    assert found.steady
    assert len(found.latencies_s) == 5 + 3 * 5 - 5


def test_a_network_that_does_nothing_ends_by_count() -> None:
    found = Board(lambda now_s: 0.0).warm_up(0.5)
    assert len(found.latencies_s) <= warmup.INFERENCES_MOST + 1000 * warmup.WINDOWS


@given(st.lists(st.floats(1e-6, 1.0), min_size=15, max_size=60), st.integers(1, 5), st.floats(0.1, 10))
def test_steadiness_depends_on_ratios_only(latencies: list[float], window: int, factor: float) -> None:
    medians = [warmup.median(latencies[len(latencies) - window * n :][:window]) for n in (3, 2, 1)]
    spread = max(medians) / min(medians)
    if abs(spread - 1.05) > 1e-6:
        assert warmup.is_steady(latencies, window) == (spread < 1.05)
        assert warmup.is_steady([value * factor for value in latencies], window) == (spread < 1.05)


def test_too_few_are_not_steady() -> None:
    assert not warmup.is_steady([1.0] * 14, 5)
    assert warmup.is_steady([1.0] * 15, 5)
