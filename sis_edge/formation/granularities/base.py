"""What a granularity answers: which neurons of a layer may exist, and which synapses between them do."""

from abc import ABC
from collections.abc import Sequence
from typing import ClassVar, TypeAlias

import numpy as np
from numpy.typing import NDArray

from sis_edge.formation.budget import SizeClass, counts
from sis_edge.formation.distributions import Candidates, distribution, first
from sis_edge.formation.formation import Formation
from sis_edge.formation.streams import raw_keys
from sis_edge.spec import LayerSpec

Mask: TypeAlias = NDArray[np.bool_]


class Granularity(ABC):
    """A unit of formation. By default all neurons exist, and units are drawn from a pool over all layers.

    A subclass says how a layer divides into units: `grid` (their arrangement) and `expand` (from chosen units back to
    synapses). Units of equal size compete for one count over all layers of the group, as in the paper,
    whose 5 x 5 kernels of C1 and C2 fit one common share.
    """

    name: ClassVar[str]

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

    def synapses(self, layers: Sequence[LayerSpec], share: float, target: int | None) -> list[Mask]:
        """Which synapses exist between existing neurons: a bool [filters, inputs, kernel, kernel] per layer.

        `layers` carry the widths of what exists; `target` asks for that many synapses over all of them.
        """
        if share == 1:
            return [np.ones(layer.weight_shape, dtype=np.bool_) for layer in layers]
        grids = [self.grid(layer) for layer in layers]
        sizes = [self._unit_sizes(layer, grid) for layer, grid in zip(layers, grids, strict=True)]
        chosen = [np.zeros(grid, dtype=np.bool_) for grid in grids]
        all_sizes = sorted({int(size) for per_layer in sizes for size in np.unique(per_layer)}, reverse=True)
        classes = [
            SizeClass(size, sum(int((per_layer == size).sum()) for per_layer in sizes), share) for size in all_sizes
        ]
        draw = distribution(self.formation.distribution)
        for units, count in zip(classes, counts(classes, target), strict=True):
            # Keys are drawn for the whole grid of every layer that has units of this size, and the others' dropped.
            members = [at for at, per_layer in enumerate(sizes) if (per_layer == units.size).any()]
            pool = Candidates(tuple(layers[at] for at in members), tuple(grids[at] for at in members))
            eligible = np.concatenate([(sizes[at] == units.size).ravel() for at in members])
            stream = f"{layers[members[0]].group}/{self.name}/{units.size}"
            keys = draw(raw_keys(self.formation.seed, stream, eligible.size), pool)
            places = np.flatnonzero(eligible)
            exists = np.zeros(eligible.size, dtype=np.bool_)
            exists[places[first(count, keys[places])]] = True
            ends = np.cumsum([chosen[at].size for at in members])[:-1]
            for at, part in zip(members, np.split(exists, ends), strict=True):
                chosen[at] |= part.reshape(grids[at])
        return [self.expand(units, layer) for units, layer in zip(chosen, layers, strict=True)]

    def _unit_sizes(self, layer: LayerSpec, grid: tuple[int, ...]) -> NDArray[np.int64]:
        """Synapses of each unit, in the grid's shape; the last block of a layer may be smaller."""
        return np.full(grid, layer.kernel * layer.kernel, dtype=np.int64)
