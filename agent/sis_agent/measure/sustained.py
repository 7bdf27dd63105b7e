"""Sustained work: each network alone in a fresh process, for as long as the job asks, from the same start temperature.

It follows when everything else is measured. A window of it is kept as soon as it has ended; a run that was cut off,
since the job was, is run again from its beginning, and its windows stay in the record.
"""

import random
from typing import Any, Dict, List

from sis_agent.measure.context import MeasurementContext
from sis_agent.measure.rest import BoardRests
from sis_agent.measure.window_state import WindowStates
from sis_agent.protocol import ProblemError
from sis_agent.schema import LatencyCounts, NetworkJob, SustainedRequest, SustainedRun, SustainedWindow

CUT_OFF = "cut off with the job, and run again"
TIMES_ITSELF = "each inference of this runtime is a process of its own, so none can follow another"


class SustainedRuns:
    """The sustained runs of one job, those left over from an earlier process of it included."""

    def __init__(self, context: MeasurementContext, states: WindowStates, rests: BoardRests) -> None:
        self._context = context
        self._states = states
        self._rests = rests

    def run(self, request: SustainedRequest) -> None:
        """All of them that are not there yet, in an order that comes from the job's seed."""
        self._end_cut_runs()
        order = [network.name for network in self._context.job.networks]
        random.Random("sustained {}".format(self._context.job.seed)).shuffle(order)
        healthy = {network.name: network for network in self._context.healthy()}
        done = {run.network for run in self._context.results.sustained_runs if run.reason != CUT_OFF}
        for name in order:
            if name in healthy and name not in done:
                self._one(healthy[name], request)

    def _one(self, network: NetworkJob, request: SustainedRequest) -> None:
        context, name, number = self._context, network.name, self._next_number()
        reason = None
        try:
            with context.start_worker([network]) as worker:
                worker.ask(context.load(network))
                worker.ask({"do": "warm_up", "name": name, "at_least_s": context.job.warmup_s})
                self._rests.before_run(number)
                context.progress("sustained", name, 0, request.time_s, at_once=True)
                command = dict(request._asdict(), do="sustain", name=name)
                if not worker.ask(command, lambda told: self._keep(number, name, told, request)):
                    reason = TIMES_ITSELF
        except ProblemError as error:
            reason = error.problem.message
        context.results.sustained_runs.append(SustainedRun(number, name, reason))
        context.progress("sustained", name, request.time_s, request.time_s, at_once=True)
        context.keep(at_once=True)

    def _keep(self, number: int, name: str, told: Dict[str, Any], request: SustainedRequest) -> None:
        """A window that has ended, by the worker's clock, which is the job's."""
        context = self._context
        start_s, end_s = told["start_s"] - context.start_s, told["end_s"] - context.start_s
        histograms = {kind: LatencyCounts(**told[kind]) for kind in ("service", "latency") if told.get(kind)}
        fields = dict(told, start_s=start_s, end_s=end_s, **histograms)
        window = SustainedWindow(run=number, network=name, **dict(fields, **self._states.of(start_s, end_s)))
        context.results.sustained_windows.append(window)
        first_s = next(each.start_s for each in context.results.sustained_windows if each.run == number)
        context.progress("sustained", name, round(end_s - first_s, 1), request.time_s)
        context.keep()

    def _end_cut_runs(self) -> None:
        """Runs that have windows and no end."""
        results = self._context.results
        ended = {run.run for run in results.sustained_runs}
        cut = {window.run: window.network for window in results.sustained_windows if window.run not in ended}
        results.sustained_runs += [SustainedRun(run, name, CUT_OFF) for run, name in sorted(cut.items())]

    def _next_number(self) -> int:
        results = self._context.results
        numbers = [run.run for run in results.sustained_runs]
        numbers += [rest.run for rest in results.rests if rest.run is not None]
        return max(numbers, default=-1) + 1


def cut_s(windows: List[SustainedWindow], runs: List[SustainedRun]) -> float:
    """The time that was spent on runs which were cut off."""
    ended = {run.run for run in runs if run.reason != CUT_OFF}
    return sum(window.end_s - window.start_s for window in windows if window.run not in ended)
