"""Sustained work in fake time: the agent's own code, a simulated board's heat, and networks of known latencies.

What is real: the sampler, its windows, the worker's loop and histograms, rests, the order of runs. What is not: the
clock, which moves when a network works or somebody sleeps, and the worker's process.
"""

import json
from collections.abc import Callable
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from types import TracebackType
from typing import Any, cast

import numpy as np
import pytest

from results.factory import board_run
from sis_agent import clock
from sis_agent.measure.context import MeasurementContext
from sis_agent.measure.rest import BoardRests
from sis_agent.measure.sampler import Sampler
from sis_agent.measure.sustained import SustainedRuns
from sis_agent.measure.window_state import WindowStates
from sis_agent.power.base import Source
from sis_agent.schema import RECORD_VERSION, Job, NetworkJob, RestRequest, StateSample, SustainedRequest, to_json
from sis_agent.worker.process import StopRequest
from sis_agent.worker.sustain import sustain
from sis_edge import simulated
from sis_edge.results.schema import StoredRun
from sis_edge.simulated.model import Model

LATENCIES_S = {"nin": 0.4, "cifar10-sis1": 0.35, "cifar10-sis2": 0.2, "cifar10-sis3": 0.12}
UPDATE_S = 1.0  # of the sensor, for the sake of the tests' own time
MINUTES_30 = SustainedRequest(1800.0, 10.0)
RAIL = "VDD_IN"


class FakeBoard:
    """A simulated board whose time is fake: it is busy while a network works, at rest while somebody sleeps."""

    def __init__(self, name: str, noise: float = 0.004, shows_heat: bool = True) -> None:
        self.definition = simulated.load(name)
        self.now = 1000.0
        self.model = Model(self.definition, self.now)
        self.sampler: Sampler | None = None
        self.shows_heat = shows_heat
        self._due_s = self.now
        self._noise = np.random.default_rng(5).normal(1.0, noise, 4096).tolist()
        self.calls = 0

    def now_s(self) -> float:
        return self.now

    def pass_time(self, time_s: float, busy: bool) -> None:
        """Time goes by in steps of half a second at most; the sampler reads when it is due."""
        left_s = time_s
        while left_s > 0:
            step_s = min(left_s, 0.5)
            left_s -= step_s
            self.now += step_s
            self.model.advance(self.now, busy, 0.0)
            if self.model.update_age_s >= UPDATE_S:
                self.model.update()
            if self.sampler is not None and self.now >= self._due_s:
                self._due_s = self.sampler.step()

    def sleep(self, time_s: float) -> None:
        self.pass_time(time_s, busy=False)

    def call(self, latency_s: float) -> None:
        """One inference at the board's clock."""
        self.calls += 1
        self.pass_time(latency_s / self.model.heat.share * self._noise[self.calls % 4096], busy=True)

    def temperatures(self) -> dict[str, float | None]:
        if not self.shows_heat:
            return {}
        return {zone: round(self.model.heat.temperature_c(zone), 1) for zone in self.definition.temperatures_c}

    def state(self, t_s: float) -> StateSample:
        heat = self.model.heat.values()
        return StateSample(
            t_s=t_s,
            cpu_frequency_hz=[1e3 * heat.cpu_khz] * self.definition.cpu.count,
            gpu_frequency_hz=float(heat.gpu_hz),
            gpu_load=0.0,
            temperatures_c=self.temperatures(),
            throttle={"cpu-throttle-alert": float(heat.step)},
        )


class FakeSource(Source):
    """The board's rail."""

    kind = "ina3221"

    def __init__(self, board: FakeBoard) -> None:
        super().__init__([RAIL], [], UPDATE_S)
        self._board = board

    def read(self) -> dict[str, float | None]:
        return {RAIL: self._board.model.rails[RAIL].W}


class FakeStop:
    """Nobody ends the job but by its sleep."""

    def __init__(self, sleep: Callable[[float], None]) -> None:
        self.sleep = sleep


class FakeWorker:
    """A worker of one network, in this process."""

    def __init__(self, board: FakeBoard, name: str) -> None:
        self._board, self._name = board, name

    def __enter__(self) -> "FakeWorker":
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        pass

    def ask(self, command: dict[str, Any], progress: Callable[[dict[str, Any]], None] | None = None) -> Any:
        action = command.pop("do")
        if action != "sustain":
            return {}
        assert progress is not None
        assert command.pop("name") == self._name
        tell, latency_s = progress, LATENCIES_S[self._name]
        sustain(
            lambda: self._board.call(latency_s),
            report=lambda told: tell(json.loads(json.dumps(to_json(told)))),
            now_s=self._board.now_s,
            sleep=self._board.sleep,
            **command,
        )
        return True


class FakeContext(MeasurementContext):
    """A job's context whose workers are fake."""

    def __init__(self, root: str, job: Job, board: FakeBoard) -> None:
        self._board = board
        self.said: list[dict[str, Any]] = []
        super().__init__(root, job, cast(StopRequest, FakeStop(board.sleep)), self.said.append, 1.0)

    def start_worker(self, networks: Any) -> Any:
        return FakeWorker(self._board, networks[0].name)


def worked(job: Job, board: FakeBoard) -> FakeContext:
    """The job's sustained work on that board, from its rest before the rounds on."""
    with TemporaryDirectory() as folder, pytest.MonkeyPatch.context() as patch:
        patch.setattr(clock, "now_s", board.now_s)
        bundle = Path(folder) / "bundles" / job.bundle_id
        bundle.mkdir(parents=True)
        (bundle / "model").write_bytes(b"")
        plain = job._replace(
            networks=[NetworkJob(each.name, "model") for each in job.networks],
            golden_inputs=None, test_images=None, test_labels=None,
        )  # fmt: skip
        context = FakeContext(folder, plain, board)
        board.sampler = Sampler([FakeSource(board)], board.state, context.start_s, board.now_s)
        rests = BoardRests(context, board.temperatures)
        rests.before_rounds()
        states = WindowStates(board.sampler.drain, job.cores, job.on_gpu)
        assert job.sustained is not None
        SustainedRuns(context, states, rests).run(job.sustained)
        return context


@cache
def sustained_run(
    board: str = "orin-nano-hot-sim",
    request: SustainedRequest = MINUTES_30,
    cool_to_c: float | None = None,
    names: tuple[str, ...] = ("nin", "cifar10-sis3"),
    **changes: Any,
) -> StoredRun:
    """A stored run of a quiet board, with sustained work in fake time behind it."""
    base = board_run("orin-nano-jp6", run_id="sustained")
    rest = None if cool_to_c is None else RestRequest(cool_to_c=cool_to_c)
    job = base.record.job._replace(sustained=request, rest=rest)
    only = job._replace(networks=[each for each in job.networks if each.name in names])
    results = worked(only, FakeBoard(board, **changes)).results
    shift_s = float(base.record.duration_s)
    windows = [
        window._replace(start_s=window.start_s + shift_s, end_s=window.end_s + shift_s)
        for window in results.sustained_windows
    ]
    rests = [each._replace(start_s=each.start_s + shift_s, end_s=each.end_s + shift_s) for each in results.rests]
    record = base.record._replace(
        record_version=RECORD_VERSION,
        job=only,
        networks=[each for each in base.record.networks if each.name in names],
        energy_blocks=[block for block in base.record.energy_blocks if block.network in names],
        sustained_runs=results.sustained_runs,
        sustained_windows=windows,
        rests=rests,
        duration_s=windows[-1].end_s,
        simulated=True,
    )
    return base.model_copy(update={"record": record})
