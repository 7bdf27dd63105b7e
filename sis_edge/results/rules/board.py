"""Rules on the board itself: power mode, clocks, throttling, supply, heat."""

from collections.abc import Iterator, Sequence

from sis_agent.schema import Record
from sis_edge.results.evidence import Evidence
from sis_edge.results.rules.base import Level, Reason
from sis_edge.text.limits import with_limit

# Clocks: within 5% of what is expected, or 10% of the run's own best where nothing is expected (turbo clocks vary).
EXPECTED_SHARE, OWN_BEST_SHARE = 0.95, 0.90
LOW_SUSPECT, LOW_INVALID = 0.05, 0.50  # shares of the states with a low clock
THROTTLED_INVALID = 0.10  # share of the states
HOT_C = 95.0  # boards and PCs throttle from about here on; those that do so earlier have flags for it


def power_mode(evidence: Evidence) -> Iterator[Reason]:
    """The mode is not the profile's, changed during the run, or cannot be read where the profile names one."""
    record = evidence.record
    expected = record.job.expected_power_mode
    seen = [record.facts_before.power_mode, *(state.power_mode for state in record.states)]
    modes = list(dict.fromkeys(mode.strip() for mode in seen if mode))
    if len({mode.casefold() for mode in modes}) > 1:
        yield Reason("power-mode", "INVALID", f"the power mode changed during the run: {', '.join(modes)}")
    if expected is None:
        return
    wrong = [mode for mode in modes if mode.casefold() != expected.strip().casefold()]
    if wrong:
        yield Reason(
            "power-mode",
            "INVALID",
            f"the board ran in power mode {wrong[0]}, its profile says {expected}; "
            "set the mode with nvpmodel, or name the other in the profile",
        )
    elif not modes:
        yield Reason("power-mode", "SUSPECT", f"the power mode could not be read, its profile says {expected}")


def clocks(evidence: Evidence) -> Iterator[Reason]:
    """The clock of the cores in use, or of the working GPU, was low in more than a few states."""
    job = evidence.record.job
    mode = f" in power mode {job.expected_power_mode}" if job.expected_power_mode else ""
    yield from _low("CPU", "cpu-clock", evidence.cpu_hz, _expected_hz(evidence.record), mode)
    yield from _low("GPU", "gpu-clock", evidence.gpu_hz, job.expected_gpu_hz, mode)


def lock(evidence: Evidence) -> Iterator[Reason]:
    """Locked clocks were asked for and not had."""
    found = evidence.record.clock_lock
    if found.requested and not found.locked:
        why = found.reason or "the agent does not say why"
        yield Reason("clocks-not-locked", "SUSPECT", f"locked clocks were asked for and not had: {why}")


def throttling(evidence: Evidence) -> Iterator[Reason]:
    """A sign of throttling was up while measuring; one of the supply's weakness counts as that."""
    states = evidence.during
    for name in sorted({name for state in states for name in state.throttle}):
        values = [state.throttle.get(name, 0.0) for state in states]
        if _since_boot(name):
            first = next((s.throttle[name] for s in evidence.record.states if name in s.throttle), 0.0)
            values = [max(0.0, value - first) for value in values]
        active = sum(value > 0 for value in values)
        if not active:
            continue
        share = active / len(values)
        weak = _is_supply(name)
        level: Level = "INVALID" if share >= THROTTLED_INVALID and not _since_boot(name) else "SUSPECT"
        advice = "use a supply and a cable that carry the board's current" if weak else "cool the board"
        yield Reason(
            "weak-supply" if weak else "throttling",
            level,
            f"the board reported {name} in {active} of {len(values)} samples; {advice}",
        )


def counters(evidence: Evidence) -> Iterator[Reason]:
    """Events of throttling, over-current and under-voltage that were counted between the first and the last state.

    On boards in their highest mode such counters may climb without a visible slowdown, so they make a run SUSPECT;
    a slowdown shows in the clocks.
    """
    states = evidence.record.states
    for name in sorted({name for state in states for name in state.counters}):
        values = [state.counters[name] for state in states if name in state.counters]
        events = values[-1] - values[0]
        heat = "throttle" in name.lower()
        advice = "cool the board" if heat else "use a supply that carries its current, or a lower power mode"
        if events > 0:
            yield Reason(
                "throttling" if heat else "weak-supply",
                "SUSPECT",
                f"the board counted {events:.0f} events of {name} during the run; {advice}",
            )


def hot(evidence: Evidence) -> Iterator[Reason]:
    """Zones within reach of throttling. A PMIC's zone answers 100 degrees always on some boards."""
    hottest = {
        zone: celsius
        for state in evidence.during
        for zone, celsius in state.temperatures_c.items()
        if celsius is not None and celsius >= HOT_C and "pmic" not in zone.lower()
    }
    if hottest:
        zones = ", ".join(f"{zone} {celsius:.0f} °C" for zone, celsius in sorted(hottest.items()))
        yield Reason("hot", "SUSPECT", f"the board ran at the edge of throttling ({zones}); cool it")


def _expected_hz(record: Record) -> float | None:
    """That of the profile or its power mode, else the board's own limit; a PC's is a turbo clock that no load holds."""
    facts = record.facts_before
    return record.job.expected_cpu_hz or (facts.cpu_max_frequency_hz if facts.machine != "x86_64" else None)


def _low(what: str, code: str, clocks_hz: Sequence[float], expected_hz: float | None, mode: str) -> Iterator[Reason]:
    if not clocks_hz:
        return
    share_of = EXPECTED_SHARE if expected_hz else OWN_BEST_SHARE
    limit_hz = share_of * (expected_hz or max(clocks_hz))
    low = [hertz for hertz in clocks_hz if hertz < limit_hz]
    share = len(low) / len(clocks_hz)
    if share > LOW_SUSPECT:
        of = (
            f"the {expected_hz / 1e9:.2f} GHz expected{mode}"
            if expected_hz
            else f"its best, {max(clocks_hz) / 1e9:.2f} GHz"
        )
        lowest, limit = with_limit(min(low) / 1e9, limit_hz / 1e9, ".2f")
        yield Reason(
            code,
            "INVALID" if share > LOW_INVALID else "SUSPECT",
            f"the {what}'s clock was below {limit} GHz, {share_of:.0%} of {of}, in {len(low)} of {len(clocks_hz)} "
            f"samples, and fell to {lowest} GHz; cool the board, look at its supply, or lock the clocks",
        )


def _since_boot(name: str) -> bool:
    """Firmware flags that stay set until the next start: only their rise during the run tells of the run."""
    return "occurred" in name.lower()


def _is_supply(name: str) -> bool:
    lower = name.lower().replace("_", "-")
    return any(word in lower for word in ("volt", "oc1", "supply"))
