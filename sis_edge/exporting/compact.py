"""Compaction and folding: a trained network as plain arrays, one convolution with bias a layer.

Deciding what is dead is formation's (`formation.compaction`); this file cuts. Exact, but for rounding: a dropped
neuron emits exactly 0, so nothing downstream changes.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from sis_edge.errors import ExportError
from sis_edge.formation.compaction import LayerPlan, of_plan
from sis_edge.models import SisLayer, SisNet
from sis_edge.spec import LayerSpec

Array = NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class CompactLayer:
    """Convolution with weight [F, I / groups, k, k] and bias [F]; then addition, activation and pooling by `spec`."""

    spec: LayerSpec
    weight: Array
    bias: Array


@dataclass(frozen=True, eq=False)
class CompactNetwork:
    """Layers without normalisation, masks or dead neurons; global average pooling ends it."""

    layers: tuple[CompactLayer, ...]


def fold(network: SisNet) -> CompactNetwork:
    """Fold each normalisation into the convolution before it, in float64.

    With scale g, mean m, variance v and offset b: w' = w g / sqrt(v + e) and b' = b - m g / sqrt(v + e).
    Source: the definition of batch normalisation at inference (Ioffe and Szegedy 2015, algorithm 2).
    """
    return CompactNetwork(tuple(_fold_layer(layer) for layer in network.layers if isinstance(layer, SisLayer)))


def cut(network: CompactNetwork, plans: Sequence[LayerPlan]) -> CompactNetwork:
    """Keep of a folded network in the dense width what the compact `plans` keep.

    Raises ExportError where a neuron to be dropped could be heard: its weights, bias or listeners are not zero.
    """
    layers = []
    for layer, plan in zip(network.layers, plans, strict=True):
        weight = of_plan(layer.weight, layer.spec, plan.filters, plan.inputs)
        bias = layer.bias[plan.filters]
        gone = np.setdiff1d(np.arange(layer.bias.size), plan.filters)
        if np.any(layer.bias[gone]) or np.any(layer.weight[gone]):
            raise ExportError(
                f"layer {layer.spec.name} would lose neurons that are not silent; this is a bug of sis-edge"
            )
        layers.append(CompactLayer(plan.spec, np.ascontiguousarray(weight, dtype=np.float32), bias))
    return CompactNetwork(tuple(layers))


def _fold_layer(layer: SisLayer) -> CompactLayer:
    with torch.no_grad():
        weight = layer.masked_weight().double()
        if layer.norm is None:
            assert layer.bias is not None, "a layer without normalisation has a bias"
            bias = layer.bias.double()
        else:
            norm = layer.norm
            assert norm.running_mean is not None, "running statistics are kept"
            assert norm.running_var is not None, "running statistics are kept"
            scale = norm.weight.double() / torch.sqrt(norm.running_var.double() + norm.eps)
            weight = weight * scale.view(-1, 1, 1, 1)
            bias = norm.bias.double() - norm.running_mean.double() * scale
        if layer.alive is not None:
            alive = layer.alive.view(-1).double()
            weight, bias = weight * alive.view(-1, 1, 1, 1), bias * alive
        return CompactLayer(layer.spec, _array(weight), _array(bias))


def _array(tensor: torch.Tensor) -> Array:
    array: Array = tensor.float().contiguous().numpy()
    return array
