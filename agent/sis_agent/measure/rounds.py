"""All networks in rounds: workers that hold them all, warmed up until steady, measure them in random order.

In rounds, for latency: every network runs once a round. The rounds are dealt to as many worker processes as the job
asks for, each once in every block of so many rounds, in random order: a process keeps its layout in memory for its
life, which makes some networks faster in it and others slower. In blocks, for energy: every network runs back to back
for a stretch that a power sensor can resolve. Orders are drawn anew from the job's seed, so that drift of the board
hits all alike; they are drawn for all names, so they are the same whoever has failed.

A network that kills its worker loses its own result and no other's: it gets a Problem, and a new worker goes on.
"""

import contextlib
import random
from typing import Any, Callable, ContextManager, Dict, Iterator, List, Optional, Tuple

from sis_agent.measure import interference, settling, stopping
from sis_agent.measure.context import MeasurementContext
from sis_agent.protocol import ProblemError
from sis_agent.schema import EnergyBlock, NetworkJob, PowerRequest, RoundSamples, SamplerPair, Window
from sis_agent.worker.process import WorkerLostError, WorkerProcess

HARNESS_INFERENCES = 1000
# Before the first energy block and behind the last the board works so long without being counted: a slow sensor's
# samples around their edges would otherwise be half at rest.
LEAD_S = 2.0


