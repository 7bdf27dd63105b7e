"""The rules of the verdict, in the order in which their reasons are told."""

from sis_edge.results.rules import board, interference, load, power, sample
from sis_edge.results.rules.base import Level, Reason, Rule

RULES: tuple[Rule, ...] = (
    sample.ended_early,
    sample.too_few,
    sample.no_states,
    board.power_mode,
    board.throttling,
    board.counters,
    board.clocks,
    board.lock,
    board.hot,
    interference.interference,
    load.other_processes,
    load.threads,
    load.steal,
    load.sampling,
    load.memory,
    sample.warmup,
    sample.uneven,
    power.idle_drift,
    power.sensor,
)

__all__ = ["RULES", "Level", "Reason", "Rule"]
