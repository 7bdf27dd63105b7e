"""Things that take turns on a processor whose speed changes: what is said of them should not depend on it."""

from collections.abc import Callable

import pytest

from sis_agent.native import turns
from sis_agent.native.turns import Name, Turn

COSTS: dict[Name, list[float]] = {("native", str(at)): [0.001 * (at + 1), 0.0005] for at in range(12)}


def taken(slowness: Callable[[int], float], rounds: int = 20) -> list[Turn]:
    """Turns on a processor that is so many times slower at each turn."""
    names = list(COSTS)
    return [
        (name, [value * slowness(number * len(names) + at) for value in COSTS[name]])
        for number in range(rounds)
        for at, name in enumerate(names[number % 5 :] + names[: number % 5])
    ]


@pytest.mark.parametrize(
    "slowness",
    [lambda turn: 1.0, lambda turn: 1.0 if turn < 130 else 1.6, lambda turn: 1.0 if turn // 40 % 2 else 2.0],
    ids=["steady", "from then on", "by turns"],
)
def test_a_change_of_speed_leaves_no_trace(slowness: Callable[[int], float]) -> None:
    found = turns.medians(turns.at_one_speed(taken(slowness)))
    scale = found["native", "0"][0] / COSTS["native", "0"][0]
    assert scale == pytest.approx(1, rel=0.05), "as fast as one in four turns was"
    for name, costs in COSTS.items():
        assert found[name] == pytest.approx([value * scale for value in costs], rel=0.03)


def test_one_thing_that_is_disturbed_now_and_then_keeps_its_median() -> None:
    disturbed = [
        (name, [value * (5 if at % 36 == 0 else 1) for value in seconds])
        for at, (name, seconds) in enumerate(taken(lambda turn: 1.0))
    ]
    found = turns.medians(turns.at_one_speed(disturbed))
    for name, costs in COSTS.items():
        assert found[name] == pytest.approx(costs, rel=1e-6)


def test_each_has_its_turn_in_each_round_in_another_order() -> None:
    calls: list[str] = []

    def run(name: str) -> turns.Run:
        return lambda: calls.append(name) or [1.0, 2.0]  # type: ignore[func-returns-value]

    found = turns.take({("native", name): [run(name), lambda: [3.0]] for name in "abc"}, 0.0)
    assert len(found) == 3 * turns.LEAST_ROUNDS
    assert all(seconds == [1.0, 2.0, 3.0] for _, seconds in found)
    rounds = [tuple(name for (_, name), _ in found[at : at + 3]) for at in range(0, len(found), 3)]
    assert {tuple(sorted(names)) for names in rounds} == {("a", "b", "c")}
    assert len(set(rounds)) > 1
    assert len(calls) == len(found) * (turns.RUNS + 1)


def test_nothing_takes_no_time() -> None:
    assert turns.take({}, 10.0) == []
    assert turns.at_one_speed([]) == []
