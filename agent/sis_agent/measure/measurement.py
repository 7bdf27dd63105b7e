"""The measuring of a job, from an empty record to a full one.

Every network isolated in a fresh process (`isolated.py`), then all of them in rounds (`rounds.py`): for latency, then
in blocks for energy where a power sensor can be read, then each alone for long, where the job asks for that
(`sustained.py`). Meanwhile the sampler reads sensors and the board's state, and the clocks are fixed, where the job
asks for that.
"""

import contextlib
import os
import traceback
from typing import Dict, Iterator, List, Optional, Tuple

from sis_agent import clock, inventory, lock, power
from sis_agent.board import exclusive, state, thermal
from sis_agent.clocks import watchdog
from sis_agent.clocks.lock_clocks import Clocks
from sis_agent.commands import Commands
from sis_agent.measure import going_on, rest, sustained
from sis_agent.measure.context import ANSWER_LIMIT_S, MeasurementContext, Say
from sis_agent.measure.going_on import JournalFile
from sis_agent.measure.isolated import measure_isolated
from sis_agent.measure.journal import Heading, JobJournal, now_text
from sis_agent.measure.rounds import Rounds
from sis_agent.measure.sampler import Sampler
from sis_agent.measure.window_state import WindowStates
from sis_agent.power.base import Source
from sis_agent.protocol import ProblemError, agent_id
from sis_agent.runners import engine_cache
from sis_agent.schema import BoardLock, ClockLock, Facts, Job, Problem, Record, SustainedRequest
from sis_agent.tree import Tree
from sis_agent.worker.process import StoppedError, StopRequest

NULL = "null"


