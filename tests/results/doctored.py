"""More faults: records that once came out VALID, each changed in one way; as in `faults`, by severity."""

from collections.abc import Callable

import numpy as np

from results.boards import Kind
from results.faults import Fault, between, in_states, relate, shifted, stretch_of
from sis_agent.schema import GoldenCheck, NetworkRecord, Problem, Record, RoundSamples, StateSample


def wrong_function(record: Record, severity: float, generator: np.random.Generator) -> Record:
    """One network's logits are off, up to those of all."""
    count = max(1, round(severity * len(record.networks)))
    golden = GoldenCheck(
        16, between(severity, 2e-3, 9.7), between(severity, 1e-3, 2.0), between(severity, 1.0, 0.09), False
    )
    networks = [each._replace(golden=golden) if at < count else each for at, each in enumerate(record.networks)]
    return record._replace(networks=networks)


def held_cpu(record: Record, severity: float, generator: np.random.Generator) -> Record:
    """Power save for the whole run: a PC at 0.8 of 4.4 GHz, a board at a third of its clock; no clock is better."""
    factor = between(severity, 0.8, 0.18) if record.facts_before.machine == "x86_64" else between(severity, 0.9, 0.3)
    return in_states(
        record,
        (0, record.duration_s),
        lambda state: state._replace(cpu_frequency_hz=[hertz and hertz * factor for hertz in state.cpu_frequency_hz]),
    )


def held_gpu(record: Record, severity: float, generator: np.random.Generator) -> Record:
    """A job on the GPU, whose profile names no clock, at up to a third of what the hardware can."""
    hertz = record.facts_before.gpu_max_frequency_hz * between(severity, 0.9, 0.3)
    load = between(generator.random(), 0.2, 1.0)
    held = in_states(
        record, (0, record.duration_s), lambda state: state._replace(gpu_frequency_hz=hertz, gpu_load=load)
    )
    return held._replace(job=record.job._replace(on_gpu=True, expected_gpu_hz=None))


def other_governor(record: Record, severity: float, generator: np.random.Generator) -> Record:
    """In mid-run, and the clocks do not show it."""
    begin, _ = stretch_of(record, 0.1, generator)
    return in_states(record, (begin, record.duration_s), lambda state: state._replace(governor="powersave"))


def other_board(record: Record, severity: float, generator: np.random.Generator) -> Record:
    changes = ({"kernel": "6.8.13"}, {"runners": {"onnxruntime": "1.24.0"}}, {"governor": "powersave"})
    facts = record.facts_after._replace(**changes[generator.integers(len(changes))])
    return record._replace(facts_after=facts)


def one_core(record: Record, severity: float, generator: np.random.Generator) -> Record:
    """Another program takes an eighth to a half of the only core."""
    taken = between(severity, 0.15, 0.5)

    def change(state: StateSample) -> StateSample:
        own = 0.99 - taken if state.own_cpu * len(state.core_busy) > 0.5 else 0.01
        busy = min(1.0, own + taken)
        clocks = state.cpu_frequency_hz[:1]
        return state._replace(cpu_frequency_hz=clocks, own_cpu=own, cpu_busy=busy, core_busy={"0": busy})

    facts = record.facts_before._replace(cpu_count=1, allowed_cores=[0])
    changed = record._replace(facts_before=facts, facts_after=facts)
    return in_states(changed, (0, record.duration_s), change)


def pinned_beside_another(record: Record, severity: float, generator: np.random.Generator) -> Record:
    """Another program on the one core of many that the job is pinned to."""
    taken = between(severity, 0.15, 0.5)

    def change(state: StateSample) -> StateSample:
        cores = len(state.core_busy)
        own = (0.99 - taken) / cores if state.own_cpu * cores > 0.5 else 0.0
        busy = dict.fromkeys(state.core_busy, 0.0) | {"0": min(1.0, own * cores + taken)}
        return state._replace(own_cpu=own, cpu_busy=sum(busy.values()) / cores, core_busy=busy)

    pinned = record._replace(job=record.job._replace(cores=[0]))
    return in_states(pinned, (0, record.duration_s), change)


def dead_sampler(record: Record, severity: float, generator: np.random.Generator) -> Record:
    """It died in mid-run, or after a state or two of the measuring."""
    return record._replace(states=record.states[: max(20, round(between(severity, 0.6, 0.0) * len(record.states)))])


