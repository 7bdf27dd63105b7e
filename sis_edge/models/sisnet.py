"""The network: a chain of masked convolutions with normalisation, ReLU and pooling.

It computes in the type of its input, so that one module trains in bfloat16 and is exported in float32; the
parameters stay float32. Shapes: N images, F filters, I inputs, k the kernel's side, s the map's side.
"""

import math
from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from sis_edge.formation.compaction import LayerPlan
from sis_edge.models.functions import convolve, norm_relu


class SisLayer(nn.Module):
    """Convolution, batch normalisation, ReLU and max pooling of one layer; the class layer has a bias instead.

    A weight whose synapse does not exist is zero from the start and stays so: the mask multiplies the weight on the way
    in, and with it the gradient on the way back.
    """

    mask: Tensor | None
    alive: Tensor | None

    def __init__(self, plan: LayerPlan, generator: torch.Generator) -> None:
        super().__init__()
        self.spec = plan.spec
        mask = None if plan.mask is None else torch.from_numpy(plan.mask)
        alive = None if plan.alive is None else torch.from_numpy(plan.alive).view(1, -1, 1, 1)
        self.register_buffer("mask", mask, persistent=False)
        self.register_buffer("alive", alive, persistent=False)
        self.weight = nn.Parameter(initial_weights(plan, generator).contiguous(memory_format=torch.channels_last))
        is_class_layer = plan.spec.is_class_layer
        self.bias = nn.Parameter(torch.zeros(plan.spec.filters)) if is_class_layer else None
        self.norm = None if is_class_layer else nn.BatchNorm2d(plan.spec.filters)

    def masked_weight(self) -> Tensor:
        """The weights that exist, zero elsewhere: [F, I, k, k]."""
        return self.weight if self.mask is None else self.weight * self.mask

    def forward(self, x: Tensor) -> Tensor:
        """[N, I, s, s] -> [N, F, s / pool, s / pool]."""
        bias = None if self.bias is None else self.bias.to(x.dtype)
        x = convolve(x, self.masked_weight().to(x.dtype), bias)
        if self.norm is not None:
            x = norm_relu(x, self.norm)
        if self.alive is not None:
            x = x * self.alive
        return F.max_pool2d(x, self.spec.pool) if self.spec.pool > 1 else x


class SisNet(nn.Module):
    """The layers of a plan in a row, then global average pooling: [N, 3, 32, 32] -> logits [N, classes]."""

    def __init__(self, plans: Sequence[LayerPlan], seed: int = 0) -> None:
        super().__init__()
        generator = torch.Generator().manual_seed(seed)
        self.layers = nn.ModuleList(SisLayer(plan, generator) for plan in plans)

    def forward(self, x: Tensor) -> Tensor:
        """[N, 3, 32, 32] -> [N, classes], in the type of `x`."""
        for layer in self.layers:
            x = layer(x)
        return x.mean(dim=(2, 3))


def initial_weights(plan: LayerPlan, generator: torch.Generator) -> Tensor:
    """Normal weights scaled for each filter's real fan-in: standard deviation sqrt(gain / synapses of the filter).

    The gain is 2 before a ReLU (He et al. 2015, equation 10) and 1 in the class layer. Where no synapse exists
    the weight is 0.
    """
    weights = torch.randn(plan.spec.weight_shape, generator=generator)
    if plan.mask is None:
        fan_in = torch.full((plan.spec.filters, 1, 1, 1), float(math.prod(plan.spec.weight_shape[1:])))
    else:
        mask = torch.from_numpy(plan.mask)
        weights *= mask
        fan_in = mask.sum(dim=(1, 2, 3), keepdim=True).float().clamp(min=1)
    gain = 1.0 if plan.spec.is_class_layer else 2.0
    return weights * torch.sqrt(gain / fan_in)
