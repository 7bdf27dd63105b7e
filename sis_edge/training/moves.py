"""Which units of one layer move: the rule of RigL (Evci et al. 2020) on whole kernels or single synapses."""

from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor

from sis_edge.formation import SynapticGraph
from sis_edge.formation.compaction import LayerPlan

Unit = Literal["kernel", "synapse"]
_UNITS: dict[str, Unit] = {"kernel": "kernel", "synapse": "synapse"}  # by granularity


@dataclass(frozen=True)
class Move:
    """Synapses that go and come, as many of each: bool that fits the weights, [filters, inputs, k or 1, k or 1]."""

    dropped: Tensor
    grown: Tensor


def unit_of(graph: SynapticGraph, plan: LayerPlan) -> Unit | None:
    """What can move in a layer of the compact network; None where nothing can.

    In a layer of whole neurons, or a dense one, every synapse between existing neurons exists: none could go anywhere
    else. A neuron at another place of its layer is the same network with other numbers, so neurons do not move.
    Blocks and N:M stay, for their patterns hold several filters or inputs together; so do layers with groups.
    """
    if plan.mask is None or plan.spec.groups > 1:
        return None
    name = graph.formation.conv if plan.spec.group == "CL" else graph.formation.micro
    return _UNITS.get(name)


def choose(weight: Tensor, gradient: Tensor, mask: Tensor, unit: Unit, share: float) -> Move:
    """Drop the share of units with the least magnitude, grow as many where the gradient is greatest.

    `weight`, `gradient` (of the loss by the weights that exist and by those that do not) and `mask` are
    [filters, inputs, k, k]. The unit of greatest magnitude of each filter and of each input stays, so that no neuron
    loses its last input or output. What was dropped may not grow again at once.
    """
    size, steep, exist = weight.abs(), gradient.abs(), mask
    if unit == "kernel":
        size, steep = size.sum(dim=(2, 3), keepdim=True), steep.sum(dim=(2, 3), keepdim=True)
        exist = mask.any(dim=3, keepdim=True).any(dim=2, keepdim=True)
    free = ~exist & _in_use(exist)
    held = _greatest(size, exist)
    droppable = exist & ~held
    count = min(int(share * int(exist.sum())), int(droppable.sum()), int(free.sum()))
    dropped = _first(torch.where(droppable, -size, -torch.inf), count)
    grown = _first(torch.where(free, steep, -torch.inf), count)
    return Move(dropped, grown)


def _in_use(exist: Tensor) -> Tensor:
    """Places between a filter and an input that have a unit each: those of dead neurons have none."""
    pairs = exist.flatten(2).any(dim=2)
    used = pairs.any(dim=1, keepdim=True) & pairs.any(dim=0, keepdim=True)
    return used[:, :, None, None].expand_as(exist)


def _greatest(size: Tensor, exist: Tensor) -> Tensor:
    """The greatest unit of each filter, and of each input: bool of the shape of `size`."""
    there = torch.where(exist, size, -1.0)
    held = torch.zeros_like(exist)
    for values, marks in ((there, held), (there.transpose(0, 1), held.transpose(0, 1))):
        best = torch.zeros_like(values.flatten(1), dtype=torch.bool)
        best[torch.arange(len(values)), values.flatten(1).argmax(dim=1)] = True
        marks |= best.view(values.shape)  # a view: `held` itself
    return held & exist


def _first(score: Tensor, count: int) -> Tensor:
    """The `count` places of the highest score; of equal ones the first."""
    chosen = torch.zeros(score.numel(), dtype=torch.bool)
    order = torch.sort(score.flatten(), descending=True, stable=True).indices
    chosen[order[:count]] = True
    return chosen.view(score.shape)
