"""Faults, injected into a clean record: each changes what a board would have shown, and names the reason it must give.

`severity` in 0..1 goes from what a careful person would just call a fault to what nobody could miss.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from results.boards import OC, Kind
from sis_agent.schema import ClockLock, Power, Record, RoundSamples, StateSample

Inject = Callable[[Record, float, np.random.Generator], Record]


@dataclass(frozen=True)
class Fault:
    """What is wrong, the code of the reason that must tell it, and the boards that can show it."""

    code: str
    inject: Inject
    shows_on: Callable[[Kind], bool] = lambda kind: True


def between(severity: float, mild: float, strong: float) -> float:
    return mild + severity * (strong - mild)


def stretch_of(
    record: Record, share: float, generator: np.random.Generator, rounds_only: bool = False
) -> tuple[float, float]:
    """A part of the time of rounds and energy blocks, somewhere in it."""
    turns = [turn for network in record.networks for turn in network.rounds]
    begin = min(turn.start_s for turn in turns)
    end = max([*(turn.start_s for turn in turns), *(block.end_s for block in record.energy_blocks if not rounds_only)])
    length = share * (end - begin)
    start = generator.uniform(begin, end - length)
    return start, start + length


def in_states(record: Record, part: tuple[float, float], change: Callable[[StateSample], StateSample]) -> Record:
    begin, end = part
    return record._replace(states=[change(state) if begin <= state.t_s <= end else state for state in record.states])


def _slower(record: Record, part: tuple[float, float], factor: float) -> Record:
    """The latencies that such a stretch of slowness leaves; what comes later comes as much later."""
    return relate(record, lambda name, turn: factor if part[0] <= turn.start_s <= part[1] else 1.0)


def relate(record: Record, factor_of: Callable[[str, RoundSamples], float | np.ndarray]) -> Record:
    """The record with every turn's latencies times a factor, all together or one by one, on a time line that fits."""
    old_s, extra_s = [0.0], [0.0]
    changed: dict[tuple[str, int], RoundSamples] = {}
    turns = [(network.name, turn) for network in record.networks for turn in network.rounds if turn.latencies_s]
    for name, turn in sorted(turns, key=lambda pair: pair[1].start_s):
        values = [float(value) for value in np.asarray(turn.latencies_s) * factor_of(name, turn)]
        grown = sum(values) / sum(turn.latencies_s)
        times = {
            field: None if getattr(turn, field) is None else getattr(turn, field) * grown
            for field in ("wall_s", "cpu_s", "process_cpu_s", "run_delay_s")
        }
        changed[name, turn.round] = turn._replace(latencies_s=values, **times)
        old_s += [turn.start_s, turn.start_s + sum(turn.latencies_s)]
        extra_s += [extra_s[-1], extra_s[-1] + sum(values) - sum(turn.latencies_s)]
    return shifted(
        record._replace(
            networks=[
                network._replace(rounds=[changed.get((network.name, turn.round), turn) for turn in network.rounds])
                for network in record.networks
            ]
        ),
        lambda times_s: times_s + np.interp(times_s, old_s, extra_s),
    )


def shifted(record: Record, moved_all: Callable[[np.ndarray], np.ndarray]) -> Record:
    """The record with all its times moved."""

    def moved(t_s: float) -> float:
        return float(moved_all(np.asarray(t_s)))

    def state(each: StateSample) -> StateSample:
        by_s = moved(each.t_s) - each.t_s
        clocks = {
            field: None if getattr(each, field) is None else getattr(each, field) + by_s
            for field in ("wall_clock_s", "boot_clock_s")
        }
        return each._replace(t_s=each.t_s + by_s, **clocks)

    def between(each: Any) -> Any:
        return each._replace(start_s=moved(each.start_s), end_s=moved(each.end_s))

    return record._replace(
        duration_s=moved(record.duration_s),
        networks=[
            network._replace(rounds=[turn._replace(start_s=moved(turn.start_s)) for turn in network.rounds])
            for network in record.networks
        ],
        states=[state(each) for each in record.states],
        windows=[between(window) for window in record.windows],
        energy_blocks=[between(block) for block in record.energy_blocks],
        power=record.power._replace(
            traces=[
                trace._replace(times_s=moved_all(np.asarray(trace.times_s)).tolist()) for trace in record.power.traces
            ]
        ),
    )


