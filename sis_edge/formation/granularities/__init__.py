"""The units that exist or not, one file each, and the registry of them."""

from sis_edge.errors import unknown
from sis_edge.formation.granularities.base import Granularity
from sis_edge.formation.granularities.block import Block
from sis_edge.formation.granularities.kernel import Kernel
from sis_edge.formation.granularities.neuron import Neuron
from sis_edge.formation.granularities.nm import NM
from sis_edge.formation.granularities.synapse import Synapse

GRANULARITIES: dict[str, type[Granularity]] = {
    "kernel": Kernel,
    "neuron": Neuron,
    "block": Block,
    "nm": NM,
    "synapse": Synapse,
}


def granularity(name: str) -> type[Granularity]:
    """The granularity of that name; raises UsageError with the known names."""
    if name not in GRANULARITIES:
        raise unknown("granularity", name, GRANULARITIES)
    return GRANULARITIES[name]


__all__ = ["GRANULARITIES", "Granularity", "granularity"]
