"""What a granularity answers: which neurons of a layer may exist, and which synapses between them do."""

from abc import ABC
from collections.abc import Sequence
from dataclasses import dataclass
from math import prod
from typing import ClassVar, TypeAlias

import numpy as np
from numpy.typing import NDArray

from sis_edge.formation.budget import SizeClass, counts
from sis_edge.formation.distributions import Units, acting
from sis_edge.formation.formation import Formation
from sis_edge.formation.streams import raw_keys
from sis_edge.spec import LayerSpec, NetworkSpec

Mask: TypeAlias = NDArray[np.bool_]


class Granularity(ABC):
    """A unit of formation. By default all neurons exist, and units are drawn from a pool over all layers.

    A subclass says how a layer divides into units: `grid` (their arrangement) and `expand` (from chosen units back to
    synapses). Units of equal size compete for one count over all layers of the group, as in the paper,
    whose 5 x 5 kernels of C1 and C2 fit one common share.
    """

    name: ClassVar[str]
    has_blocks: ClassVar[bool] = False
    """Whether `Formation.block` neighbouring filters share what exists."""
    fits_sparse_cores: ClassVar[bool] = False
    """Whether sparse tensor cores (2:4) can make use of the pattern."""

    @classmethod
    def unit(cls, block: int) -> str:
        """What exists or not, in a word: `kernel`, or `block:16` for blocks of 16 filters."""
        return f"{cls.name}:{block}" if cls.has_blocks else cls.name

    @classmethod
    def steps(cls, spec: NetworkSpec, formation: Formation) -> list[Formation]:
        """The formations that the units allow, by rising count of synapses; empty where every count can be met."""
        return []

    def __init__(self, formation: Formation) -> None:
        self.formation = formation

    def neurons(self, layer: LayerSpec, share: float) -> Mask:
        """Which filters of a layer exist: bool [filters]."""
        return np.ones(layer.filters, dtype=np.bool_)

    def grid(self, layer: LayerSpec) -> tuple[int, ...]:
        """The arrangement of a layer's units: (filters or blocks of them, inputs[, kernel, kernel])."""
        raise NotImplementedError

    def expand(self, chosen: Mask, layer: LayerSpec) -> Mask:
        """Synapses [filters, inputs, kernel, kernel] of the chosen units (an array of `grid`'s shape)."""
        raise NotImplementedError

    def check_groups(self, layer: LayerSpec) -> None:  # noqa: B027  # most units fit any groups
        """Raises UsageError, which names the layer, where its groups of filters do not allow these units."""

    def synapses(self, layers: Sequence[LayerSpec], share: float, target: int | None, stream: str) -> list[Mask]:
        """Which synapses exist between existing neurons: a bool [filters, inputs, kernel, kernel] per layer.

        `layers` carry the widths of what exists; `target` asks for that many synapses over all of them. `stream`
        names the random keys: the group, or a layer that is drawn by itself.
        """
        if share == 1:
            return [np.ones(layer.weight_shape, dtype=np.bool_) for layer in layers]
        law = acting(self.formation.distribution, self.name)
        grids = [self.grid(layer) for layer in layers]
        sizes = [self.row_sizes(layer, grid[0]) for layer, grid in zip(layers, grids, strict=True)]
        shares = law.shares(layers, share, target)
        chosen = [np.zeros(grid, dtype=np.bool_) for grid in grids]
        pools = [
            _Pool(size, [at for at, per_row in enumerate(sizes) if (per_row == size).any()])
            for size in sorted({int(size) for per_row in sizes for size in per_row}, reverse=True)
        ]
        available = [
            [int((sizes[at] == pool.size).sum()) * prod(grids[at][1:]) for at in pool.members] for pool in pools
        ]
        classes = [
            SizeClass(pool.size, sum(units), _mean([shares[at] for at in pool.members], units))
            for pool, units in zip(pools, available, strict=True)
        ]
        for pool, units, count in zip(pools, available, counts(classes, target), strict=True):
            # Keys are drawn for the whole grid of every layer that has units of this size, and the others' dropped.
            ends = np.cumsum([chosen[at].size for at in pool.members])
            keys = np.split(
                raw_keys(self.formation.seed, f"{stream}/{self.name}/{pool.size}", int(ends[-1])), ends[:-1]
            )
            rows = [sizes[at] == pool.size for at in pool.members]
            eligible = [
                Units(part.reshape(grids[at])[of], shares[at] * most, layers[at].name)
                for at, part, of, most in zip(pool.members, keys, rows, units, strict=True)
            ]
            for at, of, exist in zip(pool.members, rows, law.choose(eligible, count), strict=True):
                chosen[at][of] = exist
        return [self.expand(units, layer) for units, layer in zip(chosen, layers, strict=True)]

    def row_sizes(self, layer: LayerSpec, rows: int) -> NDArray[np.int64]:
        """Synapses of a unit in each row of the grid, [rows]; by default those of one kernel."""
        return np.full(rows, layer.kernel * layer.kernel, dtype=np.int64)


@dataclass(frozen=True)
class _Pool:
    """The layers that have units of this size, in synapses: those compete."""

    size: int
    members: list[int]


def _mean(shares: Sequence[float], weights: Sequence[int]) -> float:
    """The weighted mean, and no rounding where all shares are one."""
    if len(set(shares)) == 1:
        return shares[0]
    total = 0.0
    for share, weight in zip(shares, weights, strict=True):  # `sum` rounds otherwise since Python 3.12
        total += share * weight
    return total / sum(weights)
