import math
import random
from collections.abc import Iterable, Iterator

import pytest

from sis_agent.measure import confidence, stopping
from sis_agent.schema import JOB_VERSION, Job, NetworkJob, NetworkRecord, Preprocess, RoundSamples
from sis_edge.results.statistics import speed_up

JOB = Job(
    JOB_VERSION,
    "b1",
    [NetworkJob("dense", "m", "l"), NetworkJob("sis", "m", "l")],
    "i",
    1e-4,
    Preprocess([0.5] * 3, [0.25] * 3),
    reference="dense",
    target_ci=0.01,
    min_inferences=10**9,
)


Latencies = list[list[float]]


def turns(
    rounds: int, draw: random.Random, spread: float, correlation: float = 0.0
) -> Iterator[tuple[list[float], ...]]:
    """Latencies of two networks whose true speed-up is 1.5, round by round, on a board that drifts; a slow tail.

    Each network's level keeps the share `correlation` of its deviation in the round before.
    """
    deviations = [draw.gauss(0, spread) for _ in range(2)]
    for at in range(rounds):
        found = []
        for network, latency_s in enumerate((1.5e-3, 1e-3)):
            new = draw.gauss(0, spread * math.sqrt(1 - correlation**2))
            deviations[network] = correlation * deviations[network] + new
            level = latency_s * (1 + 0.1 * math.sin(at / 40)) * math.exp(deviations[network])
            found.append([level * math.exp(abs(draw.gauss(0, 0.01))) for _ in range(9)])
        yield tuple(found)


def run(
    rule: stopping.StoppingRule, rounds: Iterable[tuple[list[float], ...]]
) -> tuple[str | None, tuple[Latencies, Latencies]]:
    """Feed rounds to the rule until it ends them or there are no more: why it did, and what both networks have had."""
    records = [NetworkRecord("dense", 1, rounds=[]), NetworkRecord("sis", 1, rounds=[])]
    ended_by = None
    for at, latencies in enumerate(rounds):
        for record, latencies_s in zip(records, latencies, strict=True):
            record.rounds.append(RoundSamples(at, 0, 0.0, latencies_s))
            rule.add(record.name, latencies_s)
        ended_by = rule.ended_by(at + 1, records)
        if ended_by is not None:
            break
    dense, sis = ([turn.latencies_s for turn in record.rounds] for record in records)
    return ended_by, (dense, sis)


def ended(rule: stopping.StoppingRule, rounds: Iterable[tuple[list[float], ...]]) -> tuple[str | None, int]:
    """Why and after how many rounds."""
    ended_by, (dense, _) = run(rule, rounds)
    return ended_by, len(dense)


@pytest.mark.slow
def test_coverage_after_an_early_stop() -> None:
    """Of the intervals after a stop at 1%, at least 93% hold the truth: the board's ranks and the host's bootstrap.

    With 1,000 simulations 93% is three standard errors below 95%.
    """
    simulations, most = 1000, 300
    draw = random.Random(7)
    stops = ranks = bootstraps = hosts = 0
    for number in range(simulations):
        rounds = turns(most, draw, draw.choice([0.01, 0.02, 0.025]))
        ended_by, (dense, sis) = run(stopping.StoppingRule(JOB), rounds)
        if ended_by != stopping.TARGET_CI:
            continue
        stops += 1
        interval = confidence.rank_interval(confidence.ratios(dense, sis))
        assert interval is not None
        ranks += interval[0] <= 1.5 <= interval[1]
        if number % 2:
            found = speed_up(dict(enumerate(dense)), dict(enumerate(sis)), seed=number, resamples=400)
            assert found is not None
            assert found.interval is not None
            hosts += 1
            bootstraps += found.interval.low <= 1.5 <= found.interval.high
    assert stops > 0.9 * simulations
    assert ranks / stops >= 0.93
    assert bootstraps / hosts >= 0.93


@pytest.mark.slow
@pytest.mark.parametrize("correlation", [0.2, 0.4])
def test_coverage_after_an_early_stop_where_neighbouring_rounds_are_alike(correlation: float) -> None:
    simulations = 500
    draw = random.Random(11)
    stops = held = 0
    for number in range(simulations):
        rounds = turns(300, draw, draw.choice([0.01, 0.02]), correlation)
        ended_by, (dense, sis) = run(stopping.StoppingRule(JOB), rounds)
        if ended_by != stopping.TARGET_CI:
            continue
        stops += 1
        found = speed_up(dict(enumerate(dense)), dict(enumerate(sis)), seed=number, resamples=400)
        assert found is not None
        assert found.interval is not None
        held += found.interval.low <= 1.5 <= found.interval.high
    assert stops > 0.9 * simulations
    assert held / stops >= 0.93


