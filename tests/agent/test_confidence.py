import math
import random

import pytest

from sis_agent.measure import confidence


def binomial_below(count: int, rank: int) -> float:
    return sum(math.comb(count, k) for k in range(rank)) / 2**count


@pytest.mark.parametrize("count", [6, 7, 30, 31, 100, 999])
def test_the_rank_interval_is_the_narrowest_that_holds_95_percent(count: int) -> None:
    found = confidence.rank_interval([float(value) for value in range(1, count + 1)])
    assert found is not None
    rank = int(found[0])
    assert found[1] == count + 1 - rank
    assert binomial_below(count, rank) <= 0.025 < binomial_below(count, rank + 1)


def test_five_rounds_carry_no_interval_and_ten_no_batches() -> None:
    assert confidence.rank_interval([1.0] * 5) is None
    assert confidence.batch_half_width([1.0] * 19) is None
    assert confidence.relative_half_width([1.5] * 19) == math.inf
    assert confidence.relative_half_width([1.5] * 20) == pytest.approx(0.0)


def test_batches_see_what_ranks_do_not() -> None:
    """A speed-up that wanders is less well known than its spread says."""
    values = [math.sin(at / 20) / 100 for at in range(200)]
    shuffled = random.Random(1).sample(values, len(values))
    one, other = confidence.batch_half_width(values), confidence.batch_half_width(shuffled)
    assert one is not None
    assert other is not None
    assert one > 2 * other


def test_only_values_that_follow_their_neighbours_widen() -> None:
    draw = random.Random(2)
    independent = [draw.gauss(0, 1) for _ in range(2000)]
    alike = [0.0]
    for value in independent:
        alike.append(0.5 * alike[-1] + value)
    assert confidence.widening(independent) == pytest.approx(1, abs=0.05)
    assert confidence.widening(alike) == pytest.approx(math.sqrt(3), rel=0.1)  # (1 + 1/2) / (1 - 1/2)
    assert confidence.widening([1.0, -1.0] * 20) == 1
    assert confidence.widening([2.0] * 20) == confidence.widening([]) == 1
