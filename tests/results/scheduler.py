"""A core that a job shares with another program, as a scheduler's slices have it: what turns on it record.

The other program is ready every `period_s` and works for `work_s`. It gets the core at once, or where the scheduler
lets the job finish its slice, up to `slice_s` later; then the job waits until it is done. So an inference longer than
the program's pauses never gets past it, and a short one mostly does. The agent's own rule decides what is measured
again.
"""

from dataclasses import dataclass, field

import numpy as np

from sis_agent.measure.interference import RepeatRule
from sis_agent.schema import Job, NetworkRecord, RoundSamples

TURN_S = 0.1
OVERHEAD_S = 20e-6  # between two turns, in the simulated time


@dataclass
class SharedCore:
    """The core's time line. `work_s` 0: nobody else."""

    generator: np.random.Generator
    period_s: float = 8.5e-3
    work_s: float = 2e-3
    slice_s: float = 0.0
    jitter: float = 0.02
    now_s: float = 0.0
    _visit_s: float = field(init=False)

    def __post_init__(self) -> None:
        self._visit_s = self.generator.uniform(0, self.period_s)

    def run(self, cpu_s: float) -> tuple[float, float]:
        """Compute for so long: how long it took, and how much of that the core was somebody else's."""
        start_s, lost_s, left_s = self.now_s, 0.0, cpu_s
        while self.work_s and self.now_s + left_s > self._visit_s:
            before_s = max(self._visit_s - self.now_s, 0.0)
            left_s -= before_s
            took_s = self.work_s * (1 + self.jitter * self.generator.normal())
            self.now_s += before_s + took_s
            lost_s += took_s
            wait_s = self.generator.uniform(0, self.slice_s) if self.slice_s else 0.0
            pause_s = (self.period_s - self.work_s) * (1 + self.jitter * self.generator.normal())
            self._visit_s = self.now_s + max(pause_s, 0.0) + wait_s
        self.now_s += left_s
        return self.now_s - start_s, lost_s

    def turn(self, latency_s: float, inferences: int, number: int, position: int, preempted: int) -> RoundSamples:
        """One turn, the inference before it left out; noise of 0.5% besides."""
        self.run(latency_s)
        start_s, lost_s, latencies_s = self.now_s, 0.0, []
        for _ in range(inferences):
            took_s, taken_s = self.run(latency_s * float(np.exp(0.005 * self.generator.normal())))
            latencies_s.append(took_s)
            lost_s += taken_s
        wall_s = self.now_s - start_s
        self.now_s += OVERHEAD_S
        return RoundSamples(
            number, position, start_s, latencies_s, wall_s=wall_s, cpu_s=wall_s - lost_s, process_cpu_s=wall_s - lost_s,
            run_delay_s=lost_s, preempted=preempted,
        )  # fmt: skip


def measured(job: Job, latencies_s: dict[str, float], core: SharedCore, rounds: int = 30) -> list[NetworkRecord]:
    """The networks as the agent would record them on such a core: in random order, measured again by its rule."""
    rule, found = RepeatRule(job), {name: list[RoundSamples]() for name in latencies_s}
    names = list(latencies_s)
    for number in range(rounds):
        for position, at in enumerate(core.generator.permutation(len(names))):
            name, preempted = names[at], 0
            inferences = job.inferences_per_round or max(1, min(1000, round(TURN_S / latencies_s[name])))
            while True:
                turn = core.turn(latencies_s[name], inferences, number, position, preempted)
                if not rule.again(turn):
                    break
                preempted += 1
            found[name].append(turn)
    return [NetworkRecord(name, 10**6, warmup_steady=True, rounds=turns) for name, turns in found.items()]
