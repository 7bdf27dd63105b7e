"""The sensor values of a simulated board, as a function of its busy time.

A rail takes `idle_w` while the board is idle and `busy_w` while it is busy, less where the board throttles, so with
W(t) the busy seconds until t, each times the share of the full clock, its energy is E(t) = idle_w t + (busy_w - idle_w)
W(t): the analytic truth. A sensor's value is the mean power since its
last update, with noise; an energy counter is E itself, modulo its range.
"""

import random
from dataclasses import dataclass
from math import exp

from sis_edge.simulated.definition import Definition, Rail
from sis_edge.simulated.heat import Heat

COUNTER_SPARE_J = 60.0  # Counters start this far below their range, so that every run sees them wrap around.
TICKS_PER_S = 100
LOAD_AVERAGE_S = 60.0


@dataclass(frozen=True)
class RailValues:
    """A rail's values, in the units of drivers and tools."""

    W: float
    V: float
    J: float

    @property
    def mW(self) -> int:  # noqa: N802
        """Milliwatts."""
        return round(self.W * 1e3)

    @property
    def uW(self) -> int:  # noqa: N802
        """Microwatts."""
        return round(self.W * 1e6)

    @property
    def mV(self) -> int:  # noqa: N802
        """Millivolts."""
        return round(self.V * 1e3)

    @property
    def mA(self) -> int:  # noqa: N802
        """Milliamperes."""
        return round(self.W / self.V * 1e3)

    @property
    def A(self) -> float:  # noqa: N802
        """Amperes."""
        return self.W / self.V

    @property
    def uJ(self) -> int:  # noqa: N802
        """Microjoules."""
        return round(self.J * 1e6)


@dataclass(frozen=True)
class BoardValues:
    """The board's other values: its load, and the ticks of all its cores since its start."""

    busy_percent: int
    load_average: float
    uptime_s: float
    user_ticks: int
    idle_ticks: int


class Model:
    """Integrates the busy time, and gives the current values. Times in seconds from any start, ascending.

    `thermal_speed_up`: the board warms up and throttles so many times as fast as it would.
    """

    def __init__(self, definition: Definition, now_s: float, seed: int = 0, thermal_speed_up: float = 1.0) -> None:
        self._definition = definition
        self.heat = Heat(definition, thermal_speed_up)
        self._random = random.Random(seed)
        self._start_s = self._now_s = self._update_s = now_s
        self._work_s = self._work_at_update_s = 0.0
        self._share = 0.0
        self._load = 0.0
        self._cpu_s = 0.0
        self.rails = self._rails(0.0)

    def advance(self, now_s: float, busy: bool, cpu_s: float) -> None:
        """The board was busy, or idle, since the last call; `cpu_s` is the CPU time of the job's processes."""
        step_s = now_s - self._now_s
        self._now_s = now_s
        self._work_s += step_s * busy * self.heat.share
        self.heat.advance(step_s, busy)
        self._load += (busy - self._load) * (1 - exp(-step_s / LOAD_AVERAGE_S))
        self._cpu_s = max(self._cpu_s, cpu_s)

    def update(self) -> None:
        """The sensors' next values: means since the last update."""
        length_s = self._now_s - self._update_s
        if length_s > 0:
            self._share = (self._work_s - self._work_at_update_s) / length_s
            self._update_s, self._work_at_update_s = self._now_s, self._work_s
        self.rails = self._rails(self._definition.noise)

    @property
    def update_age_s(self) -> float:
        """Time since the last update."""
        return self._now_s - self._update_s

    def board(self) -> BoardValues:
        """The load."""
        uptime_s = self._now_s - self._start_s
        user = int(self._cpu_s * TICKS_PER_S)
        idle = max(int(uptime_s * self._definition.cpu.count * TICKS_PER_S) - user, 0)
        return BoardValues(round(100 * self._share), self._load, uptime_s, user, idle)

    def energy_j(self, rail: Rail) -> float:
        """The rail's energy since the start, without noise."""
        return rail.idle_w * (self._now_s - self._start_s) + (rail.busy_w - rail.idle_w) * self._work_s

    def _rails(self, noise: float) -> dict[str, RailValues]:
        values = {}
        for name, rail in self._definition.rails.items():
            power_w = rail.idle_w + (rail.busy_w - rail.idle_w) * self._share
            range_j = self._definition.range_j
            counter_j = (range_j - COUNTER_SPARE_J + self.energy_j(rail)) % range_j
            values[name] = RailValues(power_w * (1 + self._random.gauss(0, noise)), rail.volts, counter_j)
        return values