def throttling(record: Record, severity: float, generator: np.random.Generator) -> Record:
    part = stretch_of(record, between(severity, 0.08, 0.7), generator)
    names = [name for name in record.states[0].throttle if "volt" not in name and "occurred" not in name]
    name = str(generator.choice(names))
    factor = between(severity, 1.05, 1.8)

    def change(state: StateSample) -> StateSample:
        clocks = [hertz and hertz / factor for hertz in state.cpu_frequency_hz]
        return state._replace(throttle={**state.throttle, name: 1.0}, cpu_frequency_hz=clocks)

    return _slower(in_states(record, part, change), part, factor)


def sagging_clock(record: Record, severity: float, generator: np.random.Generator) -> Record:
    """No flag tells it, only the clock itself."""
    part = stretch_of(record, between(severity, 0.12, 0.9), generator)
    factor = between(severity, 1.2, 2.0)
    changed = in_states(
        record,
        part,
        lambda state: state._replace(cpu_frequency_hz=[hertz and hertz / factor for hertz in state.cpu_frequency_hz]),
    )
    return _slower(changed, part, factor)


def unseen_slowness(record: Record, severity: float, generator: np.random.Generator) -> Record:
    """A clock that nothing shows, as in a virtual machine: only the latencies tell it."""
    part = stretch_of(record, between(severity, 0.2, 0.45), generator, rounds_only=True)
    return _slower(record, part, between(severity, 1.25, 2.0))


def other_process(record: Record, severity: float, generator: np.random.Generator) -> Record:
    """From a third of a core all the time, or a whole core for a part of it, to two cores."""
    cores = between(severity, 1.0, 2.0)
    part = stretch_of(record, between(severity, 0.35, 1.0), generator)

    def change(state: StateSample) -> StateSample:
        total = len(state.cpu_frequency_hz) or record.facts_before.cpu_count
        own = state.own_cpu if total > cores + 1 else state.own_cpu * max(0.3, (total - cores))
        return state._replace(cpu_busy=min(1.0, own + cores / total), own_cpu=own)

    return in_states(record, part, change)


def bursts(record: Record, severity: float, generator: np.random.Generator) -> Record:
    """A program that wakes up again and again."""
    chance = between(severity, 0.2, 0.5)

    def change(state: StateSample) -> StateSample:
        total = len(state.cpu_frequency_hz) or record.facts_before.cpu_count
        wakes = generator.random() < chance
        return state._replace(cpu_busy=min(1.0, state.own_cpu + 0.9 / total)) if wakes else state

    return in_states(record, (0, record.duration_s), change)


def too_many_threads(record: Record, severity: float, generator: np.random.Generator) -> Record:
    """One thread more than there are cores, up to twice as many; or more than the job is kept on."""
    cores = record.facts_before.cpu_count or 1
    if severity == 1:
        return record._replace(job=record.job._replace(cores=[0], threads=2))
    return record._replace(job=record.job._replace(threads=cores + 1 + round(severity * cores)))


def stolen_time(record: Record, severity: float, generator: np.random.Generator) -> Record:
    part = stretch_of(record, between(severity, 0.6, 1.0), generator)
    share = between(severity, 0.06, 0.4)
    return in_states(record, part, lambda state: state._replace(steal=share * generator.uniform(0.7, 1.3)))


def swapping(record: Record, severity: float, generator: np.random.Generator) -> Record:
    begin, _ = stretch_of(record, 0.3, generator)
    grown = int(between(severity, 4 << 20, 800 << 20))
    return in_states(
        record,
        (begin, record.duration_s),
        lambda state: state._replace(
            swap_used_bytes=state.swap_used_bytes + grown, memory_pressure=between(severity, 0.0, 0.4)
        ),
    )


