"""Theta, the synaptic probability distribution: one file each; `registries.DISTRIBUTIONS` lists them.

All are drawn before training from the formation's seed and see no weight.
"""

from sis_edge.formation.distributions.base import Distribution, Units, first
from sis_edge.registries import DISTRIBUTIONS

UNIFORM = "uniform"


def acting(name: str, granularity: str) -> Distribution:
    """The distribution of that name where it means something for a granularity, else the uniform one."""
    distribution = DISTRIBUTIONS.find(name)
    return distribution if distribution.applies_to(granularity) else DISTRIBUTIONS[UNIFORM]


__all__ = ["UNIFORM", "Distribution", "Units", "acting", "first"]
