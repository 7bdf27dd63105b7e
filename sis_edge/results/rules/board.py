"""Rules on the board itself: what it is, its power mode, throttling, supply, heat."""

from collections.abc import Iterator

from sis_edge.results.evidence import Evidence
from sis_edge.results.rules.base import Level, Reason

THROTTLED_INVALID = 0.10  # share of the states
HOT_C = 95.0  # where the board names no trip point: boards and PCs throttle from about here on
TRIP_MARGIN_C = 5.0  # sensors are read once a second and lie beside the hottest place
TRIP_LEAST_C = 40.0  # zones that name a lower one have none: some name 0 or -274

LOWERED = ("cpu_max_frequency_hz", "gpu_max_frequency_hz")
"""What a board lowers by itself when it throttles, which sustained work is there to show."""

# What a board does not change while it measures. Not its free memory, load, temperatures, name or date.
FACTS = {
    "machine": "architecture",
    "model": "model",
    "kernel": "kernel",
    "os_name": "operating system",
    "l4t": "L4T",
    "glibc": "glibc",
    "python": "Python",
    "cpu_model": "CPU",
    "cpu_count": "number of cores",
    "memory_total_bytes": "memory",
    "governor": "governor",
    "cpu_max_frequency_hz": "highest CPU clock",
    "gpu_max_frequency_hz": "highest GPU clock",
    "allowed_cores": "cores that may be used",
    "cpu_quota_cores": "CPU quota",
    "packages": "",
    "runners": "",
}


def changed(evidence: Evidence) -> Iterator[Reason]:
    """The board before the run is not the board after it: another kernel, runtime or governor."""
    before, after = evidence.record.facts_before._asdict(), evidence.record.facts_after._asdict()
    found = []
    lowered = LOWERED if evidence.record.sustained_windows else ()
    for name, words in FACTS.items():
        if name in lowered:
            continue
        pairs = {words: (before[name], after[name])}
        if isinstance(before[name], dict):
            pairs = {key: (before[name][key], after[name].get(key)) for key in sorted(before[name])}
        found += [f"{key} {old} became {new}" for key, (old, new) in pairs.items() if old and new and old != new]
    if found:
        yield Reason("board-changed", "INVALID", f"the board changed during the run: {'; '.join(found)}; measure again")


def emulation(evidence: Evidence) -> Iterator[Reason]:
    """A virtual machine that does not show whether its processor is emulated; one that is gets no verdict at all."""
    facts = evidence.record.facts_before
    if facts.emulation and not facts.emulated:
        yield Reason("emulation-unknown", "SUSPECT", f"the board is {facts.emulation}; measure on the board itself")


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


def throttling(evidence: Evidence) -> Iterator[Reason]:
    """A sign of throttling was up while measuring; one of the supply's weakness counts as that."""
    states = evidence.during
    for name in sorted({name for state in states for name in state.throttle}):
        values = [state.throttle.get(name, 0.0) for state in states]
        if _since_boot(name):
            values = _risen(evidence, name)
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
        counts = [[state.counters[name] for state in part if name in state.counters] for part in evidence.parts]
        events = sum(values[-1] - values[0] for values in counts if values)
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
    trips = evidence.record.facts_before.trip_points_c
    hottest: dict[str, float] = {}
    for state in evidence.during:
        for zone, celsius in state.temperatures_c.items():
            if celsius is not None and celsius >= _hot_c(trips.get(zone)) and "pmic" not in zone.lower():
                hottest[zone] = max(celsius, hottest.get(zone, celsius))
    if hottest:
        zones = ", ".join(f"{zone} {celsius:.0f} °C" for zone, celsius in sorted(hottest.items()))
        yield Reason("hot", "SUSPECT", f"the board ran at the edge of throttling ({zones}); cool it")


def _hot_c(trip_c: float | None) -> float:
    return HOT_C if trip_c is None or trip_c < TRIP_LEAST_C else trip_c - TRIP_MARGIN_C


def _risen(evidence: Evidence, name: str) -> list[float]:
    """By how much a flag that stays set had risen in each state while measuring; a restart of the board clears it."""
    risen = []
    for part in evidence.parts:
        first = next((state.throttle[name] for state in part if name in state.throttle), 0.0)
        within = [state for state in part if any(a <= state.t_s <= b for a, b in evidence.stretches)]
        risen += [max(0.0, state.throttle.get(name, 0.0) - first) for state in within]
    return risen


def _since_boot(name: str) -> bool:
    """Firmware flags that stay set until the next start: only their rise during the run tells of the run."""
    return "occurred" in name.lower()


def _is_supply(name: str) -> bool:
    lower = name.lower().replace("_", "-")
    return any(word in lower for word in ("volt", "oc1", "supply"))
