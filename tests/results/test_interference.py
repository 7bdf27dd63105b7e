import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from results.boards import KINDS, record
from results.scheduler import SharedCore, measured
from sis_agent.schema import NetworkRecord, Record, RoundSamples
from sis_edge.results.interference import bends, least_median
from sis_edge.results.rows.latency import round_latencies
from sis_edge.results.statistics import speed_up
from sis_edge.results.verdict import Verdict, judge

CLEAN = record(KINDS["raspberry-pi-4"], 1)
PAIRS = [(4e-3, 1.1e-3), (4e-3, 3.6e-3), (12e-3, 3.3e-3), (30e-3, 10e-3), (1e-3, 0.25e-3), (60e-3, 5e-3), (7e-3, 4e-3)]


def judged(networks: list[NetworkRecord], **job: object) -> tuple[Verdict, Record]:
    """The verdict on these networks, on a board on which nothing else is wrong."""
    made = CLEAN._replace(networks=networks, job=CLEAN.job._replace(reference="dense", min_inferences=0, **job))
    return judge(made), made


def ratio(networks: list[NetworkRecord]) -> float:
    found = speed_up(*(round_latencies(network) for network in networks), resamples=100)
    assert found is not None
    return found.estimate


def shared_core(pair: tuple[float, float], core: SharedCore, **job: object) -> tuple[Verdict, float]:
    """The verdict, and the measured over the true speed-up."""
    asked = CLEAN.job._replace(inferences_per_round=0, **job)
    networks = measured(asked, {"dense": pair[0], "sis": pair[1]}, core)
    return judged(networks, **job)[0], ratio(networks) / (pair[0] / pair[1])


def codes(verdict: Verdict) -> dict[str, str]:
    return {reason.code: reason.level for reason in verdict.reasons}


@pytest.mark.parametrize("pair", PAIRS)
@pytest.mark.parametrize("slice_s", [0.0, 3e-3])
def test_a_program_of_2_ms_in_every_8_5_ms_leaves_no_valid_ratio_that_is_off(pair, slice_s) -> None:
    for seed in range(3):
        verdict, _ = shared_core(pair, SharedCore(np.random.default_rng(seed), slice_s=slice_s))
        assert codes(verdict)["interference"] == "INVALID"


def test_the_ratio_is_bent_and_its_interval_does_not_show_it() -> None:
    """What the rule is for: a dense inference that is longer than the other program's pauses never gets past it."""
    networks = measured(
        CLEAN.job._replace(inferences_per_round=0),
        {"dense": 7e-3, "sis": 1.9e-3},
        SharedCore(np.random.default_rng(0)),
    )
    found = speed_up(*(round_latencies(network) for network in networks), resamples=300)
    assert found is not None
    assert found.interval is not None
    assert found.interval.low > 1.2 * 7 / 1.9
    assert found.interval.high / found.interval.low < 1.02


@pytest.mark.parametrize("pair", PAIRS)
def test_a_quiet_core_shows_no_interference_and_its_ratio_is_right(pair) -> None:
    verdict, off = shared_core(pair, SharedCore(np.random.default_rng(1), work_s=0.0))
    assert "interference" not in codes(verdict)
    assert off == pytest.approx(1, abs=0.005)


def check_whatever_shares_the_core(
    seed: int, pair: tuple[float, float], work_s: float, busy: float, slice_s: float, inferences: int
) -> None:
    """The bound holds, and with it the verdict."""
    core = SharedCore(np.random.default_rng(seed), work_s / busy, work_s, slice_s)
    asked = CLEAN.job._replace(inferences_per_round=inferences)
    networks = measured(asked, {"dense": pair[0], "sis": pair[1]}, core)
    off = abs(ratio(networks) / (pair[0] / pair[1]) - 1)
    (bend,) = bends(asked, networks, "dense")
    assert off <= bend.share + 0.005  # the networks' own noise
    level = codes(judged(networks)[0]).get("interference")
    assert level == (None if bend.share <= 0.01 else "SUSPECT" if bend.share <= 0.03 else "INVALID")


# Programs that work for 0.1 to 6 ms and take 0.05% to 30% of the core.
PROGRAMS = {
    "seed": st.integers(0, 2**32),
    "work_s": st.floats(-4, -2.2).map(lambda power: 10**power),
    "busy": st.floats(-3.3, -0.5).map(lambda power: 10**power),
    "slice_s": st.sampled_from([0.0, 3e-3]),
    "inferences": st.sampled_from([0, 3, 30]),
}


@given(pair=st.tuples(st.floats(2e-3, 5e-2), st.floats(2e-3, 5e-2)), **PROGRAMS)
@settings(max_examples=25, deadline=None)
def test_no_valid_ratio_is_off_whatever_shares_the_core(**case) -> None:
    check_whatever_shares_the_core(**case)


@pytest.mark.slow
@given(pair=st.tuples(st.floats(2e-4, 5e-2), st.floats(2e-4, 5e-2)), **PROGRAMS)
@settings(max_examples=250, deadline=None)
def test_no_valid_ratio_is_off_in_many_cases(**case) -> None:
    check_whatever_shares_the_core(**case)


def test_a_turn_that_was_hit_is_measured_again_and_the_run_stays_valid() -> None:
    """A program that wakes up twice a second: most turns never meet it, those that do are repeated."""
    asked = CLEAN.job._replace(inferences_per_round=0)
    core = SharedCore(np.random.default_rng(3), period_s=0.9, work_s=20e-3, jitter=0.1)
    networks = measured(asked, {"dense": 4e-3, "sis": 1.1e-3}, core)
    turns = [turn for network in networks for turn in network.rounds]
    assert sum(turn.preempted for turn in turns) >= 3
    assert "interference" not in codes(judged(networks)[0])


