"""Runs as a gate's jobs leave them: a base and a candidate in the same rounds, made from a seed."""

from pathlib import Path
from typing import Any

import numpy as np
from results.given import given_network, given_record, given_run
from results.traces import KINDS, PER_ROUND, interleaved, slowness

from sis_agent.schema import Memory, NetworkRecord, RoundSamples
from sis_edge.board.measure import StoredFile
from sis_edge.gate.pairing import NetworkNames
from sis_edge.results.schema import StoredRun

BASE, CANDIDATE = "base/net", "candidate/net"
NAMES = NetworkNames(BASE, CANDIDATE)
SHOWN = [("net", NAMES)]
BASE_S = 5e-3


def record(name: str, measured: dict[int, list[float]], peaks: list[int], **changes: Any) -> NetworkRecord:
    made, place = given_record("resnet")._replace(name=name, network=name), name.startswith("candidate")
    turns = [
        RoundSamples(number, int(place) ^ number % 2, 2 * number + place, latencies_s)
        for number, latencies_s in measured.items()
    ]
    memory = Memory(31_000_000, 36_000_000, max(peaks), repeats_peak_rss_bytes=peaks)
    return made._replace(**({"rounds": turns, "memory": memory, "model_bytes": 188_000} | changes))


def gate_run(
    slower: float = 0.0,
    *,
    kind: str = "drift",
    seed: int = 0,
    rounds: int = 30,
    larger: float = 0.0,
    names: tuple[str, str] = (BASE, CANDIDATE),
    base: dict[str, Any] | None = None,
    candidate: dict[str, Any] | None = None,
) -> StoredRun:
    """A candidate that is slower by a share, and takes more memory by another; changes are to the records."""
    generator = np.random.default_rng([seed, KINDS.index(kind)])
    latencies_s = (BASE_S, BASE_S * (1 + slower))
    both = interleaved(latencies_s, slowness(kind, 2 * rounds * PER_ROUND, generator), generator)
    peaks = [
        [int(value) for value in 60e6 * (1 + share) * (1 + generator.normal(0, 0.002, 3))] for share in (0.0, larger)
    ]
    records = [
        record(name, turns, own, **(changes or {}))
        for name, turns, own, changes in zip(names, both, peaks, (base, candidate), strict=True)
    ]
    return given_run(*records, entries=tuple(map(given_network, names)), reference=names[0])


def stored(run: StoredRun, name: str = "run.json") -> StoredFile:
    return StoredFile(run, Path("runs") / name)
