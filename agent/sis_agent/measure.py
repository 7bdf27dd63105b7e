"""The measuring of a job: every network alone in a fresh process, then all of them in turns.

Alone: memory of a process that holds nothing else, load time, first inference, golden check, accuracy. In turns:
one worker holds all networks; each is warmed up until steady; then in every round each network runs once, in an
order drawn anew from the job's seed, so that drift of the board hits all alike.

A network that kills its worker loses its own result and no other's: it gets a Problem, and the rounds go on with a
new worker.
"""

import os
import random
import time
from typing import Any, Callable, Dict, List, Optional

from sis_agent import clock, facts
from sis_agent.jobs import BUNDLES, checked_name
from sis_agent.protocol import ProblemError, agent_id
from sis_agent.schema import (
    RECORD_VERSION,
    Accuracy,
    GoldenCheck,
    Job,
    Memory,
    NetworkJob,
    NetworkRecord,
    Problem,
    Record,
    RoundSamples,
)
from sis_agent.worker_process import StoppedError, StopRequest, WorkerLostError, WorkerProcess

# A worker that is silent for so long hangs: longer than any single step of a network of this kind on any board.
ANSWER_LIMIT_S = 300.0
PROGRESS_EVERY_S = 1.0
HARNESS_INFERENCES = 1000

Say = Callable[[Dict[str, Any]], None]


def bundle_file(bundle: str, name: str) -> str:
    """Path of a bundle's file; raises the problem `bad-bundle` for one outside of it or missing."""
    path = os.path.normpath(os.path.join(bundle, name))
    if os.path.isabs(name) or not path.startswith(os.path.normpath(bundle) + os.sep):
        raise ProblemError("bad-bundle", "'{}' is not inside of the bundle; build the bundle again".format(name))
    if not os.path.isfile(path):
        raise ProblemError("bad-bundle", "the bundle lacks {} on this board; push it again".format(name))
    return path


