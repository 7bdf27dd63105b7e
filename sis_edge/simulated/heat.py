"""Heat and clocks of a simulated board: first-order warming, and steps of the clock with a hysteresis.

The share w of the way from idle to busy temperature follows dw/dt = (p - w) / tau, where p is the share of the busy
board's power above idle: 0 at rest, and at work the share of the clock. At constant p it has the closed form
w(t) = p + (w(0) - p) exp(-t / tau).
"""

from dataclasses import dataclass
from math import exp

from sis_edge.simulated.definition import Definition

HEATING_S = 30.0
"""The time constant of a board whose definition has none."""


@dataclass(frozen=True)
class ThermalValues:
    """What a board shows of its clocks: the step (0: none), the share of the full clock, and the clocks."""

    step: int
    share: float
    cpu_khz: int
    gpu_hz: int


class Heat:
    """Integrates the heat. `speed_up`: the board warms up and throttles so many times as fast as it would."""

    def __init__(self, definition: Definition, speed_up: float = 1.0) -> None:
        self._definition = definition
        self._thermal = definition.thermal
        self._speed_up = speed_up
        self._warmth = 0.0
        self._step = 0
        self._since_step_s = 0.0

    def advance(self, step_s: float, busy: bool) -> None:
        """The board was busy, or idle, for so long."""
        thermal, length_s = self._thermal, step_s * self._speed_up
        tau_s = HEATING_S if thermal is None else thermal.time_constant_s
        target = self.share if busy else 0.0
        self._warmth = target + (self._warmth - target) * exp(-length_s / tau_s)
        if thermal is None:
            return
        self._since_step_s += length_s
        if self._since_step_s < thermal.dwell_s:
            return
        now_c = self.temperature_c(thermal.zone)
        if now_c >= thermal.throttle_c and self._step < len(thermal.steps) - 1:
            self._step += 1
            self._since_step_s = 0.0
        elif now_c < thermal.throttle_c - thermal.hysteresis_c and self._step:
            self._step -= 1
            self._since_step_s = 0.0

    @property
    def share(self) -> float:
        """The clock's share of the full one."""
        return 1.0 if self._thermal is None else self._thermal.steps[self._step]

    def temperature_c(self, zone: str) -> float:
        """A thermal zone's temperature."""
        idle_c, busy_c = self._definition.temperatures_c[zone]
        return idle_c + (busy_c - idle_c) * self._warmth

    def values(self) -> ThermalValues:
        """What files show."""
        gpu_hz = 0 if self._thermal is None else self._thermal.gpu_max_hz or 0
        return ThermalValues(
            self._step, self.share, round(self._definition.cpu.max_khz * self.share), round(gpu_hz * self.share)
        )
