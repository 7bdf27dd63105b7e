"""What sampling cost, on simulated pairs of turns."""

import numpy as np
import pytest

from sis_agent.schema import Record, SamplerPair, Sampling
from sis_edge.results import sampling
from sis_edge.results.verdict import judge
from tests.results.boards import KINDS, record
from tests.results.traces import slowness

PER_TURN = 3


def pairs(slowdown: float, count: int, generator: np.random.Generator) -> list[SamplerPair]:
    """Turns on a board with noise and drift; with the sampler, one inference in ten bears the whole cost."""
    found = []
    for pair in slowness("drift", 2 * count * PER_TURN, generator).reshape(count, 2, PER_TURN):
        one, other = pair[generator.permutation(2)]
        hit = generator.random(PER_TURN) < 0.1
        found.append(SamplerPair("nin", list(0.04 * one * np.where(hit, 1 + 10 * slowdown, 1)), list(0.04 * other)))
    return found


def measured(found: list[SamplerPair]) -> Record:
    made = record(KINDS["nano"], 1)
    return made._replace(job=made.job._replace(sampler_pairs=len(found)), sampling=Sampling(0.3, 60.0, found))


@pytest.mark.slow
def test_the_interval_holds_the_true_cost() -> None:
    held = 0
    for seed in range(400):
        found = sampling.cost(measured(pairs(0.005, 30, np.random.default_rng(seed))))
        assert found.interval is not None
        held += found.interval.low <= 1.005 <= found.interval.high
    assert held >= 0.93 * 400


def test_what_is_told_of_a_sampler() -> None:
    found = sampling.cost(measured(pairs(0.005, 30, np.random.default_rng(0))))
    assert found.cpu_share == pytest.approx(0.005)
    assert (found.network, found.pairs, found.reason) == ("nin", 30, None)


def test_a_verdict_tells_of_a_sampler_that_slows_the_networks() -> None:
    generator = np.random.default_rng(5)
    quiet = judge(measured(pairs(0.0, 30, generator)))
    slow = judge(measured(pairs(0.05, 100, generator)))
    assert not quiet.reasons
    assert [(reason.code, reason.level) for reason in slow.reasons] == [("sampling", "SUSPECT")]


def test_what_is_not_known_has_a_reason() -> None:
    made = measured([])
    assert "asked for no turns" in (sampling.cost(made).reason or "")
    assert sampling.cost(made).slowdown is None
    asked = made._replace(job=made.job._replace(sampler_pairs=30))
    assert "did not get that far" in (sampling.cost(asked).reason or "")
    failed = sampling.cost(made._replace(sampling=Sampling(reason="the sampling failed: it rained")))
    assert (failed.cpu_share, failed.reason) == (None, "the sampling failed: it rained")
    few = sampling.cost(measured(pairs(0.0, 3, np.random.default_rng(0))))
    assert few.slowdown is not None
    assert few.interval is None
    assert "6 pairs" in (few.reason or "")
