import math
import random

import pytest
from scipy.special import stdtrit

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


def test_batches_by_hand() -> None:
    """Ten means, 0 to 9, whose variance is 55/6."""
    values = [float(mean) for mean in range(10) for _ in range(2)]
    expected = pytest.approx(2.262 * math.sqrt(55 / 6 / 10), rel=1e-3)
    assert confidence.batch_half_width(values) == expected
    assert confidence.batch_half_width([1000.0] * 9 + values) == expected, "the first rounds are left out"


def test_the_wider_of_both_estimates_counts() -> None:
    wandering = [math.sin(at / 20) / 100 for at in range(200)]
    spread = [0.01 * (-1) ** at for at in range(200)]  # all batches alike
    for logs, by_batches in ((wandering, True), (spread, False)):
        interval, batches = confidence.rank_interval(logs), confidence.batch_half_width(logs)
        assert interval is not None
        assert batches is not None
        found = confidence.relative_half_width([math.exp(value) for value in logs])
        assert found >= math.expm1(batches) * (1 - 1e-9)
        assert found > 0.9 * (interval[1] - interval[0]) / 2
        assert (batches > 1e-6) is by_batches


def test_only_values_that_follow_their_neighbours_widen() -> None:
    draw = random.Random(2)
    independent = [draw.gauss(0, 1) for _ in range(2000)]
    alike = [0.0]
    for value in independent:
        alike.append(0.5 * alike[-1] + value)
    assert confidence.widening(independent) == pytest.approx(1, abs=0.05)
    assert confidence.widening(alike) == pytest.approx(math.sqrt(3), rel=0.1)  # (1 + 1/2) / (1 - 1/2)
    assert confidence.widening(alike) > 1.73  # on the safe side
    assert confidence.widening([1.0, -1.0] * 20) == 1
    assert confidence.widening([2.0] * 20) == confidence.widening([]) == 1


@pytest.mark.parametrize("degrees", [1, 1.5, 2, 2.5, 3, 4, 5.5, 9, 11, 29, 75, 500, 1e6])
def test_students_t(degrees: float) -> None:
    assert confidence.t_quantile(degrees) == pytest.approx(float(stdtrit(degrees, 0.975)), rel=0.03)
    if degrees >= 4 or degrees == int(degrees):
        assert confidence.t_quantile(degrees) == pytest.approx(float(stdtrit(degrees, 0.975)), rel=0.001)


def test_a_correlation_is_corrected_for_its_bias_and_for_few_values() -> None:
    """By hand for eight values whose neighbours' products add up to 0: r is then taken as (8 x 0 + 1) / (8 - 4)."""
    values = [0.0, 0.5, 1.5, 1.0, 2.0, 1.0, 0.5, 1.5]
    correlation = 1 / 4 + 2 * (1 / 4) ** 2 * math.sqrt((1 - (1 / 4) ** 2) / 8)
    inflation = 1 + 2 * sum((1 - lag / 8) * correlation**lag for lag in range(1, 8))
    quantiles = confidence.t_quantile(8 / inflation - 1) / confidence.t_quantile(7)
    expected = quantiles * math.sqrt(inflation * (7 / 8) / (1 - inflation / 8))
    assert confidence.widening(values) == pytest.approx(expected)


def test_an_offset_of_a_process_is_no_correlation() -> None:
    """Processes in blocks of their own would look like neighbours that are alike."""
    draw = random.Random(4)
    processes = [0] * 30 + [1] * 30
    values = [draw.gauss(process, 0.1) for process in processes]
    assert confidence.widening(values) > 4
    assert confidence.widening(values, processes) < 1.5


def test_processes_that_differ_are_a_component_of_their_own() -> None:
    """Three means 0.9, 1.0, 1.1 with nothing within: Student's t with two degrees of freedom, for a median."""
    values, processes = [0.9, 1.0, 1.1] * 10, [0, 1, 2] * 10
    error = 0.1 / math.sqrt(3)
    expected = 4.303 * math.sqrt(math.pi / 2) * error
    assert confidence.process_half_width(values, processes) == pytest.approx(expected)
    assert confidence.process_half_width(values, [0] * 30) == confidence.process_half_width(values, []) == 0
    assert confidence.process_half_width([1.0, 1.1], [0, 1]) == 0  # a round each: nothing to tell them from noise by


def test_what_rounds_alone_show_between_processes_is_taken_off() -> None:
    draw = random.Random(5)
    processes = [at % 3 for at in range(60)]
    noise = [[draw.gauss(0, 1) for _ in processes] for _ in range(300)]
    found = [confidence.process_half_width(values, processes) for values in noise]
    # The ratio of the variances is above 3/4 in about half of the cases: F with 2 and 57 degrees of freedom.
    assert 0.40 < sum(width > 0 for width in found) / len(found) < 0.58


def test_three_quarters_of_what_rounds_show_between_processes_are_taken_off_by_hand() -> None:
    """Means -1, 0, 1 of four rounds each, which lie 1 off them: 4 between processes, 4/3 within."""
    values = [mean + noise for mean in (-1.0, 0.0, 1.0) for noise in (1.0, -1.0, 1.0, -1.0)]
    component = (4 - 0.75 * 4 / 3) / 4
    expected = 4.303 * math.sqrt(math.pi / 2) * math.sqrt(component * 3 * 4**2) / 12
    assert confidence.process_half_width(values, [0] * 4 + [1] * 4 + [2] * 4) == pytest.approx(expected)


def test_processes_with_unequal_numbers_of_rounds() -> None:
    """One that took the place of a dead one has few; its mean counts for less."""
    processes = [0] * 20 + [1] * 20 + [2] * 2
    few_differ = [0.0] * 40 + [0.3] * 2
    many_differ = [0.3] * 20 + [0.0] * 22
    one, other = (confidence.process_half_width(values, processes) for values in (few_differ, many_differ))
    assert 0 < one < other / 2


def test_half_the_rank_interval_is_a_share_of_the_median() -> None:
    """Batches of two ones and two twos are all alike, and what alternates widens nothing."""
    assert confidence.relative_half_width([2.0] + [1.0, 2.0] * 20) == pytest.approx(0.5 / 2.0)


def test_the_half_width_has_all_parts() -> None:
    """Ranks and batches, widened, and the processes' part in quadrature."""
    draw = random.Random(6)
    processes = [at % 3 for at in range(60)]
    ratios = [1.5 * math.exp(draw.gauss(0, 0.01)) for _ in processes]
    alone = confidence.relative_half_width(ratios)
    assert 0.002 < alone < 0.006
    apart = [ratio * math.exp(0.03 * process) for ratio, process in zip(ratios, processes, strict=True)]
    between = confidence.process_half_width([math.log(ratio) for ratio in apart], processes)
    assert confidence.relative_half_width(apart, processes) > between > 0.05
