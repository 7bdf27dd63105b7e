"""The rules of the verdict, in the order in which their reasons are told."""

from sis_edge.results.rules import board, clocks, evenness, function, interference, load, power, sample, timing, watch
from sis_edge.results.rules.base import Level, Reason, Rule

RULES: tuple[Rule, ...] = (
    function.wrong,
    sample.failed,
    sample.ended_early,
    sample.too_few,
    watch.states,
    watch.frozen,
    timing.fits,
    timing.coarse_clock,
    timing.harness,
    board.changed,
    board.power_mode,
    board.throttling,
    board.counters,
    clocks.clocks,
    clocks.lock,
    clocks.governor,
    board.hot,
    interference.interference,
    load.other_processes,
    load.threads,
    load.steal,
    load.sampling,
    load.memory,
    sample.warmup,
    evenness.uneven,
    evenness.uneven_network,
    evenness.order,
    timing.tail,
    function.beyond_ceiling,
    power.idle_drift,
    power.sensor,
    power.stuck,
    power.overlap,
    power.net_energy,
)

__all__ = ["RULES", "Level", "Reason", "Rule"]