def memory_pressure(record: Record, severity: float, generator: np.random.Generator) -> Record:
    part = stretch_of(record, between(severity, 0.4, 1.0), generator)
    waits = between(severity, 0.05, 0.6)
    return in_states(record, part, lambda state: state._replace(memory_pressure=waits))


def under_voltage_flag(record: Record, severity: float, generator: np.random.Generator) -> Record:
    part = stretch_of(record, between(severity, 0.08, 0.9), generator)
    return in_states(record, part, lambda state: state._replace(throttle={**state.throttle, "under-voltage": 1.0}))


def under_voltage_since(record: Record, severity: float, generator: np.random.Generator) -> Record:
    """A dip between two looks: only the firmware's memory of it rises."""
    begin, _ = stretch_of(record, 0.2, generator)
    name = "under-voltage occurred"
    quiet = in_states(record, (0, begin), lambda state: state._replace(throttle={**state.throttle, name: 0.0}))
    return in_states(
        quiet, (begin, record.duration_s), lambda state: state._replace(throttle={**state.throttle, name: 1.0})
    )


def over_current(record: Record, severity: float, generator: np.random.Generator) -> Record:
    begin, _ = stretch_of(record, 0.2, generator)
    return _counted(record, begin, sorted(record.states[0].counters), severity, generator)


def counted_heat(record: Record, severity: float, generator: np.random.Generator) -> Record:
    """A PC's own count of throttling, where nothing else tells it."""
    begin, _ = stretch_of(record, 0.2, generator)
    return _counted(record, begin, ["core_throttle_count"], severity, generator)


def _counted(record: Record, begin: float, names: list[str], severity: float, generator: np.random.Generator) -> Record:
    name = str(generator.choice(names))
    events = round(between(severity, 1, 5000))
    return in_states(
        record,
        (begin, record.duration_s),
        lambda state: state._replace(counters={**state.counters, name: state.counters[name] + events}),
    )


def wrong_power_mode(record: Record, severity: float, generator: np.random.Generator) -> Record:
    """Another mode all the time, or a change in mid-run."""
    other = str(generator.choice(["MODE_10W", "5W", "7W"]))
    begin = 0.0 if severity >= 0.5 else stretch_of(record, 0.3, generator)[0]
    changed = in_states(record, (begin, record.duration_s), lambda state: state._replace(power_mode=other))
    if begin == 0.0:
        facts = record.facts_before._replace(power_mode=other)
        changed = changed._replace(facts_before=facts, facts_after=facts)
    return changed


def slow_sensor(record: Record, severity: float, generator: np.random.Generator) -> Record:
    """A sensor that updates every half second or even more seldom, for blocks of two seconds."""
    every = max(2, round(between(severity, 0.5, 2.0) / record.power.traces[0].sample_interval_s))
    trace = record.power.traces[0]
    slow = trace._replace(
        times_s=trace.times_s[::every],
        power_w={rail: values[::every] for rail, values in trace.power_w.items()},
        energy_j={rail: values[::every] for rail, values in trace.energy_j.items()},
        update_interval_s=trace.sample_interval_s * every if generator.random() < 0.5 else None,
    )
    return record._replace(power=record.power._replace(traces=[slow]))


def failing_sensor(record: Record, severity: float, generator: np.random.Generator) -> Record:
    trace = record.power.traces[0]
    share = between(severity, 0.2, 0.9)
    power_w = {
        rail: [None if generator.random() < share else value for value in values]
        for rail, values in trace.power_w.items()
    }
    return record._replace(power=record.power._replace(traces=[trace._replace(power_w=power_w)]))


def idle_drift(record: Record, severity: float, generator: np.random.Generator) -> Record:
    """The board idles at another power after the run than before."""
    factor = 1 + between(severity, 0.06, 0.5) * generator.choice([1, -1])
    after = next(window for window in record.windows if window.name == "idle_after")
    return record._replace(power=_idle_after(record.power, after.start_s, float(factor)))


