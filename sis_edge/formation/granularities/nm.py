"""The unit is N of every M neighbouring inputs, per filter: 2:4 is what sparse tensor cores compute."""

from collections.abc import Sequence
from dataclasses import replace
from math import gcd

import numpy as np

from sis_edge.errors import UsageError
from sis_edge.formation.distributions import UNIFORM, acting
from sis_edge.formation.distributions.constant_fan_in import CONSTANT_FAN_IN
from sis_edge.formation.formation import Formation
from sis_edge.formation.granularities.base import Granularity, Mask
from sis_edge.formation.streams import raw_keys
from sis_edge.spec import LayerSpec, NetworkSpec, sources_of

M = 4
"""Inputs in a group: the group of NVIDIA's sparse tensor cores (Ampere and later)."""


class NM(Granularity):
    """Each filter sees exactly N of every M consecutive inputs, with the whole kernel; N = share x M.

    A layer whose inputs do not divide by M (the image's three channels) stays dense, as the hardware demands.
    """

    name = "nm"
    fits_sparse_cores = True

    @classmethod
    def steps(cls, spec: NetworkSpec, formation: Formation) -> list[Formation]:
        """N of M fixes the count of CL, so the micro networks' `t_p` gives way.

        Only shares at which the inputs of CL divide by M: elsewhere a layer is dense and the pattern not there.
        """
        sources = zip(spec.layers, sources_of(spec.layers), strict=True)
        read = [(after, spec.layers[source]) for after, source in sources if source >= 0]
        common = gcd(*(layer.filters for after, layer in read if layer.group == "MP" and after.group == "CL"))
        return [replace(formation, t_p=count / common) for count in range(M, common + 1, M)]

    def check_groups(self, layer: LayerSpec) -> None:
        """Each filter sees the inputs of its group only; those have to come in fours."""
        if layer.inputs // layer.groups % M:
            raise UsageError(
                f"layer {layer.name} has {layer.inputs // layer.groups} inputs a group, and granularity nm takes some "
                f"of every {M}; give the layer the share 1, or another granularity"
            )

    def synapses(self, layers: Sequence[LayerSpec], share: float, target: int | None, stream: str) -> list[Mask]:
        """N of M inputs per group and filter; the pattern fixes the count, so a target is ignored."""
        n = share * M
        if n != int(n):
            raise UsageError(
                f"granularity nm cannot keep the share {share:g} of every {M} inputs; "
                f"use one of {', '.join(f'{k / M:g}' for k in range(1, M + 1))}"
            )
        return [self._layer(layer, int(n)) for layer in layers]

    def _layer(self, layer: LayerSpec, n: int) -> Mask:
        mask = np.ones(layer.weight_shape, dtype=np.bool_)
        if layer.inputs % M or n == M:
            return mask
        keys = raw_keys(self.formation.seed, f"{layer.name}/nm", layer.filters * layer.inputs)
        groups = keys.reshape(layer.filters, layer.inputs // M, M)
        law = acting(self.formation.distribution, self.name)
        # Within a group fan-in is constant by definition; whether fan-out is balanced too is what can be asked.
        draw = CONSTANT_FAN_IN.draw if law.name == UNIFORM else law.draw
        chosen = np.stack([draw(groups[:, at], layer.filters * n) for at in range(groups.shape[1])], axis=1)
        mask &= chosen.reshape(layer.filters, layer.inputs)[:, :, None, None]
        return mask
