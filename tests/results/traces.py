"""Simulated latency traces of a board whose speed changes while it measures.

One stream of slowness factors, an inference each, is what the board does; networks meet the part of it that their
turn falls on. So an interleaved and a sequential run of the same length can be set against each other.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

Factors = NDArray[np.float64]
Rounds = dict[int, list[float]]

ROUNDS, PER_ROUND = 30, 20
KINDS = ("steady", "drift", "bursts", "two clocks", "all at once")


def autoregressive(count: int, memory: float, deviation: float, generator: np.random.Generator) -> Factors:
    """AR(1) noise of a standard deviation, each value keeping the share `memory` of the one before."""
    noise = generator.normal(0, deviation * np.sqrt(1 - memory**2), count)
    values = np.empty(count)
    value = generator.normal(0, deviation)
    for at in range(count):
        value = memory * value + noise[at]
        values[at] = value
    return values


def slowness(kind: str, count: int, generator: np.random.Generator) -> Factors:
    """`count` factors above or near 1: autocorrelated noise of 1% always, and by `kind` what else goes on."""
    log = autoregressive(count, 0.8, 0.01, generator) + generator.normal(0, 0.005, count)
    place = np.linspace(0, 1, count)
    if kind in ("drift", "all at once"):  # a board that warms up by 6%, and wanders by 2% besides
        log += 0.06 * (1 - np.exp(-3 * place)) + autoregressive(count, 0.998, 0.02, generator)
    if kind in ("bursts", "all at once"):  # another process takes the core for ten inferences, 1% of the time
        starts = np.flatnonzero(generator.random(count) < 0.001)
        for start in starts:
            log[start : start + 10] += 0.6
    if kind in ("two clocks", "all at once"):  # the clock falls by a fifth for long stretches
        switches = generator.random(count) < 0.005
        log += 0.2 * (np.cumsum(switches) % 2)
    if kind not in KINDS:
        raise ValueError(kind)
    factors: Factors = np.exp(log)
    return factors


def interleaved(
    latencies_s: Sequence[float], factors: Factors, generator: np.random.Generator, per_round: int = PER_ROUND
) -> list[Rounds]:
    """Each network's rounds, where all networks take turns in random order within every round."""
    turns = factors.reshape(-1, len(latencies_s), per_round)
    networks: list[Rounds] = [{} for _ in latencies_s]
    for number, turn in enumerate(turns):
        for place, network in enumerate(generator.permutation(len(latencies_s))):
            networks[network][number] = list(latencies_s[network] * turn[place])
    return networks


def sequential(latencies_s: Sequence[float], factors: Factors, per_round: int = PER_ROUND) -> list[Rounds]:
    """The same length of run, one network after the other, cut into blocks of the same size."""
    parts = factors.reshape(len(latencies_s), -1, per_round)
    return [
        {number: list(latency_s * block) for number, block in enumerate(part)}
        for latency_s, part in zip(latencies_s, parts, strict=True)
    ]


def unpaired_interval(
    dense: Rounds, network: Rounds, generator: np.random.Generator, resamples: int = 1000
) -> tuple[float, float]:
    """What a sequential run allows: blocks of either network drawn on their own, then the ratio of their medians."""
    medians = []
    for rounds in (dense, network):
        blocks = np.array([np.median(samples) for samples in rounds.values()])
        drawn = blocks[generator.integers(0, len(blocks), (resamples, len(blocks)))]
        medians.append(np.median(drawn, axis=1))
    low, high = np.quantile(medians[0] / medians[1], (0.025, 0.975))
    return float(low), float(high)
