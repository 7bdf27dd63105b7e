"""Energy per inference, as `results.energy` finds it in the record."""

from dataclasses import dataclass

from sis_edge.results.energy import NetworkEnergy
from sis_edge.results.rows.figure import Figure
from sis_edge.results.statistics import Interval

NO_GAIN = "neither a data sheet nor the profile gives the sensor's gain error"


@dataclass(frozen=True)
class EnergyFigures:
    """Joules per inference (one call): gross, and net of the board's idle power, with 95% intervals.

    `scope` says what the sensor covers, `source` which sensor it is, `blocks` how many energy blocks were used.
    `gain_error` is the share by which its gain may be off, which is in no interval.
    """

    gross_j: Figure[float]
    gross_interval_j: Figure[Interval]
    net_j: Figure[float]
    net_interval_j: Figure[Interval]
    scope: Figure[str]
    source: Figure[str]
    blocks: Figure[int]
    gain_error: Figure[float]


def energy_figures(energy: NetworkEnergy | None, reason: str) -> EnergyFigures:
    """The energy of a network; `reason` says why there is none, where the energy itself gives no reason."""
    blocks = None if energy is None else energy.blocks
    energy = energy or NetworkEnergy()
    reason = energy.reason or reason
    return EnergyFigures(
        gross_j=Figure.of(energy.gross_j, reason),
        gross_interval_j=Figure.of(_interval(energy.gross_low, energy.gross_high), reason),
        net_j=Figure.of(energy.net_j, reason),
        net_interval_j=Figure.of(_interval(energy.net_low, energy.net_high), reason),
        scope=Figure.of(energy.scope, reason),
        source=Figure.of(energy.source, reason),
        blocks=Figure.of(blocks, reason),
        gain_error=Figure.of(energy.gain_error, NO_GAIN if energy.source else reason),
    )


def _interval(low: float | None, high: float | None) -> Interval | None:
    return None if low is None or high is None else Interval(low, high)
