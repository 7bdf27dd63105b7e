"""The unit is a kernel's place shared by B neighbouring filters: what sparse CPU kernels run fastest."""

import numpy as np
from numpy.typing import NDArray

from sis_edge.errors import UsageError
from sis_edge.formation.granularities.base import Granularity, Mask
from sis_edge.spec import LayerSpec


class Block(Granularity):
    """All filters of a block of B neighbours have a kernel at the same inputs."""

    name = "block"
    has_blocks = True

    def grid(self, layer: LayerSpec) -> tuple[int, ...]:
        """One unit a pair of block and input: (blocks, inputs); the last block may be smaller."""
        return (-(-layer.filters // self._size(layer)), layer.inputs)

    def expand(self, chosen: Mask, layer: LayerSpec) -> Mask:
        """A chosen place has the kernels of all filters of its block."""
        filters = np.repeat(chosen, self._size(layer), axis=0)[: layer.filters]
        return np.broadcast_to(filters[:, :, None, None], layer.weight_shape).copy()

    def check_groups(self, layer: LayerSpec) -> None:
        """A block's filters see the same inputs, so that it lies within one group."""
        filters = layer.filters // layer.groups
        if filters % self._size(layer):
            raise UsageError(
                f"layer {layer.name} has {filters} filters a group, and blocks of {self._size(layer)} do not fit; "
                "give the layer the share 1, another block, or another granularity"
            )

    def row_sizes(self, layer: LayerSpec, rows: int) -> NDArray[np.int64]:
        """Those of a whole block; of the last one what is left."""
        sizes = np.full(rows, self._size(layer) * layer.kernel * layer.kernel, dtype=np.int64)
        ragged = layer.filters % self._size(layer)
        if ragged:
            sizes[-1] = ragged * layer.kernel * layer.kernel
        return sizes

    def _size(self, layer: LayerSpec) -> int:
        """Filters in a block: no more than the layer has."""
        return min(self.formation.block, layer.filters)
