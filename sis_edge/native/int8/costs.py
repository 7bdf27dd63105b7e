"""What a network costs by the INT8 kernels on a board: counted work times its measured seconds."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from sis_edge.native import fitting
from sis_edge.native.int8 import work
from sis_edge.native.int8.geometry import Int8InstructionSet
from sis_edge.native.int8.work import Part


@dataclass(frozen=True)
class Int8Costs:
    """Seconds of each kind of work."""

    isa: Int8InstructionSet
    seconds: Mapping[str, float]

    def layers_s(self, parts: Sequence[Part]) -> list[float]:
        """Each layer of a chain, with what brings its maps to it; the last with the end of the chain."""
        layers = [layer for layer, _ in parts]
        counts = (work.of_stage(self.isa, stage, parts) for stage in work.stages(layers))
        return work.by_layer(layers, (fitting.total(each, self.seconds) for each in counts))

    def chain_s(self, parts: Sequence[Part]) -> float:
        """One image through all stages."""
        return sum(self.layers_s(parts))
