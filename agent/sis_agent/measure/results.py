"""What a job has measured so far, and the record of it, at any moment."""

from typing import Any, Dict, List, Optional

from sis_agent import clock, power
from sis_agent.measure.sampler import SamplerOutput
from sis_agent.measure.stopping import PROBLEM
from sis_agent.schema import (
    RECORD_VERSION,
    BoardLock,
    BoardRest,
    ClockLock,
    EnergyBlock,
    Facts,
    Job,
    JobInterruption,
    NetworkRecord,
    Power,
    PowerTrace,
    Problem,
    Record,
    SamplerPair,
    Sampling,
    StateSample,
    SustainedRun,
    SustainedWindow,
    Window,
)

NOT_ASKED = "this job did not ask for power"
NOT_SAMPLED = "nothing was sampled"


class Results:
    """Right at any moment; `networks` in the job's order. A job that was interrupted has several `sessions` of samples.

    `isolated` names the networks whose part in a process of their own is done, with a problem or without. `rounds`
    counts the rounds that are finished. `sampling_fault` says why the samples of the last session are missing.
    """

    def __init__(self) -> None:
        self.networks: Dict[str, NetworkRecord] = {}
        self.details: Dict[str, Any] = {}
        self.windows: List[Window] = []
        self.blocks: List[EnergyBlock] = []
        self.pairs: List[SamplerPair] = []
        self.isolated: List[str] = []
        self.rests: List[BoardRest] = []
        self.sustained_runs: List[SustainedRun] = []
        self.sustained_windows: List[SustainedWindow] = []
        self.rounds = 0
        self.ended_by = PROBLEM
        self.interruptions: List[JobInterruption] = []
        self.facts = Facts()
        self.started_at = ""
        self.board_lock = BoardLock()
        self.clock_lock = ClockLock(requested=False, locked=False)
        self.sessions: List[SamplerOutput] = []
        self.no_sensor: Optional[str] = None
        self.sampling_fault: Optional[str] = None

    @property
    def simulated(self) -> bool:
        """Whether a stand-in plays the board or any of the runtimes."""
        others = self.details.get(OTHER_RUNNERS, {}).values()
        return self.facts.simulated or any(details.get("simulated") for details in (self.details, *others))

    def record(
        self, run_id: str, agent: str, job: Job, facts_after: Facts, duration_s: float, problem: Optional[Problem]
    ) -> Record:
        """The record of what there is; `problem` says why it is not all."""
        return Record(
            record_version=RECORD_VERSION,
            run_id=run_id,
            agent_id=agent,
            job=job,
            started_at=self.started_at,
            duration_s=duration_s,
            facts_before=self.facts,
            facts_after=facts_after,
            runner_details=self.details,
            networks=list(self.networks.values()),
            clock=clock.NAME,
            clock_resolution_s=clock.RESOLUTION_S,
            simulated=self.simulated,
            problem=problem,
            windows=self.windows,
            energy_blocks=self.blocks,
            power=self._power(job),
            states=self._states(),
            clock_lock=self.clock_lock,
            ended_by=self.ended_by,
            sampling=self._sampling(),
            interruptions=self.interruptions,
            board_lock=self.board_lock,
            rests=self.rests,
            sustained_runs=self.sustained_runs,
            sustained_windows=self.sustained_windows,
        )

    def _power(self, job: Job) -> Power:
        if job.power is None:
            return Power("unavailable", NOT_ASKED)
        if self.sampling_fault is not None:
            return Power("unavailable", self.sampling_fault)
        faults: Dict[str, str] = {}
        for session in self.sessions:
            faults.update(session.faults)
        return power.to_record(job.power, joined([each.traces for each in self.sessions]), self.no_sensor, faults)

    def _states(self) -> List[StateSample]:
        return [state for session in self.sessions for state in session.states]

    def _sampling(self) -> Sampling:
        if not self.sessions or self.sampling_fault is not None:
            return Sampling(pairs=self.pairs, reason=self.sampling_fault or NOT_SAMPLED)
        cpu_s, wall_s = sum(each.cpu_s for each in self.sessions), sum(each.wall_s for each in self.sessions)
        return Sampling(cpu_s, wall_s, self.pairs)


# Where the record's runner details hold those of runtimes other than the job's.
OTHER_RUNNERS = "other_runners"


def joined(sessions: List[List[PowerTrace]]) -> List[PowerTrace]:
    """The traces of all sessions, one for each source; a source whose rails became others has one more."""
    traces: List[PowerTrace] = []
    for session in sessions:
        for trace in session:
            known = [index for index, each in enumerate(traces) if _key(each) == _key(trace)]
            if known:
                traces[known[0]] = _behind(traces[known[0]], trace)
            else:
                traces.append(trace)
    return traces


def _key(trace: PowerTrace) -> Any:
    return trace.source, trace.rails, sorted(trace.energy_j)


def _behind(first: PowerTrace, later: PowerTrace) -> PowerTrace:
    """Two stretches of one source; what a counter of energy counted between them is unknown, and counts as nothing."""
    counts = [len(first.times_s), len(later.times_s)]
    energy_j = {}
    for rail, values in first.energy_j.items():
        known, more = [value for value in values if value is not None], later.energy_j[rail]
        start = next((value for value in more if value is not None), 0.0)
        step = known[-1] - start if known else 0.0
        energy_j[rail] = values + [None if value is None else round(value + step, 6) for value in more]
    weighted = counts[0] * first.sample_interval_s + counts[1] * later.sample_interval_s
    return first._replace(
        times_s=first.times_s + later.times_s,
        power_w={rail: values + later.power_w[rail] for rail, values in first.power_w.items()},
        energy_j=energy_j,
        sample_interval_s=round(weighted / max(sum(counts), 1), 6),
        duplicates=first.duplicates + later.duplicates,
    )
