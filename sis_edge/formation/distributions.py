"""Theta, the synaptic probability distribution: the order in which candidates come to exist.

A distribution is one function from uniform 64-bit keys and the candidates to sort keys of any ordered dtype; the
candidates with the smallest sort keys exist. The paper's is uniform: the keys themselves.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from sis_edge.errors import unknown
from sis_edge.formation.streams import Keys
from sis_edge.spec import LayerSpec


@dataclass(frozen=True)
class Candidates:
    """Units of equal size that compete for one budget, laid end to end over their layers.

    Layer i contributes the grid `grids[i]` in C order; its axes are filters (or blocks of them), inputs and, for
    single synapses, the two sides of the kernel.
    """

    layers: tuple[LayerSpec, ...]
    grids: tuple[tuple[int, ...], ...]


Distribution: TypeAlias = Callable[[Keys, Candidates], NDArray[Any]]


def uniform(keys: Keys, candidates: Candidates) -> NDArray[Any]:
    """Every set of candidates of the given count is equally likely (the paper's choice, equation 1)."""
    return keys


DISTRIBUTIONS: dict[str, Distribution] = {"uniform": uniform}


def distribution(name: str) -> Distribution:
    """The distribution of that name; raises UsageError with the known names."""
    if name not in DISTRIBUTIONS:
        raise unknown("distribution", name, DISTRIBUTIONS)
    return DISTRIBUTIONS[name]


def first(count: int, sort_keys: NDArray[Any]) -> NDArray[np.bool_]:
    """True for the `count` smallest sort keys; ties go to the earlier place."""
    chosen = np.zeros(sort_keys.size, dtype=np.bool_)
    chosen[np.argsort(sort_keys, kind="stable")[:count]] = True
    return chosen
