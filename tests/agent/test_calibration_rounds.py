"""Things that take turns on a processor whose speed changes: what is said of them should not depend on it."""

from collections.abc import Callable

import pytest

from sis_agent.calibration import rounds
from sis_agent.calibration.rounds import Turn

COSTS: dict[str, list[float]] = {f"n{at}": [0.001 * (at + 1), 0.0005] for at in range(12)}


def taken(slowness: Callable[[int], float], count: int = 20) -> list[Turn]:
    """Turns on a processor that is so many times slower at each turn."""
    names = list(COSTS)
    return [
        (name, [value * slowness(number * len(names) + at) for value in COSTS[name]])
        for number in range(count)
        for at, name in enumerate(names[number % 5 :] + names[: number % 5])
    ]


def medians(taken: list[Turn]) -> dict[str, list[float]]:
    return {name: rounds.medians(each) for name, each in rounds.at_full_speed(taken).items()}


@pytest.mark.parametrize(
    "slowness",
    [lambda turn: 1.0, lambda turn: 1.0 if turn < 130 else 1.6, lambda turn: 1.0 if turn // 40 % 2 else 2.0],
    ids=["steady", "slower from then on", "by turns"],
)
def test_a_change_of_speed_leaves_no_trace(slowness: Callable[[int], float]) -> None:
    found = medians(taken(slowness))
    for name, costs in COSTS.items():
        assert found[name] == pytest.approx(costs, rel=0.03), "as fast as the processor was at its best"


def test_what_slows_one_thing_more_than_another_does_not_count() -> None:
    def disturbed(at: int, name: str, seconds: list[float]) -> Turn:
        slow = 1.0 if at < 100 else 1.5 if name in ("n1", "n5") else 1.2
        return name, [value * slow for value in seconds]

    found = medians([disturbed(at, *turn) for at, turn in enumerate(taken(lambda turn: 1.0))])
    for name, costs in COSTS.items():
        assert found[name] == pytest.approx(costs, rel=1e-6)


def test_one_thing_that_is_disturbed_now_and_then_keeps_its_median() -> None:
    disturbed = [
        (name, [value * (5 if at % 36 == 0 else 1) for value in seconds])
        for at, (name, seconds) in enumerate(taken(lambda turn: 1.0))
    ]
    found = medians(disturbed)
    for name, costs in COSTS.items():
        assert found[name] == pytest.approx(costs, rel=1e-6)


def test_few_turns_all_count() -> None:
    found = rounds.at_full_speed(taken(lambda turn: 1.0, rounds.LEAST_TURNS))
    assert {len(each) for each in found.values()} == {rounds.LEAST_TURNS}


def test_each_has_its_turn_in_each_round_in_another_order() -> None:
    calls: list[str] = []

    def run(name: str) -> rounds.Run:
        return lambda: calls.append(name) or [1.0, 2.0]  # type: ignore[func-returns-value]

    found = rounds.take({name: [run(name), lambda: [3.0], lambda: []] for name in "abc"}, 0.0)
    assert len(found) == 3 * rounds.LEAST_ROUNDS
    assert all(seconds == [1.0, 2.0, 3.0] for _, seconds in found)
    orders = [tuple(name for name, _ in found[at : at + 3]) for at in range(0, len(found), 3)]
    assert {tuple(sorted(names)) for names in orders} == {("a", "b", "c")}
    assert len(set(orders)) > 1
    assert len(calls) == len(found) * (rounds.RUNS + 1)


def test_nothing_takes_no_time() -> None:
    assert rounds.take({}, 10.0) == []
    assert rounds.at_full_speed([]) == {}
