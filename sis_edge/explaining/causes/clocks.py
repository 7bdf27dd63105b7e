"""Clocks as they were while measuring, and what sets them: power mode, throttling, governor, locked clocks.

The model: a latency goes with the inverse of the clock, which holds for work that computes and less for work that
waits for memory. Whatever sets the clock is a better cause than the clock itself, so it takes over the clock's
prediction, and the clock, which then only follows, counts for less.
"""

from collections.abc import Iterator
from dataclasses import replace

from sis_agent.schema import StateSample
from sis_edge.explaining.factor import Effect, Factor, log_ratio
from sis_edge.explaining.pair import RunPair
from sis_edge.results.evidence import Evidence

SAME_CLOCK = 0.005
"""Clocks within this share are the same."""
SAME_SHARE = 0.05
MODEL_ERROR, SETTING_ERROR = 0.10, 0.25
"""The share to which the logarithm of the ratio is known from clocks as they were, and as the profile has them."""
FOLLOWS = 0.3
"""The weight of a clock that follows from something else that differs."""


def clocks(pair: RunPair) -> Iterator[Factor]:
    """What sets the clocks, then the clocks."""
    setters = [*_power_mode(pair), *_throttling(pair), *_governor(pair), *_lock(pair)]
    yield from setters
    is_set = any(factor.state == "differs" for factor in setters)
    for code, title, values, matters in (
        ("cpu-clock", "CPU clock", pair.of_evidence(_cpu_hz), not pair.on_gpu),
        ("gpu-clock", "GPU clock", pair.of_evidence(_gpu_hz), pair.on_gpu),
    ):
        a, b = values
        change = log_ratio(a, b) if a is not None and b is not None else 0.0
        differ = change is None or abs(change) > SAME_CLOCK
        effect = None
        if differ and a and b and matters:
            effect = replace(Effect.ratio(pair.networks, b, a, MODEL_ERROR), weight=FOLLOWS if is_set else 1.0)
        elif differ and code == "cpu-clock":  # of work on a GPU: launches come from the CPU
            effect = Effect.could_matter(pair.networks, 0.03, 0.3)
        note = "median while measuring" if matters else "the networks run on the other processor"
        yield Factor.of(code, title, values, effect, text=_ghz, differ=differ, note=note)


def _power_mode(pair: RunPair) -> Iterator[Factor]:
    values = pair.of_facts(lambda facts: facts.power_mode.strip() if facts.power_mode else None)
    yield Factor.of("power-mode", "power mode", values, _set(pair, 0.4, 1.0), note="by the clocks that it sets")


def _throttling(pair: RunPair) -> Iterator[Factor]:
    values = pair.of_evidence(_throttled)
    a, b = values
    differ = a is not None and b is not None and abs(a - b) > SAME_SHARE
    note = "by the clocks that it left"
    yield Factor.of(
        "throttling", "throttling", values, _set(pair, 0.25, 1.0), text=_share_text, differ=differ, note=note
    )


def _governor(pair: RunPair) -> Iterator[Factor]:
    values = pair.of_facts(lambda facts: facts.governor)
    yield Factor.of("governor", "governor", values, _set(pair, 0.2, 0.8), note="by the clocks that it chose")


def _lock(pair: RunPair) -> Iterator[Factor]:
    values = pair.of_runs(lambda run: "locked" if run.record.clock_lock.locked else "not locked")
    yield Factor.of("clock-lock", "locked clocks", values, _set(pair, 0.1, 0.8), note="by the clocks that it set")


def _set(pair: RunPair, spread: float, weight: float) -> Effect:
    """The effect of what sets the clocks: by the clocks as they were, else as the profile has them, else unknown."""
    a, b = pair.of_evidence(_gpu_hz if pair.on_gpu else _cpu_hz)
    if a and b:
        return replace(Effect.ratio(pair.networks, b, a, MODEL_ERROR), weight=weight)
    a, b = pair.of_jobs(lambda job: job.expected_gpu_hz if pair.on_gpu else job.expected_cpu_hz)
    if a and b and a != b:
        return replace(Effect.ratio(pair.networks, b, a, SETTING_ERROR, 0.03), weight=weight)
    return Effect.could_matter(pair.networks, spread, weight)


def _cpu_hz(evidence: Evidence) -> float | None:
    return _median(evidence.cpu_hz)


def _gpu_hz(evidence: Evidence) -> float | None:
    return _median(evidence.gpu_hz)


def _median(values: list[float]) -> float | None:
    ordered = sorted(values)
    return ordered[len(ordered) // 2] if ordered else None


def _throttled(evidence: Evidence) -> float | None:
    """The share of the states in which a sign was up; flags that stay set since the start say nothing of the run."""

    def is_up(state: StateSample) -> bool:
        return any(value > 0 for name, value in state.throttle.items() if "occurred" not in name.lower())

    states = [state for state in evidence.during if state.throttle]
    return sum(map(is_up, states)) / len(states) if states else None


def _ghz(hertz: float) -> str:
    return f"{hertz / 1e9:.3f} GHz"


def _share_text(share: float) -> str:
    return f"{share:.0%} of samples" if share else "none"