class Measurement:
    """One job's way from an empty record to a full one; `record` is right at any moment between."""

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
        self._root = root
        self._sysroot = sysroot
        self._run_id = run_id
        self._job = job
        self._stop = stop
        self._say = say
        self._answer_limit_s = answer_limit_s
        self._bundle = os.path.join(root, BUNDLES, checked_name("bundle id", job.bundle_id))
        self._details: Dict[str, Any] = {}
        self._networks: Dict[str, NetworkRecord] = {}
        self._said_s = 0.0
        self._start_s = clock.now_s()
        self._started_at = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
        for network in job.networks:
            bundle_file(self._bundle, network.golden_logits)
            size = os.path.getsize(bundle_file(self._bundle, network.model))
            self._networks[network.name] = NetworkRecord(network.name, size, rounds=[])
        for name in (job.golden_inputs, job.test_images, job.test_labels):
            if name is not None:
                bundle_file(self._bundle, name)

    def run(self) -> Record:
        """Measure all; the record's `problem` says why it stopped early."""
        before = facts.read(self._sysroot, disk=self._root)
        problem: Optional[Problem] = None
        try:
            for index, network in enumerate(self._job.networks):
                self._progress("alone", network.name, index, len(self._job.networks), at_once=True)
                self._alone(network)
            self._rounds()
            failed = [record.problem for record in self._networks.values() if record.problem is not None]
            if len(failed) == len(self._networks):
                problem = Problem(failed[0].code, "no network could be measured; the first: " + failed[0].message)
        except (StoppedError, ProblemError) as error:
            problem = error.problem
        return Record(
            record_version=RECORD_VERSION,
            run_id=self._run_id,
            agent_id=agent_id(),
            job=self._job,
            started_at=self._started_at,
            duration_s=self._elapsed_s(),
            facts_before=before,
            facts_after=facts.read(self._sysroot, disk=self._root),
            runner_details=self._details,
            networks=list(self._networks.values()),
            clock=clock.NAME,
            clock_resolution_s=clock.RESOLUTION_S,
            simulated=before.simulated,
            problem=problem,
        )

    def _alone(self, network: NetworkJob) -> None:
        """One network in a fresh process; what the process answered before a problem stays in the record."""
        name, job = network.name, self._job
        worker = self._start_worker()
        try:
            with worker:
                self._note(name, load_s=worker.ask(self._load(network))["load_s"])
                loaded = worker.ask({"do": "memory"})["rss_bytes"]
                self._note(name, first_inference_s=worker.ask({"do": "first", "name": name})["latency_s"])
                peak = worker.ask({"do": "memory"})["peak_rss_bytes"]
                baseline = worker.start["baseline_rss_bytes"]
                reason = "/proc/self/status does not tell it" if None in (baseline, loaded, peak) else None
                self._note(name, memory=Memory(baseline, loaded, peak, reason))
                golden = worker.ask(
                    {
                        "do": "golden",
                        "name": name,
                        "images": self._path(job.golden_inputs),
                        "logits": self._path(network.golden_logits),
                        "tolerance": job.golden_tolerance,
                    }
                )
                self._note(name, golden=golden and GoldenCheck(**golden))
                if job.test_images is not None and job.test_labels is not None:
                    accuracy = worker.ask(
                        {
                            "do": "accuracy",
                            "name": name,
                            "images": self._path(job.test_images),
                            "labels": self._path(job.test_labels),
                        },
                        lambda step: self._progress("accuracy", name, step["done"], step["of"]),
                    )
                    self._note(name, accuracy=accuracy and Accuracy(**accuracy))
        except ProblemError as error:
            self._note(name, problem=error.problem)

    def _rounds(self) -> None:
        """All networks in turns. A round's order is drawn for all names, so it is the same whoever has failed."""
        names = [network.name for network in self._job.networks]
        shuffler = random.Random(self._job.seed)
        worker: Optional[WorkerProcess] = None
        try:
            for index in range(self._job.rounds):
                order = list(names)
                shuffler.shuffle(order)
                for position, name in enumerate(order):
                    worker = worker or self._warm_worker()
                    if worker is None:
                        return
                    if self._networks[name].problem is not None:
                        continue
                    try:
                        turn = worker.ask({"do": "run", "name": name, "inferences": self._job.inferences_per_round})
                    except ProblemError as error:
                        self._note(name, problem=error.problem)
                        if isinstance(error, WorkerLostError):
                            worker.close()
                            worker = None
                        continue
                    start_s = turn["start_s"] - self._start_s
                    samples = RoundSamples(index, position, start_s, turn["latencies_s"])
                    self._networks[name].rounds.append(samples)
                    self._progress("rounds", name, index, self._job.rounds)
            self._progress("rounds", None, self._job.rounds, self._job.rounds, at_once=True)
        finally:
            if worker is not None:
                worker.close()

    def _warm_worker(self) -> Optional[WorkerProcess]:
        """A worker that holds every healthy network, warmed up; None when no network is healthy any more."""
        while True:
            healthy = [network for network in self._job.networks if self._networks[network.name].problem is None]
            if not healthy:
                return None
            worker = self._start_worker()
            try:
                harness = worker.ask({"do": "harness", "inferences": HARNESS_INFERENCES})
                self._details["harness_latencies_s"] = harness["latencies_s"]
                if self._warmed_up(worker, healthy):
                    return worker
            except BaseException:
                worker.close()
                raise
            worker.close()

    def _warmed_up(self, worker: WorkerProcess, networks: List[NetworkJob]) -> bool:
        """Load and warm up; False when the worker was lost, the guilty network being noted."""
        for action in ("load", "warm_up"):
            for index, network in enumerate(networks):
                name = network.name
                if self._networks[name].problem is not None:
                    continue
                self._progress(action, name, index, len(networks), at_once=True)
                try:
                    if action == "load":
                        worker.ask(self._load(network))
                        continue
                    warm = worker.ask({"do": "warm_up", "name": name, "at_least_s": self._job.warmup_s})
                    self._note(name, warmup_latencies_s=warm["latencies_s"], warmup_steady=warm["steady"])
                except ProblemError as error:
                    self._note(name, problem=error.problem)
                    if isinstance(error, WorkerLostError):
                        return False
        return True

    def _start_worker(self) -> WorkerProcess:
        worker = WorkerProcess(self._job, self._stop, self._answer_limit_s)
        self._details.update(worker.start["runner_details"])
        return worker

    def _load(self, network: NetworkJob) -> Dict[str, Any]:
        return {
            "do": "load",
            "name": network.name,
            "model": self._path(network.model),
            "golden_inputs": self._path(self._job.golden_inputs),
            "options": network.options,
        }

    def _path(self, name: str) -> str:
        return bundle_file(self._bundle, name)

    def _note(self, name: str, **fields: Any) -> None:
        self._networks[name] = self._networks[name]._replace(**fields)

    def _elapsed_s(self) -> float:
        return clock.now_s() - self._start_s

    def _progress(self, phase: str, network: Optional[str], done: int, of: int, at_once: bool = False) -> None:
        """A line for whoever watches: at most one a second, and never between two looks at the clock."""
        now_s = clock.now_s()
        if at_once or now_s - self._said_s >= PROGRESS_EVERY_S:
            self._said_s = now_s
            step = {"t_s": round(self._elapsed_s(), 3), "phase": phase, "network": network, "done": done, "of": of}
            try:
                self._say(step)
            except ProblemError as error:  # a full disk ends the job and is no network's fault
                raise StoppedError(*error.problem)
