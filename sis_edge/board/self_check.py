"""The agent against an independent plain loop over the same ONNX file: are its times those that anybody would get?

The agent's own worker and the loop, each a process of its own, take turns of equal length, the first of a pair being
the other one each time, so that a machine that drifts does so for both. Compared are p50 and p90 within each pair;
the answer is the median over pairs.
"""

import json
import os
import subprocess
import sys
from collections.abc import Callable, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING, Any

from sis_agent.clock import now_s
from sis_agent.protocol import ProblemError
from sis_agent.schema import Facts
from sis_agent.worker.process import StopRequest, WorkerProcess
from sis_edge import profiles
from sis_edge.board import plain_loop
from sis_edge.board.deploy import check_threads
from sis_edge.board.jobs import MeasuringOptions, job_for
from sis_edge.errors import BoardError, UsageError
from sis_edge.results.statistics import SpeedUp, percentile, speed_up
from sis_edge.text.limits import with_limit

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sis_agent.schema import Job
    from sis_edge.bundles.verify import Bundle

GOAL = 0.03
PAIRS = 20
TURN_S = 0.4
LEAST, MOST = 64, 2000  # inferences of a turn: p90 needs 64
WARM_UP_S = 1.0
LIMIT_S = 3600.0

OnTurn = Callable[[str, float, float], None]


@dataclass(frozen=True)
class Check:
    """One network: the agent's times over the plain loop's, 1 being the same. `p50` has a 95% interval."""

    network: str
    p50: SpeedUp
    p90_ratio: float
    p50_s: float
    p90_s: float
    inferences: int

    @property
    def agrees(self) -> bool:
        """Whether both ratios are within the goal."""
        return all(abs(ratio - 1) <= GOAL for ratio in (self.p50.estimate, self.p90_ratio))

    def sentence(self) -> str:
        """The check in one line."""
        bounds = self.p50.interval
        p50, p90 = (
            with_limit(ratio, 1 + GOAL if ratio > 1 else 1 - GOAL, ".4f")[0]
            for ratio in (self.p50.estimate, self.p90_ratio)
        )
        interval = f" (95% interval {bounds.low:.4f} to {bounds.high:.4f})" if bounds else ""
        return (
            f"{self.network}: agent / plain loop = {p50}{interval} at p50 "
            f"({self.p50_s * 1e3:.3f} ms), {p90} at p90 ({self.p90_s * 1e3:.3f} ms); "
            f"{self.p50.rounds} pairs of turns, {self.inferences} inferences each"
        )


def run(
    bundle: "Bundle",
    networks: Sequence[str] | None = None,
    *,
    threads: int = 1,
    batch_size: int = 1,
    pairs: int = PAIRS,
    on_turn: OnTurn = lambda label, done, total: None,
) -> list[Check]:
    """Check these networks of the bundle (None: all) on this machine.

    Raises UsageError for an unknown network, BoardError where the runtime is missing or fails.
    """
    check_threads(threads, Facts(cpu_count=len(os.sched_getaffinity(0))), (), "this machine")
    options = MeasuringOptions(threads=threads, batch_size=batch_size)
    job = job_for(bundle, profiles.load("local"), networks=networks, options=options)
    if given := [network.name for network in job.networks if network.inputs is not None]:
        raise UsageError(
            f"the self-check loops over images, and {given[0]} is a network of your own with tensors as inputs; "
            "choose others with --networks, or a bundle of `sis-edge build`"
        )
    try:
        return [_check(bundle.path, job, at, pairs, on_turn) for at in range(len(job.networks))]
    except ProblemError as error:
        raise BoardError(f"the self-check could not run here: {error.problem.message}") from error


def _check(bundle: Path, job: "Job", at: int, pairs: int, on_turn: OnTurn) -> Check:
    network = job.networks[at]
    name, model = network.name, str((bundle / network.model).resolve())
    if job.golden_inputs is None:
        raise BoardError("the self-check needs golden images, and this bundle has none; use one of `sis-edge build`")
    images = str((bundle / job.golden_inputs).resolve())
    files = {option: str((bundle / file).resolve()) for option, file in network.files.items()}
    with (
        WorkerProcess(job, StopRequest(now_s() + LIMIT_S), LIMIT_S) as worker,
        _plain(job, model, images, files.get("custom_ops")) as plain,
    ):
        order = {"do": "load", "name": name, "model": model, "options": files, "runner": job.runner, "inputs": None}
        worker.ask({**order, "golden_inputs": images})
        warm = worker.ask({"do": "warm_up", "name": name, "at_least_s": WARM_UP_S})["latencies_s"]
        count = min(max(round(TURN_S / max(median(warm), 1e-9)), LEAST), MOST)
        plain(count)

        def agent(count: int) -> list[float]:
            return list(worker.ask({"do": "run", "name": name, "inferences": count})["latencies_s"])

        both: tuple[dict[int, list[float]], dict[int, list[float]]] = ({}, {})
        for pair in range(pairs):
            sides = [(both[0], agent), (both[1], plain)]
            for found, take in sides if pair % 2 else reversed(sides):
                found[pair] = take(count)
            on_turn(f"check {name}", pair + 1, pairs)
    ratio = speed_up(*both)
    assert ratio is not None
    return Check(
        name,
        ratio,
        median(_p90(both[0][pair]) / _p90(both[1][pair]) for pair in range(pairs)),
        median(latency_s for turn in both[0].values() for latency_s in turn),
        _p90([latency_s for turn in both[0].values() for latency_s in turn]),
        count,
    )


@contextmanager
def _plain(job: "Job", model: str, images: str, library: str | None) -> "Iterator[Callable[[int], list[float]]]":
    """The plain loop in a process of its own: called with a count, it answers as many latencies in seconds."""
    assert job.preprocess is not None  # a bundle with golden images has it (see Manifest)
    settings: dict[str, Any] = {
        "model": model,
        "images": images,
        "library": library,
        "mean": job.preprocess.mean,
        "std": job.preprocess.std,
        "batch_size": job.batch_size,
        "threads": job.threads,
    }
    words = [sys.executable, str(Path(plain_loop.__file__)), json.dumps(settings)]
    with subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdin is not None
        assert process.stdout is not None

        def take(count: int) -> list[float]:
            assert process.stdin is not None
            assert process.stdout is not None
            try:
                process.stdin.write(f"{count}\n")
                process.stdin.flush()
                return [float(latency_s) for latency_s in json.loads(process.stdout.readline())]
            except (BrokenPipeError, ValueError):
                raise BoardError("the plain loop of the self-check ended; its traceback is above") from None

        try:
            yield take
        finally:
            process.kill()


def _p90(latencies_s: Sequence[float]) -> float:
    found = percentile(latencies_s, 90)
    assert found is not None
    return found