def _idle_after(power: Power, begin_s: float, factor: float) -> Power:
    trace = power.traces[0]
    late = [t_s >= begin_s for t_s in trace.times_s]
    power_w = {
        rail: [value * factor if after else value for value, after in zip(values, late, strict=True)]
        for rail, values in trace.power_w.items()
    }
    energy_j = {}
    for rail, values in trace.energy_j.items():
        steps = np.diff(values, prepend=0.0) * np.where(late, factor, 1.0)
        energy_j[rail] = [float(value) for value in np.cumsum(steps)]
    return power._replace(traces=[trace._replace(power_w=power_w, energy_j=energy_j)])


def too_few_rounds(record: Record, severity: float, generator: np.random.Generator) -> Record:
    """The job ended, by its time limit or its length, before the sample was there."""
    keep = round(between(severity, 25, 2))
    return record._replace(networks=[network._replace(rounds=network.rounds[:keep]) for network in record.networks])


def too_few_inferences(record: Record, severity: float, generator: np.random.Generator) -> Record:
    keep = round(between(severity, 30, 1))
    return record._replace(
        networks=[
            network._replace(rounds=[turn._replace(latencies_s=turn.latencies_s[:keep]) for turn in network.rounds])
            for network in record.networks
        ]
    )


def unsteady_warmup(record: Record, severity: float, generator: np.random.Generator) -> Record:
    """One network, up to all of them."""
    count = max(1, round(severity * len(record.networks)))
    return record._replace(
        networks=[
            network._replace(warmup_steady=at >= count and network.warmup_steady)
            for at, network in enumerate(record.networks)
        ]
    )


def clocks_not_locked(record: Record, severity: float, generator: np.random.Generator) -> Record:
    return record._replace(clock_lock=ClockLock(True, False, "sudo asks for a password"))


def hot(record: Record, severity: float, generator: np.random.Generator) -> Record:
    part = stretch_of(record, between(severity, 0.1, 0.9), generator)
    celsius = between(severity, 96.0, 104.0)
    return in_states(
        record, part, lambda state: state._replace(temperatures_c=dict.fromkeys(state.temperatures_c, celsius))
    )


def _has_sensor(kind: Kind) -> bool:
    return kind.source is not None


FAULTS: dict[str, Fault] = {
    "throttling": Fault("throttling", throttling, lambda kind: bool(kind.throttle)),
    "sagging clock": Fault("cpu-clock", sagging_clock, lambda kind: kind.shows_clocks),
    "slowness that nothing shows": Fault("uneven-speed", unseen_slowness),
    "another process": Fault("other-processes", other_process),
    "bursts of another process": Fault("other-processes", bursts),
    "too many threads": Fault("too-many-threads", too_many_threads),
    "stolen time": Fault("steal", stolen_time, lambda kind: kind.steal is not None),
    "swap": Fault("swap", swapping),
    "memory pressure": Fault("memory-pressure", memory_pressure),
    "weak supply, flag": Fault("weak-supply", under_voltage_flag, lambda kind: "under-voltage" in kind.throttle),
    "weak supply, since": Fault("weak-supply", under_voltage_since, lambda kind: "under-voltage" in kind.throttle),
    "weak supply, counters": Fault("weak-supply", over_current, lambda kind: kind.counters == OC),
    "counted throttling": Fault("throttling", counted_heat, lambda kind: "core_throttle_count" in kind.counters),
    "wrong power mode": Fault("power-mode", wrong_power_mode, lambda kind: kind.mode is not None),
    "slow sensor": Fault("slow-sensor", slow_sensor, _has_sensor),
    "failing sensor": Fault("sensor-failed", failing_sensor, lambda kind: _has_sensor(kind) and not kind.counts_energy),
    "idle drift": Fault("idle-drift", idle_drift, _has_sensor),
    "too few rounds": Fault("too-few-samples", too_few_rounds),
    "too few inferences": Fault("too-few-samples", too_few_inferences),
    "unsteady warm-up": Fault("unsteady-warm-up", unsteady_warmup),
    "clocks not locked": Fault("clocks-not-locked", clocks_not_locked),
    "heat": Fault("hot", hot, lambda kind: bool(kind.zones)),
}
