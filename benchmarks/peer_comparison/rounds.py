"""The measurement: workers are started, load their networks, show their outputs, and then run in turns.

In each round every contender has one turn, in random order. One that dies is named and left out; its worker is started
again with what else it had. The rounds are spread over `processes` generations of workers, for a process keeps its
layout in memory as long as it lives.
"""

import os
import tempfile
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType

import numpy as np

from peer_comparison import load
from peer_comparison.contenders import REFERENCE_ROW, Contender, Result, Turn, check
from peer_comparison.process import PeerDiedError, PeerError, PeerProcess

Say = Callable[[str], None]


@dataclass(frozen=True)
class Plan:
    """How to measure. `sustain_s` 0: `rounds` rounds; else rounds in one process until so many seconds are over."""

    cores: tuple[int, ...]
    threads: int = 1
    batch: int = 1
    rounds: int = 60
    processes: int = 3
    sustain_s: float = 0.0
    turn_s: float = 0.012
    least_runs: int = 5
    seed: int = 0


@dataclass(frozen=True)
class Inputs:
    """Normalised images float32 [N, 3, height, width] in an .npy file, and their classes [N]."""

    images: Path
    labels: np.ndarray


class Fleet:
    """One generation of workers, a process for each runtime; use as a context manager."""

    def __init__(self, pythons: Mapping[str, Path], plan: Plan, inputs: Inputs, results: Iterable[Result]) -> None:
        self._pythons, self._plan, self._inputs = pythons, plan, inputs
        self._results = list(results)
        self._processes: dict[str, PeerProcess] = {}
        self.versions: dict[str, str] = {}

    def __enter__(self) -> "Fleet":
        for process in dict.fromkeys(result.contender.process for result in self._results):
            self._start(process)
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        for process in self._processes.values():
            process.close()

    @property
    def pids(self) -> list[int]:
        """Of the workers."""
        return [process.pid for process in self._processes.values()]

    def ask(self, result: Result, order: str, **words: object) -> dict[str, list[int]] | None:
        """A worker's reply about one contender; None where that has a problem, now or before."""
        if result.problem is not None:
            return None
        contender = result.contender
        try:
            reply: dict[str, list[int]] = self._processes[contender.process].ask(order, name=contender.name, **words)
            return reply
        except PeerDiedError as error:
            result.problem = f"died: {error}"
            self._processes.pop(contender.process).close()
            self._start(contender.process)
        except PeerError as error:
            result.problem = f"failed: {error}"
        return None

    def _start(self, process: str) -> None:
        """Start a worker and load what it is to run; what makes it die is named, and the rest is loaded anew."""
        own = [each for each in self._results if each.contender.process == process and each.problem is None]
        if not own:
            return
        runtime = own[0].contender.runtime
        plan = self._plan
        try:
            self._processes[process] = PeerProcess(
                self._pythons[runtime], runtime, plan.threads, plan.batch, plan.cores, self._inputs.images
            )
        except PeerError as error:
            for each in own:
                each.problem = f"does not start: {error}"
            return
        self.versions[runtime] = self._processes[process].details["version"]
        for each in own:
            contender = each.contender
            self.ask(each, "load", model=contender.model, options=dict(contender.options))
            if each.problem is not None and each.problem.startswith("died"):
                return  # asking started a worker anew, with all the others


@dataclass(frozen=True)
class Measured:
    """Results of one plan, the versions of the runtimes, and the cores that other programs kept busy meanwhile."""

    plan: Plan
    results: list[Result]
    versions: dict[str, str]
    others_busy: float


def measure(
    contenders: Iterable[Contender],
    absent: Mapping[str, str],
    pythons: Mapping[str, Path],
    inputs: Inputs,
    plan: Plan,
    say: Say = lambda text: None,
) -> Measured:
    """Run the plan; `absent` are the reasons of the runtimes that could not be installed."""
    results = [Result(each, absent.get(each.runtime)) for each in contenders]
    rng = np.random.default_rng(plan.seed)
    versions: dict[str, str] = {}
    busy: list[float] = []
    generations = 1 if plan.sustain_s else max(1, min(plan.processes, plan.rounds))
    begin_s = time.monotonic()
    for generation in range(generations):
        with Fleet(pythons, plan, inputs, results) as fleet:
            if generation == 0:
                say("checking outputs")
                _check_outputs(fleet, results, inputs)
                begin_s = time.monotonic()
            versions |= fleet.versions
            before = load.snapshot([os.getpid(), *fleet.pids])
            pids = fleet.pids
            for number in _numbers(plan, generation, generations):
                say(f"round {number + 1}")
                for place in rng.permutation(len(results)):
                    _turn(fleet, results[place], number, generation, begin_s, plan)
            if pids == fleet.pids:  # else processes of ours ended in between, and would count as others'
                busy.append(load.others(before, load.snapshot([os.getpid(), *pids])))
    return Measured(plan, results, versions, float(np.mean(busy)) if busy else float("nan"))


def _numbers(plan: Plan, generation: int, generations: int) -> Iterable[int]:
    """The numbers of this generation's rounds; where the time counts, each ends when the next is asked for."""
    if not plan.sustain_s:
        yield from range(plan.rounds * generation // generations, plan.rounds * (generation + 1) // generations)
        return
    end_s, number = time.monotonic() + plan.sustain_s, 0
    while time.monotonic() < end_s:
        yield number
        number += 1


def _turn(fleet: Fleet, result: Result, number: int, generation: int, begin_s: float, plan: Plan) -> None:
    start_s = time.monotonic() - begin_s
    reply = fleet.ask(result, "run", least=plan.least_runs, seconds=plan.turn_s)
    if reply is not None:
        wall_s, cpu_s = (tuple(value / 1e9 for value in reply[clock]) for clock in ("wall_ns", "cpu_ns"))
        result.turns.append(Turn(number, generation, start_s, wall_s, cpu_s))


def _check_outputs(fleet: Fleet, results: list[Result], inputs: Inputs) -> None:
    """Fill in `check`; ONNX Runtime's come first, in fp32 before all."""
    fp32: dict[str, np.ndarray] = {}
    of_file: dict[tuple[str, str], np.ndarray] = {}
    with tempfile.TemporaryDirectory(prefix="sis-edge-") as folder:
        for result in sorted(results, key=_place):
            contender, target = result.contender, Path(folder, "logits.npy")
            if fleet.ask(result, "outputs", target=str(target)) is None:
                continue
            logits, file = np.load(target), (contender.model, contender.precision)
            if contender.row == REFERENCE_ROW:
                fp32[contender.network] = logits
            elif contender.is_reference:
                of_file[file] = logits
            try:
                if contender.network in fp32:
                    result.check = check(logits, fp32[contender.network], inputs.labels, of_file.get(file))
            except ValueError as error:
                result.problem = f"wrong outputs: {error}"


def _place(result: Result) -> int:
    return 0 if result.contender.row == REFERENCE_ROW else 1 if result.contender.is_reference else 2
