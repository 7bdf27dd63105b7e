"""All networks in rounds: workers that hold them all, warmed up until steady, measure them in random order.

In rounds, for latency: every network runs once a round. The rounds are dealt to as many worker processes as the job
asks for, each once in every block of so many rounds, in random order: a process keeps its layout in memory for its
life, which makes some networks faster in it and others slower. In blocks, for energy: every network runs back to back
for a stretch that a power sensor can resolve. Orders are drawn anew from the job's seed, so that drift of the board
hits all alike; they are drawn for all names, so they are the same whoever has failed.

A network that kills its worker loses its own result and no other's: it gets a Problem, and a new worker goes on.

Results that an earlier process of this job has left are taken as they are, and the rest follows: orders are drawn for
all rounds again, so that the remaining ones are those of a job that was not interrupted. Workers are new.
"""

import contextlib
import random
from typing import Any, Callable, ContextManager, Dict, Iterator, List, Optional, Tuple

from sis_agent.measure import interference, settling, stopping
from sis_agent.measure.context import MeasurementContext
from sis_agent.protocol import ProblemError
from sis_agent.schema import EnergyBlock, NetworkJob, NetworkRecord, PowerRequest, RoundSamples, SamplerPair, Window
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
        self._places: List[int] = []
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
        ended_by, done = self._take_kept(rule, repeats), context.results.rounds
        if context.results.ended_by != stopping.PROBLEM:
            return context.results.ended_by
        if ended_by is None:
            for self._place in range(job.processes):
                self._warm()
        begin_s = min([context.elapsed_s(), *self._first_turns_s()])
        while ended_by is None:
            self._deal()
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
            context.results.rounds = done = done + 1
            ended_by = rule.ended_by(done, healthy)
            context.keep()
        context.progress("rounds", None, done, done, at_once=True)
        context.windows.append(Window("rounds", begin_s, context.elapsed_s()))
        self._keep_one()
        return ended_by

    def _take_kept(self, rule: stopping.StoppingRule, repeats: interference.RepeatRule) -> Optional[str]:
        """Go through the rounds that an earlier process has measured, as if they were measured now.

        Returns why there are no more, None where there are.
        """
        context, records = self._context, self._context.networks
        kept = {name: {turn.round: turn for turn in record.rounds} for name, record in records.items()}
        turns = [turn for record in records.values() for turn in record.rounds]
        self._started = max((turn.process + 1 for turn in turns), default=0)
        self._inferences.update(context.details.get("turn_inferences", {}))
        ended_by: Optional[str] = None
        for number in range(context.results.rounds):
            self._deal()
            for _, name in self._drawn():
                turn = kept[name].get(number)
                if turn is not None:
                    rule.add(name, turn.latencies_s)
                    repeats.take(turn)
            ended_by = rule.ended_by(number + 1, _until(number, context))
        return ended_by

    def _first_turns_s(self) -> List[float]:
        return [record.rounds[0].start_s for record in self._context.networks.values() if record.rounds]

    def sampler_pairs(self, paused: Callable[[], ContextManager[None]], pairs: List[SamplerPair]) -> None:
        """Pairs of turns of one network, with the sampler and without it, one right after the other: an A/A test.

        The network is the reference of the speed-ups, or the first; whatever its latency, the cost is the same.
        """
        context, job = self._context, self._context.job
        shuffler = random.Random(job.seed)
        kept = len(pairs)
        for pair in range(job.sampler_pairs):
            order = shuffler.sample([True, False], 2)
            names = [network.name for network in context.healthy()]
            if not names:
                return
            if pair < kept:
                continue
            name = job.reference if job.reference in names else names[0]
            context.progress("sampler", name, pair, job.sampler_pairs)
            turns: Dict[bool, List[float]] = {}
            for with_sampler in order:
                with contextlib.ExitStack() as stack:
                    if not with_sampler:
                        stack.enter_context(paused())
                    turn = self._ask({"do": "run", "name": name, "inferences": self._inferences})
                if turn is not None:
                    turns[with_sampler] = turn["latencies_s"]
            if len(turns) == 2:
                pairs.append(SamplerPair(name, turns[True], turns[False]))
                context.keep()
        context.progress("sampler", None, job.sampler_pairs, job.sampler_pairs, at_once=True)

    def energy(
        self, request: PowerRequest, blocks: List[EnergyBlock], recent: Optional[settling.Recent] = None
    ) -> None:
        """The blocks that power is read for, with rest before, after and between them; each goes to `blocks` when done.

        `recent` gives the total's samples, by which the board is seen to have come to rest.
        """
        context = self._context
        known = {window.name for window in context.windows}
        if "idle_after" in known:
            return
        self._warm()  # a worker that was lost in the last round must not start in an idle window
        rest = settling.IdleWindows(context, request, recent)
        if "energy" not in known:
            rest.window("idle_between" if "idle_before" in known else "idle_before")
            begin_s = min([context.elapsed_s(), *(block.start_s for block in blocks)])
            self._lead(request)
            self._blocks(request, blocks, rest)
            self._lead(request)
            context.windows.append(Window("energy", begin_s, context.elapsed_s()))
            context.keep(at_once=True)
            context.progress("energy", None, request.blocks, request.blocks, at_once=True)
        rest.window("idle_after")
        context.keep(at_once=True)

    def _blocks(self, request: PowerRequest, blocks: List[EnergyBlock], rest: settling.IdleWindows) -> None:
        """The blocks that are not there yet; before the first of them the board has rested already."""
        context, there = self._context, {(block.block, block.network) for block in blocks}
        has_rested = True
        for block in range(request.blocks):
            order = [name for _, name in self._drawn() if (block, name) not in there]
            if not order:
                continue
            if not has_rested:
                rest.window("idle_between")
            has_rested = False
            for name in order:
                if context.networks[name].problem is not None:
                    continue
                context.progress("energy", name, block, request.blocks)
                run = self._ask({"do": "run_for", "name": name, "time_s": request.block_s})
                if run is not None:
                    start_s, end_s = run["start_s"] - context.start_s, run["end_s"] - context.start_s
                    blocks.append(EnergyBlock(name, block, start_s, end_s, run["inferences"]))
                    context.keep()

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

    def _deal(self) -> None:
        """The place of the next round; every block of rounds has each place once."""
        if not self._places:
            self._places = list(range(self._context.job.processes))
            self._dealer.shuffle(self._places)
        self._place = self._places.pop()

    def _drawn(self) -> List[Tuple[int, str]]:
        """Positions and names of one round, in a new order."""
        order = [network.name for network in self._context.job.networks]
        self._shuffler.shuffle(order)
        return list(enumerate(order))

    def _order(self) -> Iterator[Tuple[int, str]]:
        """The same, those with a problem left out when it is their turn."""
        for position, name in self._drawn():
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


def _until(number: int, context: MeasurementContext) -> List[NetworkRecord]:
    """The healthy networks as they were after that round; their turns matter where a target may be reached."""
    healthy = [context.networks[network.name] for network in context.healthy()]
    if context.job.target_ci is None:
        return healthy
    return [network._replace(rounds=[turn for turn in network.rounds if turn.round <= number]) for network in healthy]