class Measurement:
    """One job; `run` measures it. `sysroot` is the tree whose /proc and /sys describe the board.

    With a `journal` it writes down what it has as it comes, and goes on with what the journal holds: `check` says first
    whether it can.
    """

    def __init__(
        self,
        root: str,
        run_id: str,
        job: Job,
        stop: StopRequest,
        say: Say,
        answer_limit_s: float = ANSWER_LIMIT_S,
        sysroot: str = "/",
        journal: Optional[JournalFile] = None,
    ) -> None:
        check_cores(job.cores)
        self._root = root
        self._sysroot = sysroot
        self._run_id = run_id
        self._job = job
        self._stop = stop
        self._tree = Tree(sysroot)
        self._commands = Commands(sysroot)
        self._boot_id = lock.boot_id(sysroot)
        self._journal_file = journal
        self._journal: Optional[JobJournal] = None
        self._kept = journal.kept if journal is not None else None
        self._context = MeasurementContext(root, job, stop, say, answer_limit_s)
        self._results = self._context.results
        self._results.started_at = now_text()
        if self._kept is not None:
            self._results = self._context.results = going_on.taken(self._kept.results, self._results)

    def check(self) -> None:
        """Raise the problem `cannot-go-on` where what the journal holds was measured under other conditions.

        Raises `no-temperature` for a job that waits for a temperature which the board does not report.
        """
        rest.check(self._job.rest, self._temperatures)
        if self._kept is not None and self._journal_file is not None:
            self._restore_clocks()
            going_on.check(self._kept, self._journal_file.job_sha256, self._facts())

    def run(self) -> Record:
        """Measure all; the record's `problem` says why it stopped early."""
        with contextlib.ExitStack() as stack:
            if self._measures():
                self._results.board_lock = stack.enter_context(exclusive.exclusive(self._sysroot, self._wait))
            else:
                self._results.board_lock = BoardLock(False, "the runner null needs no board of its own")
            self._begin()
            if self._journal_file is not None:
                self._journal = stack.enter_context(self._open(self._journal_file))
            return self._run()

    def _measures(self) -> bool:
        """Whether anything of the board is measured: the runner null shows what the harness itself takes."""
        return any(self._context.runner(network) != NULL for network in self._job.networks)

    def _wait(self, other: exclusive.Holder) -> None:
        """Another job has the board: wait for its end, as long as this one may take in all."""
        self._context.progress("waiting", str(other), round(self._context.elapsed_s(), 1), self._job.time_limit_s)
        if clock.now_s() + exclusive.POLL_S >= self._stop.deadline_s:
            raise exclusive.busy(other)
        self._stop.sleep(exclusive.POLL_S)

    def _begin(self) -> None:
        """The job's clock begins, or goes on where it stopped."""
        spent_s = 0.0 if self._kept is None else self._kept.t_s
        self._context.start_s = clock.now_s() - spent_s
        again_s = sustained.cut_s(self._results.sustained_windows, self._results.sustained_runs)
        self._stop.deadline_s = clock.now_s() + self._job.time_limit_s - spent_s + again_s
        self._restore_clocks()
        if self._kept is None:
            self._results.facts = self._facts()

    def _restore_clocks(self) -> None:
        """What an earlier job left of its clocks is no fact of this board."""
        left_over = watchdog.restore_left_over(self._root, self._sysroot)
        if left_over is not None:
            self._results.details["clocks_left_over"] = left_over

    def _facts(self) -> Facts:
        return inventory.read(self._sysroot, disk=self._root)

    @contextlib.contextmanager
    def _open(self, file: JournalFile) -> Iterator[JobJournal]:
        """From now on results are written to the journal."""
        context, results = self._context, self._results
        with JobJournal(file.path, results, context.elapsed_s, file.reserve, file.kept) as journal:
            if file.kept is None:
                journal.begin(Heading(agent_id(), file.job_sha256, results.started_at, results.facts), self._boot_id)
            else:
                results.interruptions.append(going_on.interruption(file.kept, self._boot_id, file.cut_by))
                journal.begin(None, self._boot_id)
            context.keep_results = journal.keep
            yield journal

    def _run(self) -> Record:
        results, context = self._results, self._context
        before = results.facts
        if before.power_mode is not None:
            context.variables[engine_cache.POWER_MODE_VARIABLE] = before.power_mode
        clocks = Clocks(self._root, self._sysroot, self._job.expected_power_mode)
        locked, locked_before = ClockLock(requested=False, locked=False), results.clock_lock
        problem: Optional[Problem] = None
        try:
            if self._job.lock_clocks:
                locked = clocks.lock()
                results.clock_lock = going_on.worse(locked_before, locked)
            problem = self._sampled(before)
            if problem is None and self._job.sustained is not None:
                self._sustained(self._job.sustained)
        except (StoppedError, ProblemError) as error:
            problem = error.problem
        finally:
            results.clock_lock = going_on.worse(locked_before, clocks.unlock(locked))
        return results.record(self._run_id, agent_id(), self._job, self._facts(), context.elapsed_s(), problem)

    def _temperatures(self) -> Dict[str, Optional[float]]:
        return thermal.temperatures_c(self._tree)

    def _sources(self) -> Tuple[List[Source], Optional[str]]:
        """The power sources that the job may read; where there is none, why."""
        request = self._job.power
        return ([], None) if request is None else power.open_sources(request, self._tree, self._commands)

    def _sustained(self, request: SustainedRequest) -> None:
        """Sustained work, with a sampler of its own, whose samples are kept as means of windows."""
        reader = state.StateReader(self._tree, Commands(self._sysroot), self._context.worker_pids)
        sampler = Sampler(self._sources()[0], reader.read, self._context.start_s)
        cores = self._job.cores or self._results.facts.allowed_cores
        states = WindowStates(sampler.drain, cores, self._job.on_gpu)
        sampler.start()
        try:
            rests = rest.BoardRests(self._context, self._temperatures)
            sustained.SustainedRuns(self._context, states, rests).run(request)
        finally:
            try:
                sampler.stop()
            except Exception:  # windows then have no power and no clocks, and say so
                traceback.print_exc()

    def _sampled(self, before: Facts) -> Optional[Problem]:
        """Measure while the sampler runs; what it read is kept however the measuring ends."""
        sources, reason = self._sources()
        tools = Commands(self._sysroot)  # of the state alone: the sources count their own
        reader = state.StateReader(self._tree, tools, self._context.worker_pids)
        sampler = Sampler(sources, reader.read, self._context.start_s, state_tools_s=lambda: tools.cpu_s)
        self._results.no_sensor = reason
        sampler.start()
        if self._journal is not None:
            self._journal.sampled = sampler.news
        try:
            return self._phases(before, sampler, bool(sources))
        finally:
            if self._journal is not None:
                self._journal.sampled = None
            try:
                self._results.sessions.append(sampler.stop())
            except Exception as error:  # a bug of ours costs the samples, and not what was measured meanwhile
                traceback.print_exc()
                text = "the sampling failed: {}: {}; log.txt has the traceback".format(type(error).__name__, error)
                self._results.sampling_fault = text

    def _phases(self, before: Facts, sampler: Sampler, has_power: bool) -> Optional[Problem]:
        context, results, request = self._context, self._results, self._job.power
        unified = True if before.l4t is not None else None
        for index, network in enumerate(self._job.networks):
            if network.name in results.isolated:
                continue
            context.progress("isolated", network.name, index, len(self._job.networks), at_once=True)
            measure_isolated(context, network, unified)
            results.isolated.append(network.name)
            context.keep(at_once=True)
        rest.BoardRests(context, self._temperatures).before_rounds()
        with Rounds(context) as rounds:
            results.ended_by = rounds.latency()
            context.keep(at_once=True)
            rounds.sampler_pairs(sampler.paused, results.pairs)
            if request is not None and (has_power or request.external_meter) and context.healthy():
                recent = sampler.recent(request.total_rails) if has_power else None
                rounds.energy(request, results.blocks, recent)
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