def frozen(record: Record, severity: float, generator: np.random.Generator) -> Record:
    """Stopped between two rounds, for half a minute to an hour."""
    turns = sorted((turn for network in record.networks for turn in network.rounds), key=lambda turn: turn.start_s)
    at = int(generator.integers(len(turns) // 10, len(turns) // 4))
    moment_s, by_s = turns[at].start_s, between(severity, 30, 3600)
    return shifted(record, lambda times_s: times_s + by_s * (times_s >= moment_s))


def slept(record: Record, severity: float, generator: np.random.Generator) -> Record:
    """The job's clock stood still while the board slept: only the other clocks tell."""
    begin, _ = stretch_of(record, 0.1, generator)
    by_s = between(severity, 3, 3600)
    return in_states(
        record,
        (begin, record.duration_s),
        lambda state: state._replace(boot_clock_s=state.boot_clock_s + by_s, wall_clock_s=state.wall_clock_s + by_s),
    )


def impossible(record: Record, severity: float, generator: np.random.Generator) -> Record:
    """Latencies of up to 20 times the turns' own time."""
    factor = between(severity, 2.5, 20)
    return _turns(record, lambda name, turn: turn._replace(latencies_s=[factor * value for value in turn.latencies_s]))


def coarse_clock(record: Record, severity: float, generator: np.random.Generator) -> Record:
    """Steps of half a millisecond to 16, by the clock's own word or only seen in the latencies."""
    step_s = between(severity, 0.5e-3, 16e-3)
    if generator.random() < 0.3:
        return record._replace(clock_resolution_s=step_s)
    return relate(
        record,
        lambda name, turn: np.array([max(1, round(value / step_s)) * step_s / value for value in turn.latencies_s]),
    )


def slow_alone(record: Record, severity: float, generator: np.random.Generator) -> Record:
    """One network 1.25 to 1.6 times slow in a fifth to three fifths of its rounds."""
    name = record.networks[int(generator.integers(len(record.networks)))].name
    slow = set(generator.permutation(record.job.rounds)[: round(between(severity, 0.2, 0.6) * record.job.rounds)])
    factor = between(severity, 1.25, 1.6)
    return relate(record, lambda of, turn: factor if of == name and turn.round in slow else 1.0)


def preempted(record: Record, severity: float, generator: np.random.Generator) -> Record:
    """An eighth to a third of the inferences of one network or all take up to three times as long."""
    share, factor = between(severity, 0.15, 0.33), between(severity, 1.5, 3.0)
    names = {network.name for network in record.networks[: 1 if generator.random() < 0.5 else None]}

    def slower(name: str, turn: RoundSamples) -> np.ndarray:
        hit = (generator.random(len(turn.latencies_s)) < share) & (name in names)
        return np.where(hit, factor, 1.0)

    return relate(record, slower)


def stuck_sensor(record: Record, severity: float, generator: np.random.Generator) -> Record:
    """The same power at rest and at work; a counter stands still."""
    trace = record.power.traces[0]
    power_w = {rail: [2.0] * len(values) for rail, values in trace.power_w.items()}
    energy_j = {rail: [values[0]] * len(values) for rail, values in trace.energy_j.items()}
    return record._replace(power=record.power._replace(traces=[trace._replace(power_w=power_w, energy_j=energy_j)]))


def blind_sensor(record: Record, severity: float, generator: np.random.Generator) -> Record:
    """It reads, with noise, what does not change when a network works."""
    trace = record.power.traces[0]
    noise = {rail: 2.0 * (1 + 0.02 * generator.normal(size=len(trace.times_s))) for rail in trace.rails}
    if trace.power_w:
        trace = trace._replace(power_w={rail: [float(value) for value in noise[rail]] for rail in trace.rails})
    else:
        joules = {rail: np.cumsum(noise[rail] * trace.sample_interval_s) for rail in trace.rails}
        trace = trace._replace(energy_j={rail: [float(value) for value in joules[rail]] for rail in trace.rails})
    return record._replace(power=record.power._replace(traces=[trace]))


def costly_harness(record: Record, severity: float, generator: np.random.Generator) -> Record:
    cost_s = 12e-3 * between(severity, 0.03, 0.4)
    return record._replace(runner_details={"harness_latencies_s": [cost_s] * 9})


def overlapping_blocks(record: Record, severity: float, generator: np.random.Generator) -> Record:
    """A tenth of a block, up to all of it."""
    first = record.energy_blocks[0]
    back_s = between(severity, 0.1, 1.0) * (first.end_s - first.start_s)
    blocks = [
        block._replace(start_s=block.start_s - back_s * at, end_s=block.end_s - back_s * at)
        for at, block in enumerate(record.energy_blocks[: len(record.networks)])
    ]
    return record._replace(energy_blocks=[*blocks, *record.energy_blocks[len(record.networks) :]])


def crashed(record: Record, severity: float, generator: np.random.Generator) -> Record:
    at = int(generator.integers(len(record.networks)))
    problem = Problem("worker-lost", "worker died (exit code -9)")
    keep = round(between(severity, 30, 0))
    networks = [
        each._replace(problem=problem, rounds=each.rounds[:keep]) if number == at else each
        for number, each in enumerate(record.networks)
    ]
    return record._replace(networks=networks)


def fixed_order(record: Record, severity: float, generator: np.random.Generator) -> Record:
    """Always the same, or each time one further."""
    count = len(record.networks)
    places = {network.name: at for at, network in enumerate(record.networks)}
    step = 1 if severity == 0.5 else 0
    return _turns(record, lambda name, turn: turn._replace(position=(places[name] + step * turn.round) % count))


def fixed_starts(record: Record, severity: float, generator: np.random.Generator) -> Record:
    """The places are said to be random and the starts are not."""
    starts_s: dict[tuple[str, int], float] = {}
    for number in range(record.job.rounds):
        turns = [(each.name, turn) for each in record.networks for turn in each.rounds if turn.round == number]
        now_s = min(turn.start_s for _, turn in turns)
        for name, turn in turns:
            starts_s[name, number] = now_s
            now_s += sum(turn.latencies_s) + 1e-3
    return _turns(record, lambda name, turn: turn._replace(start_s=starts_s[name, turn.round]))


def quota(record: Record, severity: float, generator: np.random.Generator) -> Record:
    cores = record.job.threads * between(severity, 0.9, 0.2)
    facts = record.facts_before._replace(cpu_quota_cores=cores)
    return record._replace(facts_before=facts, facts_after=facts)


def near_trip(record: Record, severity: float, generator: np.random.Generator) -> Record:
    """Within five degrees of where a zone throttles, which is low on this board."""
    zone = next(iter(record.states[0].temperatures_c))
    facts = record.facts_before._replace(trip_points_c={zone: 80.0})
    part = stretch_of(record, between(severity, 0.2, 0.9), generator)
    celsius = between(severity, 76.0, 82.0)
    changed = record._replace(facts_before=facts, facts_after=facts)
    return in_states(
        changed, part, lambda state: state._replace(temperatures_c={**state.temperatures_c, zone: celsius})
    )


def no_memory_left(record: Record, severity: float, generator: np.random.Generator) -> Record:
    left = int(between(severity, 0.045, 0.001) * record.facts_before.memory_total_bytes)
    part = stretch_of(record, between(severity, 0.1, 0.9), generator)
    return in_states(record, part, lambda state: state._replace(memory_available_bytes=left))


def _turns(record: Record, change: Callable[[str, RoundSamples], RoundSamples]) -> Record:
    def network(each: NetworkRecord) -> NetworkRecord:
        return each._replace(rounds=[change(each.name, turn) for turn in each.rounds])

    return record._replace(networks=[network(each) for each in record.networks])


def _has_sensor(kind: Kind) -> bool:
    return kind.source is not None


DOCTORED: dict[str, Fault] = {
    "wrong function": Fault("wrong-function", wrong_function),
    "CPU held at a low clock": Fault("cpu-clock", held_cpu, lambda kind: kind.shows_clocks),
    "GPU held at a low clock": Fault("gpu-clock", held_gpu, lambda kind: kind.gpu_hz is not None),
    "another governor": Fault("governor", other_governor),
    "the board changed": Fault("board-changed", other_board),
    "another process on the only core": Fault("other-processes", one_core),
    "another process on the pinned core": Fault("other-processes", pinned_beside_another),
    "the sampler died": Fault("not-watched", dead_sampler),
    "frozen job": Fault("frozen", frozen),
    "sleeping board": Fault("frozen", slept),
    "impossible latencies": Fault("impossible-latencies", impossible),
    "coarse clock": Fault("coarse-clock", coarse_clock),
    "one network slow": Fault("uneven-network", slow_alone),
    "preempted inferences": Fault("long-tail", preempted),
    "stuck sensor": Fault("stuck-sensor", stuck_sensor, _has_sensor),
    "sensor that sees no work": Fault("no-net-energy", blind_sensor, _has_sensor),
    "costly harness": Fault("harness-cost", costly_harness),
    "overlapping energy blocks": Fault("energy-blocks-overlap", overlapping_blocks, _has_sensor),
    "crashed network": Fault("network-failed", crashed),
    "order not random": Fault("order-not-random", fixed_order),
    "starts not random": Fault("order-not-random", fixed_starts),
    "CPU quota": Fault("cpu-quota", quota),
    "near the trip point": Fault("hot", near_trip, lambda kind: bool(kind.zones)),
    "no memory left": Fault("memory-pressure", no_memory_left),
}
