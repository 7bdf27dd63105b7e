"""Sustained work: how latency, energy and clocks of each network hold up over minutes, from a record's windows."""

from sis_edge.results.sustained.networks import SustainedFigures, of_run
from sis_edge.results.sustained.ranking import SustainedRank, ranking
from sis_edge.results.sustained.stretches import SustainedChange, SustainedStretch
from sis_edge.results.sustained.throttle import RULE, SustainedThrottle

__all__ = [
    "RULE",
    "SustainedChange",
    "SustainedFigures",
    "SustainedRank",
    "SustainedStretch",
    "SustainedThrottle",
    "of_run",
    "ranking",
]
