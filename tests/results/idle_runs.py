"""Simulated records of boards whose idle power wanders, or decays after load, measured as the agent does it."""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from sis_agent.measure import settling
from sis_agent.schema import EnergyBlock, NetworkRecord, Power, PowerTrace, Record, Window

from .factory import stored_run

STEP_S = 0.05
IDLE_W, IDLE_S, BLOCK_S, BLOCKS = 2.0, 10.0, 2.0, 5
EXTRA_W = {"nin": 4.0, "sis1": 2.5, "sis2": 1.5}
NOISE = 0.01
INFERENCES = 100

Wander = Callable[[NDArray[np.float64], np.random.Generator], NDArray[np.float64]]


def steady(times_s: NDArray[np.float64], generator: np.random.Generator) -> NDArray[np.float64]:
    return np.zeros(len(times_s))


def ornstein(memory_s: float, deviation_w: float) -> Wander:
    """A wandering about 0 that forgets within `memory_s`."""

    def wander(times_s: NDArray[np.float64], generator: np.random.Generator) -> NDArray[np.float64]:
        from scipy.signal import lfilter

        keep = np.exp(-STEP_S / memory_s)
        noise = generator.normal(0, deviation_w * np.sqrt(1 - keep**2), len(times_s))
        return np.asarray(lfilter([1.0], [1.0, -keep], noise, zi=[keep * generator.normal(0, deviation_w)])[0])

    return wander


def walk(per_root_s: float) -> Wander:
    return lambda times_s, generator: np.cumsum(generator.normal(0, per_root_s * np.sqrt(STEP_S), len(times_s)))


def sine(period_s: float, amplitude_w: float) -> Wander:
    return lambda times_s, generator: amplitude_w * np.sin(2 * np.pi * (times_s / period_s + generator.uniform()))


def line(w_per_s: float) -> Wander:
    return lambda times_s, generator: w_per_s * generator.choice([-1, 1]) * times_s


class Board:
    """A board that is measured step by step; `left_w` is what long load leaves behind, gone after some `memory_s`."""

    def __init__(self, seed: int, wander: Wander, left_w: float = 0.0, memory_s: float = 1.0) -> None:
        self._generator = np.random.default_rng(seed)
        self._wander_w = wander(np.arange(0, 600, STEP_S), self._generator)
        self._noise_w = self._generator.normal(0, 1, len(self._wander_w))
        self._left_w, self._keep, self._over_w = left_w, np.exp(-STEP_S / memory_s), left_w
        self.power_w: list[float] = []
        self.over_w: list[float] = []

    @property
    def now_s(self) -> float:
        return len(self.power_w) * STEP_S

    def go(self, time_s: float, extra_w: float = 0.0) -> tuple[float, float]:
        begin_s = self.now_s
        for _ in range(round(time_s / STEP_S)):
            at = len(self.power_w)
            goal_w = self._left_w if extra_w else 0.0
            self._over_w = goal_w + (self._over_w - goal_w) * self._keep
            power_w = IDLE_W + self._wander_w[at] + self._over_w + extra_w
            self.power_w.append(power_w * (1 + NOISE * self._noise_w[at]))
            self.over_w.append(self._over_w)
        return begin_s, self.now_s

    def recent(self, since_s: float) -> settling.Samples:
        first = round(since_s / STEP_S)
        return [(at * STEP_S, self.power_w[at]) for at in range(first, len(self.power_w))]

    def settle(self, limit_s: float) -> None:
        settling.wait(self.recent, lambda time_s: self.go(time_s) and None, lambda: self.now_s, limit_s)

    def level(self, extra_w: float) -> float:
        return extra_w * self._generator.normal(1, NOISE)

    def order(self) -> list[str]:
        return [str(name) for name in self._generator.permutation(list(EXTRA_W))]


def measured(board: Board, between: bool = True) -> tuple[Record, dict[str, float]]:
    """The record, and the true net energies [J]: without `between` as agents did it before they rested in between."""
    windows, blocks = [], []

    def rest(name: str, time_s: float, limit_s: float) -> None:
        if between:
            board.settle(limit_s)
        else:
            board.go(1.0)
        windows.append(Window(name, *board.go(time_s)))

    board.go(2.0, 4.0)
    rest("idle_before", IDLE_S, 3 * IDLE_S)
    board.go(2.0, 4.0)
    for number in range(BLOCKS):
        if number and between:
            rest("idle_between", IDLE_S / 4, IDLE_S)
        for name in board.order():
            begin_s, end_s = board.go(BLOCK_S, board.level(EXTRA_W[name]))
            blocks.append(EnergyBlock(name, number, begin_s, end_s, INFERENCES))
    board.go(2.0, 4.0)
    rest("idle_after", IDLE_S, 3 * IDLE_S)
    board.go(0.5)
    truth_j = {}
    for name, extra_w in EXTRA_W.items():
        own = [block for block in blocks if block.network == name]
        over_w = [np.mean(board.over_w[round(b.start_s / STEP_S) : round(b.end_s / STEP_S)]) for b in own]
        truth_j[name] = (extra_w + float(np.mean(over_w))) * BLOCK_S / INFERENCES
    times_s = [(at + 0.5) * STEP_S for at in range(len(board.power_w))]  # each the mean of its step
    trace = PowerTrace("s", ["VDD_IN"], times_s, {"VDD_IN": [float(each) for each in board.power_w]}, {}, None, STEP_S)
    record = stored_run(names=("nin",), rounds=6).record._replace(
        power=Power("measured", None, [trace], ["VDD_IN"], "module input"),
        energy_blocks=blocks,
        windows=windows,
        networks=[NetworkRecord(name, 1) for name in EXTRA_W],
    )
    return record, truth_j
