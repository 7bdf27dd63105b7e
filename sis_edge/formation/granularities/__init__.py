"""The units that exist or not, one file each; `registries.GRANULARITIES` lists them."""

from sis_edge.formation.granularities.base import Granularity

__all__ = ["Granularity"]
