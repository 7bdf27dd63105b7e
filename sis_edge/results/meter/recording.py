"""What a meter wrote, whatever its file looked like."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sis_edge.errors import unknown

# Readings that lie closer together are averaged: no block is so short that more would say more of its energy.
FINEST_S = 1e-3
UNITS_W = {"W": 1.0, "mW": 1e-3, "uW": 1e-6}


@dataclass(frozen=True)
class Recording:
    """Times in seconds on the meter's own clock, ascending, and watts."""

    name: str
    times_s: NDArray[np.float64]
    power_w: NDArray[np.float64]

    @property
    def step_s(self) -> float:
        """The usual time between two readings."""
        return float(np.median(np.diff(self.times_s)))


def watts(unit: str) -> float:
    """One of a unit of power, in watts; raises UsageError for an unknown one."""
    if unit not in UNITS_W:
        raise unknown("unit of power", unit, UNITS_W)
    return UNITS_W[unit]


def thinned(
    times_s: NDArray[np.float64], power_w: NDArray[np.float64], step_s: float = FINEST_S
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Means over stretches of `step_s`, at the means of their times; readings further apart stay as they are."""
    if not len(times_s):
        return times_s, power_w
    keys = np.floor((times_s - times_s[0]) / step_s + 1e-6).astype(np.int64)  # stamps are rounded
    first = np.flatnonzero(np.diff(keys, prepend=keys[0] - 1))
    if len(first) == len(times_s):
        return times_s, power_w
    counts = np.diff(np.append(first, len(times_s)))
    return np.add.reduceat(times_s, first) / counts, np.add.reduceat(power_w, first) / counts
