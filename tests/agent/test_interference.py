"""When a turn is measured again; what a verdict makes of lost time is in tests/results/test_interference.py."""

import pytest

from sis_agent.measure import interference
from sis_agent.schema import JOB_VERSION, Job, NetworkJob, Preprocess, RoundSamples

JOB = Job(JOB_VERSION, "b1", [NetworkJob("a", "m", "l")], "i", 1e-4, Preprocess([0.5] * 3, [0.25] * 3))
CLEAN = RoundSamples(0, 0, 0.0, [0.1], wall_s=0.1, cpu_s=0.1, run_delay_s=0.0)


def lost(share: float, **changes: object) -> RoundSamples:
    return CLEAN._replace(cpu_s=0.1 * (1 - share), **changes)


def rule(kept: int = 100, job: Job = JOB) -> interference.RepeatRule:
    """One that has seen so many clean turns."""
    found = interference.RepeatRule(job)
    assert not any(found.again(CLEAN) for _ in range(kept))
    return found


@pytest.mark.parametrize(("share", "again"), [(0.0, False), (0.004, False), (0.006, True), (0.5, True)])
def test_lost_time_decides(share: float, again: bool) -> None:
    assert rule().again(lost(share)) == again


def test_a_latency_does_not() -> None:
    """Fair: what is kept is not chosen for being fast."""
    for latency_s in (1e-6, 0.1, 5.0):
        assert rule().again(lost(0.1)._replace(latencies_s=[latency_s]))
        assert not rule().again(CLEAN._replace(latencies_s=[latency_s]))


def test_a_turn_has_four_attempts() -> None:
    found = rule()
    assert [found.again(lost(0.2, preempted=before)) for before in range(4)] == [True, True, True, False]


def test_a_board_that_stays_busy_costs_a_quarter_more_time() -> None:
    found, attempts, kept = interference.RepeatRule(JOB), 0, 0
    while kept < 400:
        before = 0
        while found.again(lost(0.3, preempted=before)):
            before += 1
        attempts += before
        kept += 1
    assert 0.2 * kept < attempts <= 0.25 * kept


def test_nothing_is_thrown_away_before_something_is_kept() -> None:
    found = interference.RepeatRule(JOB)
    assert [found.again(lost(0.3)) for _ in range(5)] == [False, False, False, False, True]


def test_what_is_unknown_is_kept() -> None:
    unknown = RoundSamples(0, 0, 0.0, [0.1])
    assert interference.lost_s(JOB, unknown) is None
    assert not rule().again(unknown)


def test_with_several_threads_or_a_gpu_the_wait_for_a_core_is_what_is_lost() -> None:
    asleep = lost(0.6, run_delay_s=0.0001)
    for job in (JOB._replace(threads=2), JOB._replace(on_gpu=True)):
        assert interference.lost_s(job, asleep) == 0.0001
        assert interference.lost_s(job, lost(0.6, run_delay_s=None)) is None
        assert not rule(job=job).again(asleep)
        assert rule(job=job).again(asleep._replace(run_delay_s=0.01))
    assert interference.lost_s(JOB, asleep) == pytest.approx(0.06)


def test_one_thread_without_processor_time_has_its_wait() -> None:
    assert interference.lost_s(JOB, CLEAN._replace(cpu_s=None, run_delay_s=0.02)) == 0.02
    # The kernel's two counts differ in what they leave out; the greater is what was lost at least.
    assert interference.lost_s(JOB, lost(0.1, run_delay_s=0.03)) == 0.03
    # Two clocks that are read one after the other: no time is gained.
    assert interference.lost_s(JOB, CLEAN._replace(cpu_s=0.1001)) == 0