def test_a_noisy_pair_goes_on_and_a_quiet_one_stops_soon() -> None:
    draw = random.Random(3)
    assert ended(stopping.StoppingRule(JOB), turns(60, draw, 0.2)) == (None, 60)
    ended_by, rounds = ended(stopping.StoppingRule(JOB), turns(60, draw, 0.001))
    # Two looks in succession have to agree: after 30 rounds and after 33.
    assert (ended_by, rounds) == (stopping.TARGET_CI, 33)


def test_without_its_reference_there_is_no_early_stop() -> None:
    rule = stopping.StoppingRule(JOB)
    record = NetworkRecord("sis", 1, rounds=[RoundSamples(at, 0, 0.0, [1e-3] * 9) for at in range(50)])
    assert all(rule.ended_by(rounds, [record]) is None for rounds in range(1, 51))


def test_the_length_asks_for_rounds_inferences_and_time() -> None:
    job = JOB._replace(target_ci=None, rounds=3, min_inferences=50, min_time_s=0.95)
    rounds = [([0.02] * 10, [0.01] * 10)] * 20
    # `sis` needs ten rounds of 0.1 s for its time; 50 inferences it has after five.
    assert ended(stopping.StoppingRule(job), rounds) == (stopping.LENGTH, 10)
    assert ended(stopping.StoppingRule(job._replace(min_time_s=0.0)), rounds) == (stopping.LENGTH, 5)
    assert ended(stopping.StoppingRule(job._replace(min_time_s=0.0, min_inferences=0)), rounds) == (
        stopping.LENGTH,
        3,
    )


def test_a_network_of_no_time_at_all_ends_by_its_samples() -> None:
    job = JOB._replace(target_ci=None, rounds=1, min_inferences=0, min_time_s=10.0)
    turn = [1e-9] * 10_000
    assert ended(stopping.StoppingRule(job), [(turn, turn)] * 20) == (
        stopping.LENGTH,
        stopping.INFERENCES_MOST // 10_000,
    )


def test_every_process_has_had_rounds_before_anything_ends() -> None:
    one = [([0.01] * 10, [0.01] * 10)] * 40
    job = JOB._replace(rounds=2, processes=5, min_inferences=0)
    assert ended(stopping.StoppingRule(job._replace(target_ci=None)), one) == (stopping.LENGTH, 5)
    # A tight interval ends nothing either: looks begin when all have had one, and two in succession must agree.
    early = job._replace(rounds=20, processes=30, min_inferences=10**9)
    assert ended(stopping.StoppingRule(early), one) == (stopping.TARGET_CI, 33)


def test_what_processes_differ_by_goes_on() -> None:
    """Each process is sure of its own ratio, and they disagree by more than the target."""
    rule, draw = stopping.StoppingRule(JOB._replace(processes=3)), random.Random(1)
    records = [NetworkRecord("dense", 1, rounds=[]), NetworkRecord("sis", 1, rounds=[])]
    offsets = [1.0, 1.02, 0.98]
    for at in range(60):
        for record, latency_s in zip(records, (1.5e-3 * offsets[at % 3], 1e-3), strict=True):
            latencies_s = [latency_s * math.exp(draw.gauss(0, 0.001)) for _ in range(9)]
            record.rounds.append(RoundSamples(at, 0, 0.0, latencies_s, process=at % 3))
            rule.add(record.name, latencies_s)
        assert rule.ended_by(at + 1, records) is None
    alike = [record._replace(rounds=[turn._replace(process=0) for turn in record.rounds[::3]]) for record in records]
    assert (
        confidence.relative_half_width(
            confidence.ratios(*[[turn.latencies_s for turn in record.rounds] for record in alike])
        )
        < 0.01
    )


def test_expected_rounds_are_those_of_the_slowest_wish() -> None:
    rule = stopping.StoppingRule(JOB._replace(rounds=30, min_inferences=1000, min_time_s=1.0))
    for _ in range(2):
        rule.add("dense", [0.01] * 10)
    assert rule.expected_rounds(2, ["dense", "sis"]) == 100


@pytest.mark.parametrize(
    ("typical_s", "expected"), [(1e-9, 1000), (1e-3, 100), (3e-2, 3), (0.08, 1), (0.15, 1), (5.0, 1)]
)
def test_a_turn_takes_a_tenth_of_a_second(typical_s: float, expected: int) -> None:
    job = JOB._replace(inferences_per_round=0)
    warmup = [100 * typical_s] * 5 + [typical_s] * 10  # the cold ones do not count
    assert stopping.turn_inferences(job, warmup) == expected
    assert stopping.turn_inferences(job._replace(inferences_per_round=7), warmup) == 7
