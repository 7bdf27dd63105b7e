"""Theta, the synaptic probability distribution: one file each, and the registry of them.

All are drawn before training from the formation's seed and see no weight.
"""

from sis_edge.errors import unknown
from sis_edge.formation.distributions.base import Distribution, Units, first
from sis_edge.formation.distributions.centred import Centred
from sis_edge.formation.distributions.constant_fan_in import ConstantFanIn
from sis_edge.formation.distributions.degree_balanced import DegreeBalanced
from sis_edge.formation.distributions.erk import ErdosRenyiKernel
from sis_edge.formation.distributions.uniform import Uniform

DISTRIBUTIONS: dict[str, Distribution] = {
    law.name: law for law in (Uniform(), ErdosRenyiKernel(), ConstantFanIn(), DegreeBalanced(), Centred())
}


def distribution(name: str) -> Distribution:
    """The distribution of that name; raises UsageError with the known names."""
    if name not in DISTRIBUTIONS:
        raise unknown("distribution", name, DISTRIBUTIONS)
    return DISTRIBUTIONS[name]


def acting(name: str, granularity: str) -> Distribution:
    """The distribution of that name where it means something for a granularity, else the uniform one."""
    law = distribution(name)
    return law if granularity in law.acts_on else DISTRIBUTIONS["uniform"]


__all__ = ["DISTRIBUTIONS", "Distribution", "Units", "acting", "distribution", "first"]
