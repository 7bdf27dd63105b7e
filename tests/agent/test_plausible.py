"""Whether readings can be a board's power: each fault by its words, and nothing wrong with what could be."""

import pytest

from sis_agent.power import plausible
from sis_agent.schema import PowerTrace

Reads = list[float | None]


def trace(power_w: dict[str, Reads], energy_j: dict[str, Reads], step_s: float = 1.0) -> PowerTrace:
    reads = power_w or energy_j
    times_s = [at * step_s for at in range(len(next(iter(reads.values()))))]
    return PowerTrace("s", sorted(reads), times_s, power_w, energy_j, None, step_s)


def fault_of(trace: PowerTrace, floor_w: float | None = None, max_w: float | None = None) -> str | None:
    return plausible.fault(trace, trace.rails, floor_w, max_w)


@pytest.mark.parametrize(
    ("energies_j", "words"),
    [
        ([5.0, 8.0, 6.5, 9.0], "the energy counter of s fell by 1.5 J at 2.0 s"),
        ([5.0, 8.0, 3000.0, 3003.0], "the energy counter of s rose by 2,992 J in 1 s, more than 2000 W give"),
        ([5.0] * 5, "the energy counter of s stands still, as in a virtual machine"),
        ([5.0, 8.0, None, 14.0], None),
        ([5.0, None, None, None], None),
        ([5.0] * 4, "the mean power by s is 0 W, and a running board draws more than 0"),
    ],
)
def test_counters_of_energy(energies_j: Reads, words: str | None) -> None:
    assert fault_of(trace({}, {"a": energies_j})) == words


def test_a_counter_that_is_read_late_once_is_judged_over_a_second() -> None:
    """Two reads 1 ms apart: what the first had missed is in the second, which no board draws in 1 ms."""
    counted = trace({}, {"a": [0.0, 5.0, 10.0]}, step_s=0.001)
    assert fault_of(counted) is None
    assert "more than 4 W give" in str(fault_of(counted, max_w=4.0))


@pytest.mark.parametrize(
    ("floor_w", "max_w", "words"),
    [
        (None, None, None),
        (3.0, 3.0, None),
        (3.1, None, "the mean power by s is 3 W, less than this board draws at rest (3.1 W)"),
        (None, 2.9, "the mean power by s is 3.0 W, more than this board can draw (2.9 W)"),
    ],
)
@pytest.mark.parametrize("counts", [False, True])
def test_the_level_of_all_rails(floor_w: float | None, max_w: float | None, words: str | None, counts: bool) -> None:
    """1 W and 2 W; a time at which one rail could not be read says nothing of their sum."""
    powers: dict[str, Reads] = {"a": [1.0, None, 1.0, 1.0, 1.0], "b": [2.0, 2.0, None, 2.0, 2.0]}
    energies: dict[str, Reads] = {"a": [1.0, None, 3.0, 4.0, 5.0], "b": [0.0, 2.0, None, 6.0, 8.0]}
    found = trace({}, energies) if counts else trace(powers, {})
    said = fault_of(found, floor_w, max_w)
    if counts and words and max_w is not None:
        words = "the energy counter of s rose by 9 J in 3 s, more than 2.9 W give"
    assert said == words


def test_more_than_any_board_draws() -> None:
    said = fault_of(trace({"a": [2000.1, 2000.1]}, {}))
    assert said == "the mean power by s is 2,000.1 W, more than any board draws (2000 W)"
    assert fault_of(trace({"a": [1999.9, 1999.9]}, {})) is None
    assert (
        fault_of(trace({"a": [-1.0, -1.0]}, {})) == "the mean power by s is -1 W, and a running board draws more than 0"
    )


def test_what_was_not_read_is_not_judged() -> None:
    assert fault_of(trace({"a": [None, None]}, {})) is None
    assert plausible.fault(trace({"a": [5000.0]}, {}), ["b"]) is None
    assert plausible.fault(trace({"a": [5000.0]}, {}), []) is None
