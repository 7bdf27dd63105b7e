"""What a verdict is based on: states and power during the parts of a record in which networks were measured."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from statistics import median

from sis_agent.schema import NetworkRecord, PowerTrace, Record, RoundSamples, StateSample
from sis_edge.results.runtimes import runtime, shown
from sis_edge.results.schema import KnownNetwork

Stretch = tuple[float, float]

# From this load on a GPU's clock is that of its work. A job on the GPU works all the time, with moments of rest between
# inferences; what else draws on a GPU must have it for itself.
GPU_WORKS, GPU_WORKS_FOR_OTHERS = 0.1, 0.5


@dataclass(frozen=True)
class Evidence:
    """A record seen as evidence. Times are seconds on the job's clock.

    `entries` holds what the host knows of the record's networks, by their names: accuracy and multiply-accumulates.
    `reference` is the network that the others' speed-ups are over.
    """

    record: Record
    entries: Mapping[str, KnownNetwork] = field(default_factory=dict)
    reference: str | None = None

    def shown(self, network: NetworkRecord) -> str:
        """A network's name as reports show it."""
        return shown(self.record.job, network)

    def runtime(self, network: NetworkRecord) -> str:
        """What ran it."""
        return runtime(self.record.job, network)

    @cached_property
    def measured(self) -> list[NetworkRecord]:
        """The networks that have latencies from rounds."""
        return [network for network in self.record.networks if samples(network)]

    @cached_property
    def stretches(self) -> list[Stretch]:
        """From the first turn of the rounds to the end of the last, and the same of the energy blocks."""
        turns = [turn for network in self.measured for turn in network.rounds if turn.latencies_s]
        blocks = self.record.energy_blocks
        found = []
        if turns:
            found.append((min(turn.start_s for turn in turns), max(end_s(turn) for turn in turns)))
        if blocks:
            found.append((min(block.start_s for block in blocks), max(block.end_s for block in blocks)))
        return found

    @cached_property
    def during(self) -> list[StateSample]:
        """The states in these stretches."""
        return [state for state in self.record.states if any(a <= state.t_s <= b for a, b in self.stretches)]

    @cached_property
    def parts(self) -> list[list[StateSample]]:
        """All states, apart where the job was interrupted: counters may begin anew there, and clocks jump."""
        cuts_s = [cut.t_s for cut in self.record.interruptions]
        parts: list[list[StateSample]] = [[] for _ in range(len(cuts_s) + 1)]
        for state in self.record.states:
            parts[sum(cut_s < state.t_s for cut_s in cuts_s)].append(state)
        return parts

    @cached_property
    def cores(self) -> int | None:
        """How many cores the board has online: as many as have a clock, else as the facts say."""
        clocks = max((len(state.cpu_frequency_hz) for state in self.record.states), default=0)
        return clocks or self.record.facts_before.cpu_count

    @cached_property
    def usable(self) -> list[int]:
        """The cores that the job may use, by number: those it is pinned to, else its agent's; empty where unknown."""
        return list(self.record.job.cores or self.record.facts_before.allowed_cores)

    @cached_property
    def cpu_hz(self) -> list[float]:
        """The clock that the job had, one a state: the fastest of its cores, for it moves between them."""
        wanted = self.usable
        found = []
        for state in self.during:
            clocks = state.cpu_frequency_hz
            if wanted and max(wanted) < len(clocks):
                clocks = [clocks[core] for core in wanted]
            known = [hertz for hertz in clocks if hertz]
            if known:
                found.append(max(known))
        return found

    @cached_property
    def gpu_hz(self) -> list[float]:
        """The GPU's clock while it works; an idle GPU clocks down and says nothing."""
        on_gpu = self.record.job.on_gpu
        works = GPU_WORKS if on_gpu else GPU_WORKS_FOR_OTHERS
        return [
            state.gpu_frequency_hz
            for state in self.during
            if state.gpu_frequency_hz and (on_gpu if state.gpu_load is None else state.gpu_load >= works)
        ]

    @property
    def expects_gpu_hz(self) -> bool:
        """Whether the profile or the hardware says what the GPU's clock should be."""
        return bool(self.record.job.expected_gpu_hz or self.record.facts_before.gpu_max_frequency_hz)

    @cached_property
    def sees_interference(self) -> bool:
        """Whether turns tell their processor time from their wall time."""
        return any(turn.wall_s is not None and turn.cpu_s is not None for _, turn in self.turns)

    @cached_property
    def watches_usable(self) -> bool:
        """Whether the job may use a part of the cores only, and these were watched one by one."""
        cores = [str(core) for core in self.usable]
        return 0 < len(cores) < (self.cores or 0) and any(
            all(core in state.core_busy for core in cores) for state in self.during
        )

    @cached_property
    def shared_cores(self) -> int | None:
        """How many cores `other_cores` is about: those that the job may use, else all."""
        return len(self.usable) if self.watches_usable else self.cores

    @cached_property
    def other_cores(self) -> list[float]:
        """How many cores other programs kept busy, one a state: of those that the job may use, if they were watched."""
        found = []
        for state in self.during:
            if state.own_cpu is None or self.cores is None:
                continue
            busy = None if state.cpu_busy is None else state.cpu_busy * self.cores
            if self.watches_usable:
                known_busy = [state.core_busy.get(str(core)) for core in self.usable]
                busy = None if None in known_busy else sum(known(known_busy))
            if busy is not None:
                found.append(max(0.0, busy - state.own_cpu * self.cores))
        return found

    @cached_property
    def trace(self) -> PowerTrace | None:
        """The power trace to use."""
        power = self.record.power  # samples that cannot be the board's power are kept, under "unavailable"
        return power.traces[0] if power.traces and power.status == "measured" else None

    @cached_property
    def factors(self) -> dict[str, dict[int, float]]:
        """How slow each network was in each round: the round's median latency over the lower quartile of its rounds."""
        found = {}
        for network in self.measured:
            rounds = round_medians(network)
            usual = sorted(rounds.values())[len(rounds) // 4]
            if usual > 0:
                found[network.name] = {number: latency_s / usual for number, latency_s in rounds.items()}
        return found

    @cached_property
    def slowness(self) -> list[float]:
        """How slow the board was in each round, 1 being usual: the median over networks of their factors, so that even
        a run that was slow for most of its time shows it. What befalls one network alone is not in it.
        """
        ratios: dict[int, list[float]] = {}
        for factors in self.factors.values():
            for number, factor in factors.items():
                ratios.setdefault(number, []).append(factor)
        return [median(ratios[number]) for number in sorted(ratios)]

    @cached_property
    def turns(self) -> list[tuple[NetworkRecord, RoundSamples]]:
        """Every turn with latencies, by its start."""
        found = [(network, turn) for network in self.measured for turn in network.rounds if turn.latencies_s]
        return sorted(found, key=lambda pair: pair[1].start_s)


def samples(network: NetworkRecord) -> int:
    """How many latencies the network's rounds hold."""
    return sum(len(turn.latencies_s) for turn in network.rounds)


def round_medians(network: NetworkRecord) -> dict[int, float]:
    """The median latency [s] of each round in which the network was measured."""
    return {turn.round: median(turn.latencies_s) for turn in network.rounds if turn.latencies_s}


def known(values: Sequence[float | None]) -> list[float]:
    """The values that are known."""
    return [value for value in values if value is not None]


def end_s(turn: RoundSamples) -> float:
    """When the last of a turn's inferences ended."""
    return turn.start_s + sum(turn.latencies_s)
