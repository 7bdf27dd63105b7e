"""The measuring of a job, from an empty record to a full one.

Every network isolated in a fresh process (`isolated.py`), then all of them in rounds (`rounds.py`): for latency, then
in blocks for energy where a power sensor can be read. Meanwhile the sampler reads sensors and the board's state, and
the clocks are fixed, where the job asks for that.
"""

import os
import time
import traceback
from typing import List, Optional

from sis_agent import clock, inventory, power
from sis_agent.board import state
from sis_agent.clocks import watchdog
from sis_agent.clocks.lock_clocks import Clocks
from sis_agent.commands import Commands
from sis_agent.measure import stopping
from sis_agent.measure.context import ANSWER_LIMIT_S, MeasurementContext, Say
from sis_agent.measure.isolated import measure_isolated
from sis_agent.measure.rounds import Rounds
from sis_agent.measure.sampler import Sampler
from sis_agent.power.base import Source
from sis_agent.protocol import ProblemError, agent_id
from sis_agent.runners import engine_cache
from sis_agent.schema import (
    RECORD_VERSION,
    ClockLock,
    EnergyBlock,
    Facts,
    Job,
    Power,
    Problem,
    Record,
    SamplerPair,
    Sampling,
    StateSample,
)
from sis_agent.tree import Tree
from sis_agent.worker.process import StoppedError, StopRequest

NOT_ASKED = "this job did not ask for power"


class Measurement:
    """One job; `run` measures it. `sysroot` is the tree whose /proc and /sys describe the board."""

    def __init__(
        self,
        root: str,
        run_id: str,
        job: Job,
        stop: StopRequest,
        say: Say,
        answer_limit_s: float = ANSWER_LIMIT_S,
        sysroot: str = "/",
    ) -> None:
        check_cores(job.cores)
        self._root = root
        self._sysroot = sysroot
        self._run_id = run_id
        self._job = job
        self._tree = Tree(sysroot)
        self._commands = Commands(sysroot)
        self._started_at = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
        self._context = MeasurementContext(root, job, stop, say, answer_limit_s)
        self._blocks: List[EnergyBlock] = []
        self._states: List[StateSample] = []
        self._power = Power("unavailable", NOT_ASKED)
        self._pairs: List[SamplerPair] = []
        self._sampling = Sampling(reason="nothing was sampled")
        self._ended_by = stopping.PROBLEM

    def run(self) -> Record:
        """Measure all; the record's `problem` says why it stopped early."""
        left_over = watchdog.restore_left_over(self._root, self._sysroot)
        if left_over is not None:
            self._context.details["clocks_left_over"] = left_over
        before = inventory.read(self._sysroot, disk=self._root)
        if before.power_mode is not None:
            self._context.variables[engine_cache.POWER_MODE_VARIABLE] = before.power_mode
        clocks = Clocks(self._root, self._sysroot, self._job.expected_power_mode)
        lock = ClockLock(requested=False, locked=False)
        problem: Optional[Problem] = None
        try:
            if self._job.lock_clocks:
                lock = clocks.lock()
            problem = self._sampled(before)
        except (StoppedError, ProblemError) as error:
            problem = error.problem
        finally:
            lock = clocks.unlock(lock)
        context = self._context
        return Record(
            record_version=RECORD_VERSION,
            run_id=self._run_id,
            agent_id=agent_id(),
            job=self._job,
            started_at=self._started_at,
            duration_s=context.elapsed_s(),
            facts_before=before,
            facts_after=inventory.read(self._sysroot, disk=self._root),
            runner_details=context.details,
            networks=list(context.networks.values()),
            clock=clock.NAME,
            clock_resolution_s=clock.RESOLUTION_S,
            simulated=before.simulated or context.simulated,
            problem=problem,
            windows=context.windows,
            energy_blocks=self._blocks,
            power=self._power,
            states=self._states,
            clock_lock=lock,
            ended_by=self._ended_by,
            sampling=self._sampling,
        )

    def _sampled(self, before: Facts) -> Optional[Problem]:
        """Measure while the sampler runs; what it read is kept however the measuring ends."""
        request = self._job.power
        sources: List[Source] = []
        reason: Optional[str] = NOT_ASKED
        if request is not None:
            sources, reason = power.open_sources(request, self._tree, self._commands)
        tools = Commands(self._sysroot)  # of the state alone: the sources count their own
        reader = state.StateReader(self._tree, tools, self._context.worker_pids)
        sampler = Sampler(sources, reader.read, self._context.start_s, state_tools_s=lambda: tools.cpu_s)
        sampler.start()
        try:
            return self._phases(before, sampler, bool(sources))
        finally:
            try:
                samples = sampler.stop()
                self._states = samples.states
                self._sampling = Sampling(samples.cpu_s, samples.wall_s, self._pairs)
                if request is not None:
                    self._power = power.to_record(request, samples.traces, reason, samples.faults)
            except Exception as error:  # a bug of ours costs the samples, and not what was measured meanwhile
                traceback.print_exc()
                text = "the sampling failed: {}: {}; log.txt has the traceback".format(type(error).__name__, error)
                self._power = Power("unavailable", text)
                self._sampling = Sampling(pairs=self._pairs, reason=text)

    def _phases(self, before: Facts, sampler: Sampler, has_power: bool) -> Optional[Problem]:
        context, request = self._context, self._job.power
        unified = True if before.l4t is not None else None
        for index, network in enumerate(self._job.networks):
            context.progress("isolated", network.name, index, len(self._job.networks), at_once=True)
            measure_isolated(context, network, unified)
        with Rounds(context) as rounds:
            self._ended_by = rounds.latency()
            rounds.sampler_pairs(sampler.paused, self._pairs)
            if request is not None and (has_power or request.external_meter) and context.healthy():
                recent = sampler.recent(request.total_rails) if has_power else None
                rounds.energy(request, self._blocks, recent)
        if not context.healthy():
            first = next(record.problem for record in context.networks.values() if record.problem is not None)
            return Problem(first.code, "no network could be measured; the first: " + first.message)
        return None


def check_cores(cores: List[int]) -> None:
    """Raise the problem `bad-cores` for cores that this process may not use."""
    if not cores:
        return
    allowed = sorted(os.sched_getaffinity(0))
    for core in cores:
        if core not in allowed:
            raise ProblemError(
                "bad-cores",
                "core {} is not available to the job; available: {}".format(
                    core, ", ".join(str(one) for one in allowed)
                ),
            )
