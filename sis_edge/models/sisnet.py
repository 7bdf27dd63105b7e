"""The network: masked convolutions with normalisation, additions, activations and pooling.

It computes in the type of its input, so that one module trains in bfloat16 and is exported in float32; the
parameters stay float32. Shapes: N images, F filters, I inputs, k the kernel's side, s the map's side.
"""

import math
from collections.abc import Sequence
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from sis_edge.formation.compaction import LayerPlan
from sis_edge.models.functions import convolve, norm_relu, norm_relu_convolve
from sis_edge.spec import Activation, LayerSpec, added_to, sources_of, subsampling


class SisLayer(nn.Module):
    """Convolution, batch normalisation, addition, activation and pooling; a bias where there is no normalisation.

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
        has_norm = plan.spec.normalises
        self.bias = None if has_norm else nn.Parameter(torch.zeros(plan.spec.filters))
        self.norm = nn.BatchNorm2d(plan.spec.filters) if has_norm else None
        self.hands_on = False  # the next layer normalises, so that what is between the two is never stored

    def masked_weight(self) -> Tensor:
        """The weights that exist, zero elsewhere: [F, I / groups, k, k]."""
        return self.weight if self.mask is None else self.weight * self.mask

    def forward(self, x: Tensor, added: Tensor | None = None, before: nn.BatchNorm2d | None = None) -> Tensor:
        """[N, I, s, s] and what is added, [N, up to F, side, side] -> [N, F, out_side, out_side].

        `before` is the normalisation of a layer that hands on: its ReLU and it belong to `x` first.
        """
        spec = self.spec
        if spec.global_pool:
            x = x.mean(dim=(2, 3), keepdim=True)
        bias = None if self.bias is None else self.bias.to(x.dtype)
        weight = self.masked_weight().to(x.dtype)
        how: dict[str, Any] = {"stride": spec.stride, "padding": spec.padding, "groups": spec.groups, "mask": self.mask}
        x = convolve(x, weight, bias, **how) if before is None else norm_relu_convolve(x, before, weight, bias, **how)
        if self.hands_on:
            return x
        if self.norm is not None and added is None and spec.activates == "relu":
            x = norm_relu(x, self.norm)
            x = x if self.alive is None else x * self.alive
        else:
            x = x if self.norm is None else self.norm(x)
            x = x if self.alive is None else x * self.alive
            x = _activated(x if added is None else x + added, spec.activates)
        if spec.pool == 1:
            return x
        if spec.pooling == "max":
            return F.max_pool2d(x, spec.pool_side, spec.pool, spec.pool_padding)
        return F.avg_pool2d(x, spec.pool)


def _hands_on(layer: SisLayer, at: int, specs: Sequence[LayerSpec]) -> bool:
    """Whether a layer's normalisation and ReLU may wait for the next layer: that one alone reads it, pixel by pixel."""
    spec, sources = layer.spec, sources_of(specs)
    if not spec.normalises or spec.activates != "relu" or spec.pool > 1 or spec.adds or layer.alive is not None:
        return False
    readers = [reader for reader, source in enumerate(sources) if source == at]
    if readers != [at + 1] or at in added_to(specs):
        return False
    following = specs[at + 1]
    return following.kernel == 1 and not following.global_pool


class SisNet(nn.Module):
    """The layers of a plan, then global average pooling: [N, channels, side, side] -> logits [N, classes]."""

    def __init__(self, plans: Sequence[LayerPlan], seed: int = 0) -> None:
        super().__init__()
        generator = torch.Generator().manual_seed(seed)
        specs = [plan.spec for plan in plans]
        layers = [SisLayer(plan, generator) for plan in plans]
        for at, layer in enumerate(layers):
            layer.hands_on = _hands_on(layer, at, specs)
        self.layers = nn.ModuleList(layers)
        self._specs, self._sources, self._added = specs, sources_of(specs), added_to(specs)

    def forward(self, x: Tensor) -> Tensor:
        """[N, channels, side, side] -> [N, classes], in the type of `x`."""
        image, results = x, list[Tensor]()
        before = None
        for layer, spec, source, at in zip(self.layers, self._specs, self._sources, self._added, strict=True):
            added = None if at is None else shortcut(results[at], spec, self._specs[at])
            results.append(layer(image if source < 0 else results[source], added, before))
            before = layer.norm if layer.hands_on else None
        return results[-1].mean(dim=(2, 3))


def shortcut(x: Tensor, layer: LayerSpec, added: LayerSpec) -> Tensor:
    """What `layer` adds of the result of `added`: every so many pixels, and channels of zeros behind those of it."""
    every = subsampling(layer, added)
    missing = layer.filters - x.shape[1]
    x = x if every == 1 else x[:, :, ::every, ::every]
    return F.pad(x, (0, 0, 0, 0, 0, missing)) if missing else x


def _activated(x: Tensor, activation: Activation) -> Tensor:
    if activation == "none":
        return x
    return F.relu(x) if activation == "relu" else F.relu6(x)


def initial_weights(plan: LayerPlan, generator: torch.Generator) -> Tensor:
    """Normal weights scaled for each filter's real fan-in: standard deviation sqrt(gain / synapses of the filter).

    The gain is 2 before a ReLU (He et al. 2015, equation 10) and 1 where none follows, as in the class layer. Where no
    synapse exists the weight is 0.
    """
    weights = torch.randn(plan.spec.weight_shape, generator=generator)
    if plan.mask is None:
        fan_in = torch.full((plan.spec.filters, 1, 1, 1), float(math.prod(plan.spec.weight_shape[1:])))
    else:
        mask = torch.from_numpy(plan.mask)
        weights *= mask
        fan_in = mask.sum(dim=(1, 2, 3), keepdim=True).float().clamp(min=1)
    gain = 1.0 if plan.spec.activates == "none" else 2.0
    return weights * torch.sqrt(gain / fan_in)
