"""How often the gate stops a candidate that is as fast as its base, and one that is 3% slower than 2% allow.

The board drifts and its noise is autocorrelated. 100 rounds of 20 are what the default of 10 s gives a network of 5 ms.
"""

import numpy as np
import pytest
from results.traces import KINDS, PER_ROUND, interleaved, slowness

from sis_edge.gate.decision import confirmed, decide, doubtful
from sis_edge.results.changes import METRICS
from sis_edge.results.changes.latency import of_rounds

ROUNDS, LIMIT = 100, 0.02


def is_stopped(slower: float, kind: str, seed: int) -> bool:
    """What the gate says after a measurement, and after a second one where the first is beyond the limit."""
    first = [_measured(slower, kind, seed, 0)]
    found = confirmed(first, [_measured(slower, kind, seed, 1)]) if doubtful(first) else first
    return found[0].state == "regressed"


def _measured(slower: float, kind: str, seed: int, turn: int):
    generator = np.random.default_rng([seed, turn, KINDS.index(kind)])
    factors = slowness(kind, 2 * ROUNDS * PER_ROUND, generator)
    rounds = interleaved((5e-3, 5e-3 * (1 + slower)), factors, generator)
    return decide("net", METRICS["latency"], of_rounds(*rounds, resamples=400), LIMIT)


def stopped(slower: float, kind: str, runs: int) -> float:
    return sum(is_stopped(slower, kind, seed) for seed in range(runs)) / runs


def test_the_same_passes_and_three_percent_are_found() -> None:
    assert stopped(0.0, "drift", 10) == 0
    assert stopped(0.03, "drift", 8) == 1


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["drift", "all at once"])
def test_one_in_a_hundred_of_300_and_95_of_100(kind: str) -> None:
    assert stopped(0.0, kind, 300) <= 0.01
    assert stopped(0.03, kind, 200) >= 0.95


@pytest.mark.slow
def test_a_change_at_the_limit_itself_is_seldom_stopped() -> None:
    assert stopped(LIMIT, "drift", 60) <= 0.05