def turn(latencies_s: list[float], lost_s: float | None, number: int = 0, **changes: object) -> RoundSamples:
    wall_s = sum(latencies_s)
    cpu_s = None if lost_s is None else wall_s - lost_s
    return RoundSamples(number, 0, 0.0, latencies_s, wall_s=wall_s, cpu_s=cpu_s)._replace(**changes)


def network(name: str, latency_s: float, lost_share: float | None, **changes: object) -> NetworkRecord:
    turns = []
    for number in range(30):
        each = turn([latency_s] * 20, None if lost_share is None else 20 * latency_s * lost_share, number)
        turns.append(each._replace(**changes))
    return NetworkRecord(name, 1, warmup_steady=True, rounds=turns)


@pytest.mark.parametrize(
    ("lost_share", "level"), [(0.0, None), (0.0045, None), (0.0055, "SUSPECT"), (0.014, "SUSPECT"), (0.017, "INVALID")]
)
@pytest.mark.parametrize("hit", ["dense", "sis"])
def test_thresholds(lost_share, level, hit) -> None:
    """Of 20 equal latencies the median falls by 20/11 of the lost share at most."""
    networks = [
        network(name, latency_s, lost_share if name == hit else 0.0)
        for name, latency_s in (("dense", 4e-3), ("sis", 2e-3))
    ]
    verdict = judged(networks)[0]
    assert codes(verdict).get("interference") == level
    if level is not None:
        (sentence,) = (reason.sentence for reason in verdict.reasons if reason.code == "interference")
        assert f"from {hit} for {lost_share:.1%}" in sentence
        assert "may be off by up to" in sentence


def test_both_networks_count_and_so_do_few_rounds_less() -> None:
    both = [network("dense", 4e-3, 0.004), network("sis", 2e-3, 0.004)]
    assert "interference" not in codes(judged(both)[0])  # one end each
    # A third of the rounds was hit hard: the median over rounds does not move that far.
    hit = network("sis", 2e-3, 0.0)
    rounds = [each if each.round % 3 else turn([2e-3] * 20, 0.3 * 40e-3, each.round) for each in hit.rounds]
    assert "interference" not in codes(judged([both[0], hit._replace(rounds=rounds)])[0])


def test_several_threads_or_a_gpu_are_judged_by_the_wait_for_a_core() -> None:
    """The measuring thread sleeps there while others work, so what it did not compute says nothing."""
    sleeping = [network(name, 4e-3, 0.6, run_delay_s=0.0) for name in ("dense", "sis")]
    waiting = [network(name, 4e-3, 0.6, run_delay_s=0.05 * 80e-3) for name in ("dense", "sis")]
    for job in ({"threads": 2}, {"on_gpu": True}):
        assert "interference" not in codes(judged(sleeping, **job)[0])
        assert codes(judged(waiting, **job)[0])["interference"] == "INVALID"
    assert codes(judged(sleeping)[0])["interference"] == "INVALID"


def test_what_is_unknown_is_no_reason() -> None:
    job = CLEAN.job
    unknown = [network("dense", 4e-3, None), network("sis", 2e-3, 0.4)]
    assert bends(job, unknown, "dense") == []
    assert "interference" not in codes(judged(unknown)[0])


def test_one_network_alone_is_judged_by_its_latency() -> None:
    verdict = judged([network("dense", 4e-3, 0.1)])[0]
    (sentence,) = (reason.sentence for reason in verdict.reasons if reason.code == "interference")
    assert "the latency may be off" in sentence


def test_a_turn_that_lost_all_its_time_has_no_bound() -> None:
    hit = [network("dense", 4e-3, 1.0), network("sis", 2e-3, 0.0)]
    (bend,) = bends(CLEAN.job, hit, "dense")
    assert bend.share == math.inf
    assert any("any factor" in reason.sentence for reason in judged(hit)[0].reasons)


@given(st.lists(st.floats(1e-5, 1.0), min_size=1, max_size=12), st.floats(0, 1.5), st.data())
@settings(deadline=None)
def test_no_way_to_lose_the_time_lowers_the_median_more(latencies_s, share, data) -> None:
    lost_s = share * sum(latencies_s)
    bound = least_median(latencies_s, lost_s)
    assert -1e-12 <= bound <= np.median(latencies_s) + 1e-12
    # Any other way to take as much off: a random order, each as much as it has.
    left_s, others = lost_s, list(latencies_s)
    for at in data.draw(st.permutations(range(len(others)))):
        taken_s = min(others[at], left_s, data.draw(st.floats(0, 1)) * 2 * lost_s)
        others[at] -= taken_s
        left_s -= taken_s
    assert np.median(others) >= bound - 1e-12


def test_the_least_median_by_hand() -> None:
    assert least_median([1.0, 2.0, 3.0], 0.0) == 2.0
    assert least_median([1.0, 2.0, 3.0], 0.5) == pytest.approx(1.5)  # the middle one alone
    assert least_median([1.0, 2.0, 3.0], 1.5) == pytest.approx(0.75)  # then the lower one with it
    assert least_median([1.0, 2.0, 3.0], 9.0) == 0
    assert least_median([1.0, 3.0], 1.0) == pytest.approx(1.5)
    assert least_median([4.0], 1.0) == 3.0
