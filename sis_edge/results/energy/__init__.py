"""Energy per inference, from the power samples and the energy blocks of a record.

A block is one network running back to back; its energy is the total rails' power integrated over it. Gross energy per
inference is that divided by the inferences; net energy leaves out what the idle board would have taken meanwhile,
its power being measured before, between and after, and interpolated. Without sensor, rule or samples, or where the
samples cannot be the board's power, there is no number but a reason.
"""

from sis_edge.results.energy.idle import IDLE_AFTER, IDLE_BEFORE, IDLE_BETWEEN, Idle, idle
from sis_edge.results.energy.networks import (
    MIN_BLOCKS,
    OTHER_SENSOR,
    NetworkEnergy,
    gross_by_block,
    of_record,
    per_inference,
)
from sis_edge.results.energy.total import METER_RAIL, Total, limits_w, total

__all__ = [
    "IDLE_AFTER",
    "IDLE_BEFORE",
    "IDLE_BETWEEN",
    "METER_RAIL",
    "MIN_BLOCKS",
    "OTHER_SENSOR",
    "Idle",
    "NetworkEnergy",
    "Total",
    "gross_by_block",
    "idle",
    "limits_w",
    "of_record",
    "per_inference",
    "total",
]
