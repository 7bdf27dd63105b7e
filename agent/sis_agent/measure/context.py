"""What all phases of a job share: its bundle, its record in the making, its workers, its progress lines."""

import os
from typing import Any, Callable, Dict, List, Optional, Sequence

from sis_agent import clock
from sis_agent.files import BUNDLES, ENGINES, checked_name
from sis_agent.measure.results import OTHER_RUNNERS, Results
from sis_agent.protocol import ProblemError
from sis_agent.runners import engine_cache
from sis_agent.schema import Job, NetworkJob, NetworkRecord, Window
from sis_agent.worker.process import StoppedError, StopRequest, WorkerProcess

# A worker that is silent for so long hangs: longer than any single step of a network of this kind on any board.
ANSWER_LIMIT_S = 300.0
PROGRESS_EVERY_S = 1.0
Say = Callable[[Dict[str, Any]], None]


def bundle_file(bundle: str, name: str) -> str:
    """Path of a bundle's file; raises the problem `bad-bundle` for one outside of it or missing."""
    path = os.path.normpath(os.path.join(bundle, name))
    if os.path.isabs(name) or not path.startswith(os.path.normpath(bundle) + os.sep):
        raise ProblemError("bad-bundle", "'{}' is not inside the bundle; build the bundle again".format(name))
    if not os.path.isfile(path):
        raise ProblemError("bad-bundle", "the bundle lacks {} on this board; push it again".format(name))
    return path


class MeasurementContext:
    """One job at work. `results` are right at any moment; times are since `start_s`.

    `variables` go into the environment of every worker. `keep_results` writes the results to disk, if that is due or
    where it is given True. It is called where a piece of them is finished, and never within a turn.
    """

    def __init__(self, root: str, job: Job, stop: StopRequest, say: Say, answer_limit_s: float) -> None:
        self.job = job
        self.stop = stop
        self.results = Results()
        self.keep_results: Callable[[bool], None] = lambda at_once: None
        self.start_s = clock.now_s()
        self._say = say
        self._said_s = 0.0
        self._phase = ""
        self._answer_limit_s = answer_limit_s
        self._bundle = os.path.join(root, BUNDLES, checked_name("bundle id", job.bundle_id))
        self.variables = {engine_cache.FOLDER_VARIABLE: os.path.join(os.path.abspath(root), ENGINES)}
        self._workers: List[WorkerProcess] = []
        for network in job.networks:
            for part in (network.golden_logits, network.inputs, network.expected, network.labels):
                if part is not None:
                    self.path(part)
            self.options(network)
            self.networks[network.name] = NetworkRecord(
                network.name,
                os.path.getsize(self.path(network.model)),
                rounds=[],
                network=network.network or network.name,
                form=network.form,
                precision=network.precision,
                granularity=network.granularity,
                runner=self.runner(network),
            )
        for name in (job.golden_inputs, job.test_images, job.test_labels):
            if name is not None:
                self.path(name)

    @property
    def networks(self) -> Dict[str, NetworkRecord]:
        """What was measured of each network, in the job's order."""
        return self.results.networks

    @property
    def details(self) -> Dict[str, Any]:
        """What the runtimes report."""
        return self.results.details

    @property
    def windows(self) -> List[Window]:
        """The job's stretches."""
        return self.results.windows

    def keep(self, at_once: bool = False) -> None:
        """Something is finished: see `keep_results`."""
        try:
            self.keep_results(at_once)
        except ProblemError as error:  # a full disk ends the job and is not a network's fault
            raise StoppedError(*error.problem)

    def path(self, name: str) -> str:
        """Path of a file of the job's bundle."""
        return bundle_file(self._bundle, name)

    def optional_path(self, name: Optional[str]) -> Optional[str]:
        """Path of a file that a job need not have."""
        return None if name is None else self.path(name)

    def runner(self, network: NetworkJob) -> str:
        """Name of a network's runtime."""
        return network.runner or self.job.runner

    def options(self, network: NetworkJob) -> Dict[str, Any]:
        """A network's options for its runner, files of the bundle by their paths."""
        return dict(network.options, **{option: self.path(name) for option, name in network.files.items()})

    def healthy(self) -> List[NetworkJob]:
        """The networks that have no problem so far."""
        return [network for network in self.job.networks if self.networks[network.name].problem is None]

    def note(self, name: str, **fields: Any) -> None:
        """Keep a result of a network."""
        self.networks[name] = self.networks[name]._replace(**fields)

    def elapsed_s(self) -> float:
        """Time on the job's clock."""
        return clock.now_s() - self.start_s

    def start_worker(self, networks: Sequence[NetworkJob]) -> WorkerProcess:
        """A new worker with the runtimes of these networks and no others; its details go to the record."""
        self._workers = [worker for worker in self._workers if worker.runs]
        runners = sorted({self.runner(network) for network in networks})
        worker = WorkerProcess(self.job, self.stop, self._answer_limit_s, self.variables, runners)
        self._workers = [*self._workers, worker]
        for name, details in worker.start["runner_details"].items():
            if name == self.job.runner:
                self.details.update(details)
            else:
                others = self.details.get(OTHER_RUNNERS, {})
                self.details[OTHER_RUNNERS] = dict(others, **{name: details})
        return worker

    def worker_pids(self) -> List[int]:
        """The living workers; the sampler's thread asks."""
        return [worker.pid for worker in self._workers if worker.runs]

    def prepare(self, worker: WorkerProcess, network: NetworkJob) -> None:
        """What has to be made of the network once on a board; an engine's build may take minutes."""
        command = dict(self._network(network), do="prepare")
        worker.ask(command, lambda step: self.progress("build", network.name, step["done"], step["of"]))

    def load(self, network: NetworkJob) -> Dict[str, Any]:
        """The command that loads a network."""
        golden = self.optional_path(self.job.golden_inputs)
        return dict(self._network(network), do="load", name=network.name, golden_inputs=golden)

    def _network(self, network: NetworkJob) -> Dict[str, Any]:
        return {
            "model": self.path(network.model),
            "options": self.options(network),
            "runner": self.runner(network),
            "inputs": self.optional_path(network.inputs),
        }

    def progress(self, phase: str, network: Optional[str], done: float, of: float, at_once: bool = False) -> None:
        """A line for whoever watches, never between two looks at the clock: where a phase begins, then one a second."""
        now_s = clock.now_s()
        if at_once or phase != self._phase or now_s - self._said_s >= PROGRESS_EVERY_S:
            self._said_s, self._phase = now_s, phase
            step = {"t_s": round(self.elapsed_s(), 3), "phase": phase, "network": network, "done": done, "of": of}
            try:
                self._say(step)
            except ProblemError as error:  # a full disk ends the job and is not a network's fault
                raise StoppedError(*error.problem)

    def idle(self, name: str, time_s: float) -> None:
        """Leave the board idle for `time_s`; the stretch is one of the record's windows."""
        begin_s = self.elapsed_s()
        while True:
            spent_s = self.elapsed_s() - begin_s
            if spent_s >= time_s:
                break
            self.progress(name, None, round(spent_s, 1), time_s)
            self.stop.sleep(min(PROGRESS_EVERY_S, time_s - spent_s))
        self.windows.append(Window(name, begin_s, self.elapsed_s()))
        self.keep()
