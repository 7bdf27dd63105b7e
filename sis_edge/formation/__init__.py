"""Which neurons and synapses of a network exist: decided from a seed, before any training.

Numpy only. `form` draws a `SynapticGraph`, `presets` holds the paper's seven networks, `granularities` the units
that exist or not, `distributions` the law that they are drawn by, `compaction` what of a graph is alive.
"""

from sis_edge.formation.form import form
from sis_edge.formation.formation import REWIRED, Formation
from sis_edge.formation.graph import GraphDifference, LayerGraph, SynapticGraph
from sis_edge.formation.presets import DENSE, PRESETS, Preset, preset, preset_of, presets_for

__all__ = [
    "DENSE",
    "PRESETS",
    "REWIRED",
    "Formation",
    "GraphDifference",
    "LayerGraph",
    "Preset",
    "SynapticGraph",
    "form",
    "preset",
    "preset_of",
    "presets_for",
]