class Rounds:
    """The workers that hold all networks; use as a context manager, which ends them."""

    def __init__(self, context: MeasurementContext) -> None:
        self._context = context
        self._shuffler = random.Random(context.job.seed)
        # Of its own, so that the networks' order is the same with any number of processes.
        self._dealer = random.Random("processes {}".format(context.job.seed))
        # A worker's place in the order is kept by the one that replaces it; its number in the record is its own.
        self._workers: Dict[int, Tuple[int, WorkerProcess]] = {}
        self._started = 0
        self._place = 0
        # Chosen once for each network, so that all its turns are equal, with a later worker too.
        self._inferences: Dict[str, int] = {}

    def __enter__(self) -> "Rounds":
        return self

    def __exit__(self, *_: object) -> None:
        for place in list(self._workers):
            self._drop(place)

    def latency(self) -> str:
        """Rounds until the job's length or its target is reached; returns which of them."""
        context, job = self._context, self._context.job
        names = [network.name for network in job.networks]
        rule, repeats = stopping.StoppingRule(job), interference.RepeatRule(job)
        for self._place in range(job.processes):
            self._warm()
        begin_s = context.elapsed_s()
        ended_by: Optional[str] = None
        places: List[int] = []
        done = 0
        while ended_by is None:
            places = places or self._dealt()
            self._place = places.pop()
            for position, name in self._order():
                turn = self._turn(name, done, position, repeats)
                if turn is None:
                    continue
                context.networks[name].rounds.append(turn)
                rule.add(name, turn.latencies_s)
                context.progress("rounds", name, done, rule.expected_rounds(done, names))
            healthy = [context.networks[network.name] for network in context.healthy()]
            if not healthy:
                return stopping.PROBLEM
            done += 1
            ended_by = rule.ended_by(done, healthy)
        context.progress("rounds", None, done, done, at_once=True)
        context.windows.append(Window("rounds", begin_s, context.elapsed_s()))
        self._keep_one()
        return ended_by

    def sampler_pairs(self, paused: Callable[[], ContextManager[None]], pairs: List[SamplerPair]) -> None:
        """Pairs of turns of one network, with the sampler and without it, one right after the other: an A/A test.

        The network is the reference of the speed-ups, or the first; whatever its latency, the cost is the same.
        """
        context, job = self._context, self._context.job
        shuffler = random.Random(job.seed)
        for pair in range(job.sampler_pairs):
            names = [network.name for network in context.healthy()]
            if not names:
                return
            name = job.reference if job.reference in names else names[0]
            context.progress("sampler", name, pair, job.sampler_pairs)
            turns: Dict[bool, List[float]] = {}
            for with_sampler in shuffler.sample([True, False], 2):
                with contextlib.ExitStack() as stack:
                    if not with_sampler:
                        stack.enter_context(paused())
                    turn = self._ask({"do": "run", "name": name, "inferences": self._inferences})
                if turn is not None:
                    turns[with_sampler] = turn["latencies_s"]
            if len(turns) == 2:
                pairs.append(SamplerPair(name, turns[True], turns[False]))
        context.progress("sampler", None, job.sampler_pairs, job.sampler_pairs, at_once=True)

    def energy(
        self, request: PowerRequest, blocks: List[EnergyBlock], recent: Optional[settling.Recent] = None
    ) -> None:
        """The blocks that power is read for, with rest before, after and between them; each goes to `blocks` when done.

        `recent` gives the total's samples, by which the board is seen to have come to rest.
        """
        context = self._context
        self._warm()  # a worker that was lost in the last round must not start in an idle window
        rest = settling.IdleWindows(context, request, recent)
        rest.window("idle_before")
        begin_s = context.elapsed_s()
        self._lead(request)
        for block in range(request.blocks):
            if block:
                rest.window("idle_between")
            for _, name in self._order():
                context.progress("energy", name, block, request.blocks)
                run = self._ask({"do": "run_for", "name": name, "time_s": request.block_s})
                if run is not None:
                    start_s, end_s = run["start_s"] - context.start_s, run["end_s"] - context.start_s
                    blocks.append(EnergyBlock(name, block, start_s, end_s, run["inferences"]))
        self._lead(request)
        context.windows.append(Window("energy", begin_s, context.elapsed_s()))
        context.progress("energy", None, request.blocks, request.blocks, at_once=True)
        rest.window("idle_after")

    def _lead(self, request: PowerRequest) -> None:
        names = [network.name for network in self._context.healthy()]
        if names:
            self._ask({"do": "run_for", "name": names[0], "time_s": min(LEAD_S, request.block_s)})

    def _turn(self, name: str, number: int, position: int, repeats: interference.RepeatRule) -> Optional[RoundSamples]:
        """A network's turn in a round, measured again while the rule says so; None where it has got a problem."""
        preempted = 0
        while True:
            reply = self._ask({"do": "run", "name": name, "inferences": self._inferences})
            if reply is None:
                return None
            turn = RoundSamples(
                number,
                position,
                reply["start_s"] - self._context.start_s,
                reply["latencies_s"],
                reply["device_latencies_s"],
                process=self._workers[self._place][0],
                preempted=preempted,
                **reply["costs"],
            )
            if not repeats.again(turn):
                return turn
            preempted += 1

    def _dealt(self) -> List[int]:
        """The places of one block of rounds, each once."""
        places = list(range(self._context.job.processes))
        self._dealer.shuffle(places)
        return places

    def _order(self) -> Iterator[Tuple[int, str]]:
        """Places and names of one round, those with a problem left out when it is their turn."""
        order = [network.name for network in self._context.job.networks]
        self._shuffler.shuffle(order)
        for position, name in enumerate(order):
            if self._context.networks[name].problem is None:
                yield position, name

    def _ask(self, command: Dict[str, Any]) -> Any:
        """The warm worker's reply; None where the network has got a problem instead.

        Its inferences are looked up when the worker is warm, for they come from the warm-up.
        """
        worker, name = self._warm(), command["name"]
        if worker is None or self._context.networks[name].problem is not None:
            return None
        if "inferences" in command:
            command = dict(command, inferences=self._inferences[name])
        try:
            return worker.ask(command)
        except ProblemError as error:
            self._context.note(name, problem=error.problem)
            if isinstance(error, WorkerLostError):
                self._drop(self._place)
            return None

    def _drop(self, place: int) -> None:
        if place in self._workers:
            self._workers.pop(place)[1].close()

    def _keep_one(self) -> None:
        """What follows the rounds needs one worker, and the memory of the others may be short."""
        for place in list(self._workers):
            if place != self._place:
                self._drop(place)

    def _warm(self) -> Optional[WorkerProcess]:
        """The worker of this place, with every healthy network, warmed up; None when no network is healthy any more."""
        while self._place not in self._workers:
            healthy = self._context.healthy()
            if not healthy:
                return None
            worker = self._context.start_worker(healthy)
            number, self._started = self._started, self._started + 1
            try:
                harness = worker.ask({"do": "harness", "inferences": HARNESS_INFERENCES})
                self._context.details["harness_latencies_s"] = harness["latencies_s"]
                if self._warm_up(worker, healthy):
                    self._workers[self._place] = number, worker
                    return worker
            except BaseException:
                worker.close()
                raise
            worker.close()
        return self._workers[self._place][1]

    def _warm_up(self, worker: WorkerProcess, networks: List[NetworkJob]) -> bool:
        """Load and warm up; False when the worker was lost, the guilty network being noted."""
        context = self._context
        for action in ("load", "warm_up"):
            for index, network in enumerate(networks):
                name = network.name
                if context.networks[name].problem is not None:
                    continue
                context.progress(action, name, index, len(networks), at_once=True)
                try:
                    if action == "load":
                        worker.ask(context.load(network))
                        continue
                    warm = worker.ask({"do": "warm_up", "name": name, "at_least_s": context.job.warmup_s})
                except ProblemError as error:
                    context.note(name, problem=error.problem)
                    if isinstance(error, WorkerLostError):
                        return False
                    continue
                if name not in self._inferences:
                    self._inferences[name] = stopping.turn_inferences(context.job, warm["latencies_s"])
                    context.details["turn_inferences"] = dict(self._inferences)
                    context.note(name, warmup_latencies_s=warm["latencies_s"], warmup_steady=warm["steady"])
                elif not warm["steady"]:
                    context.note(name, warmup_steady=False)
        return True
