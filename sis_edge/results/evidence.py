"""What a verdict is based on: states and power during the parts of a record in which networks were measured."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from statistics import median

from sis_agent.schema import NetworkRecord, PowerTrace, Record, RoundSamples, StateSample

Stretch = tuple[float, float]


@dataclass(frozen=True)
class Evidence:
    """A record seen as evidence. Times are seconds on the job's clock."""

    record: Record

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
            found.append((min(turn.start_s for turn in turns), max(_end_s(turn) for turn in turns)))
        if blocks:
            found.append((min(block.start_s for block in blocks), max(block.end_s for block in blocks)))
        return found

    @cached_property
    def during(self) -> list[StateSample]:
        """The states in these stretches."""
        return [state for state in self.record.states if any(a <= state.t_s <= b for a, b in self.stretches)]

    @cached_property
    def cores(self) -> int | None:
        """How many cores the board has online: as many as have a clock, else as the facts say."""
        clocks = max((len(state.cpu_frequency_hz) for state in self.record.states), default=0)
        return clocks or self.record.facts_before.cpu_count

    @cached_property
    def cpu_hz(self) -> list[float]:
        """The clock that the job had, one a state: the fastest of its cores, for it moves between them."""
        wanted = self.record.job.cores
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
        return [
            state.gpu_frequency_hz
            for state in self.during
            if state.gpu_frequency_hz and (on_gpu if state.gpu_load is None else state.gpu_load >= 0.5)
        ]

    @cached_property
    def other_cores(self) -> list[float]:
        """Cores that other programs kept busy, one a state."""
        if self.cores is None:
            return []
        return [
            max(0.0, state.cpu_busy - state.own_cpu) * self.cores
            for state in self.during
            if state.cpu_busy is not None and state.own_cpu is not None
        ]

    @cached_property
    def trace(self) -> PowerTrace | None:
        """The power trace to use."""
        power = self.record.power  # samples that cannot be the board's power are kept, under "unavailable"
        return power.traces[0] if power.traces and power.status == "measured" else None

    @cached_property
    def slowness(self) -> list[float]:
        """How slow the board was in each round, 1 being usual: the median over networks of the round's median latency
        over the lower quartile of that network's rounds, so that even a run that was slow for most of its time shows
        it. What befalls one network alone is not in it.
        """
        ratios: dict[int, list[float]] = {}
        for network in self.measured:
            rounds = {turn.round: median(turn.latencies_s) for turn in network.rounds if turn.latencies_s}
            usual = sorted(rounds.values())[len(rounds) // 4]
            for number, latency_s in rounds.items():
                if usual > 0:
                    ratios.setdefault(number, []).append(latency_s / usual)
        return [median(ratios[number]) for number in sorted(ratios)]


def samples(network: NetworkRecord) -> int:
    """How many latencies the network's rounds hold."""
    return sum(len(turn.latencies_s) for turn in network.rounds)


def known(values: Sequence[float | None]) -> list[float]:
    """The values that are known."""
    return [value for value in values if value is not None]


def _end_s(turn: RoundSamples) -> float:
    return turn.start_s + sum(turn.latencies_s)
