"""Steady-state latency of one call."""

from dataclasses import dataclass

from sis_agent.schema import NetworkRecord
from sis_edge.results.rows.figure import Figure
from sis_edge.results.statistics import needed, percentile


@dataclass(frozen=True)
class LatencyFigures:
    """Percentiles of the latency of one call, over `samples` calls in `rounds` rounds."""

    samples: int
    rounds: int
    warmup_steady: Figure[bool]
    p50_s: Figure[float]
    p90_s: Figure[float]
    p99_s: Figure[float]


def latency_figures(record: NetworkRecord | None, reason: str) -> LatencyFigures:
    """The latencies of a network; `reason` says why there are none, where there are none."""
    rounds = round_latencies(record)
    samples = [latency for latencies in rounds.values() for latency in latencies]
    return LatencyFigures(
        samples=len(samples),
        rounds=len(rounds),
        warmup_steady=Figure.of(record.warmup_steady if record else None, reason),
        p50_s=_percentile(samples, 50, reason),
        p90_s=_percentile(samples, 90, reason),
        p99_s=_percentile(samples, 99, reason),
    )


def round_latencies(record: NetworkRecord | None) -> dict[int, list[float]]:
    """The latencies [s] of a network by the round's number, without rounds in which it has none."""
    return {turn.round: turn.latencies_s for turn in record.rounds if turn.latencies_s} if record else {}


def round_processes(record: NetworkRecord | None) -> dict[int, int]:
    """The worker process of each round that `round_latencies` has."""
    return {turn.round: turn.process for turn in record.rounds if turn.latencies_s} if record else {}


def _percentile(samples: list[float], percent: int, reason: str) -> Figure[float]:
    short = f"insufficient (n = {len(samples)}, needs {needed(percent)})"
    return Figure.of(percentile(samples, percent), short if samples else reason)
