"""Counts of units against trying them all."""

from itertools import product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from sis_edge.formation.budget import SizeClass, counts

SHARES = st.sampled_from([0.1, 0.25, 0.5, 0.7, 0.99])


def classes(most: int, available: int) -> st.SearchStrategy[list[SizeClass]]:
    one = st.builds(SizeClass, st.integers(1, 12), st.integers(0, available), SHARES)
    return st.lists(one, min_size=1, max_size=most)


def score(units: list[SizeClass], found: tuple[int, ...], target: int) -> tuple[int, float]:
    """How far from the target, then how unlikely; written apart from the code."""
    miss = abs(target - sum(one.size * count for one, count in zip(units, found, strict=True)))
    distance = 0.0
    for one, count in zip(units, found, strict=True):
        if one.available:
            gap = count - one.available * one.share
            distance += gap**2 / (one.available * one.share * (1 - one.share))
    return miss, distance


@given(units=classes(2, 25), target=st.integers(0, 700))
@settings(max_examples=300, deadline=None)
def test_one_and_two_classes_are_the_best_there_is(units: list[SizeClass], target: int) -> None:
    every = product(*(range(one.available + 1) for one in units))
    best = min(score(units, found, target) for found in every)
    miss, distance = score(units, tuple(counts(units, target)), target)
    assert miss == best[0]
    assert distance <= best[1] * (1 + 1e-9) + 1e-9


@given(units=classes(4, 40), target=st.integers(0, 2000))
@settings(max_examples=300, deadline=None)
def test_counts_are_never_more_than_there_are(units: list[SizeClass], target: int) -> None:
    found = counts(units, target)
    assert len(found) == len(units)
    assert all(0 <= count <= one.available for one, count in zip(units, found, strict=True))


@given(units=classes(4, 1000))
@settings(deadline=None)
def test_without_a_target_each_class_gets_its_expectation_rounded_half_up(units: list[SizeClass]) -> None:
    for one, count in zip(units, counts(units, None), strict=True):
        assert abs(count - one.available * one.share) <= 0.5
    assert counts([SizeClass(9, 5, 0.5)], None) == [3]


def test_four_classes_of_ragged_blocks_reach_the_paper_s_count() -> None:
    units = [SizeClass(175, 2673, 0.25), SizeClass(75, 99, 0.25), SizeClass(63, 5184, 0.25), SizeClass(27, 192, 0.25)]
    found = counts(units, 201_522)
    assert sum(one.size * count for one, count in zip(units, found, strict=True)) == 201_522
    assert score(units, tuple(found), 201_522)[1] < 4 * 2**2  # each within some two deviations


@pytest.mark.parametrize(("available", "share"), [(25, 0.5), (40, 0.99), (7, 0.1)])
def test_counts_are_as_far_from_their_expectation_as_the_binomial_law_says(available: int, share: float) -> None:
    units = SizeClass(9, available, share)
    assert units.variance == pytest.approx(float(stats.binom.var(available, share)))
    count = np.array([0, available])
    expected = (count - stats.binom.mean(available, share)) ** 2 / stats.binom.var(available, share)
    assert units.distance(count) == pytest.approx(expected)


def test_nothing_to_draw_from() -> None:
    assert counts([], 100) == []
    assert counts([SizeClass(9, 0, 0.5), SizeClass(4, 0, 0.5)], 100) == [0, 0]


def test_a_share_of_1_leaves_none_out_where_the_others_can_give_way() -> None:
    """One unit of the first class and the 50 of the second that its share asks for would reach the target too."""
    assert counts([SizeClass(25, 10, 1.0), SizeClass(9, 100, 0.5)], 25 * 10 + 9 * 25) == [10, 25]
    assert SizeClass(25, 10, 1.0).distance(np.array([9, 10])).tolist() == [np.inf, 0.0]
