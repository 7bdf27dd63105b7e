"""An external power meter's recording, brought onto the clock of a stored run.

The meter knows nothing of the job. Its file is read as it is (`formats`, `columns`, `stamps`), its clock aligned by
what both have seen (`align`), and its power held against the board's own sensor and limits (`plausible`).
"""

from sis_edge.results.energy import METER_RAIL
from sis_edge.results.meter.align import LEAST_CORRELATION, Alignment, align
from sis_edge.results.meter.attach import attach
from sis_edge.results.meter.formats import read_csv
from sis_edge.results.meter.recording import UNITS_W, Recording, watts

__all__ = [
    "LEAST_CORRELATION",
    "METER_RAIL",
    "UNITS_W",
    "Alignment",
    "Recording",
    "align",
    "attach",
    "read_csv",
    "watts",
]
