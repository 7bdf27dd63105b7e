"""Units that move during training; the count of each layer never changes. What comes of it is rewired, not formed.

Every `rewire_every` steps, until `rewire_until` of all, each layer drops the units of least magnitude and grows as many
where the gradient is greatest (RigL, Evci et al. 2020). Their share falls along a cosine from `rewire` to nothing. A
grown unit begins at 0. No neuron loses its last unit on either side, so that the neurons which live stay the same.
"""

import math
from dataclasses import replace
from typing import Any

import numpy as np
import torch
from lightning.pytorch.callbacks import Callback
from torch import Tensor

from sis_edge.errors import UsageError
from sis_edge.formation import REWIRED, SynapticGraph
from sis_edge.formation.compaction import LayerPlan, compact
from sis_edge.formation.graph import LayerGraph, Mask
from sis_edge.models import SisLayer, SisNet
from sis_edge.training.moves import Unit, choose, unit_of
from sis_edge.training.recipe import Recipe


def moves_anything(graph: SynapticGraph) -> bool:
    """Whether a layer of the graph has units that can move."""
    return any(unit_of(graph, plan) is not None for plan in compact(graph))


def fitting(recipe: Recipe, graph: SynapticGraph) -> Recipe:
    """The recipe for this graph: without rewiring where nothing can move, such as in a dense network."""
    return recipe if not recipe.rewire or moves_anything(graph) else replace(recipe, rewire=0.0)


def check(recipe: Recipe, graph: SynapticGraph, name: str) -> None:
    """Raise UsageError where a recipe rewires and nothing in the graph can move."""
    if recipe.rewire and not moves_anything(graph):
        raise UsageError(
            f"nothing in {name} can be rewired: its layers are dense or of whole neurons, blocks or N:M; kernels and "
            "single synapses move"
        )


class Rewiring(Callback):
    """Moves units of a network while lightning trains it; its part of a checkpoint is which synapses exist."""

    def __init__(self, network: SisNet, graph: SynapticGraph, recipe: Recipe) -> None:
        self.before, self.recipe = graph, recipe
        self._plans = compact(graph)
        self._units: list[tuple[int, SisLayer, Tensor, Unit]] = []
        for at, (plan, layer) in enumerate(zip(self._plans, network.layers, strict=True)):
            unit = unit_of(graph, plan)
            if unit is not None:
                assert isinstance(layer, SisLayer)
                assert layer.mask is not None
                self._units.append((at, layer, layer.mask, unit))
        self._now = 0.0  # the share that moves in this step

    def share(self, step: int, steps: int) -> float:
        """The share of a layer's units that moves after so many steps; 0: none does."""
        last = self.recipe.rewire_until * steps
        if not step or step % self.recipe.rewire_every or step >= last:
            return 0.0
        return self.recipe.rewire * (1 + math.cos(math.pi * step / last)) / 2

    def on_train_batch_start(self, trainer: Any, module: Any, batch: Any, batch_index: int) -> None:
        """Before a step in which units move: weights that do not exist, which are 0, are to have a gradient, too."""
        self._now = self.share(trainer.global_step, int(trainer.estimated_stepping_batches))
        if self._now:
            for _, layer, _, _ in self._units:
                layer.mask = None

    def on_after_backward(self, trainer: Any, module: Any) -> None:
        """Move units; the step that follows is taken with the new ones."""
        if not self._now:
            return
        state = trainer.optimizers[0].state
        with torch.no_grad():
            for _, layer, mask, unit in self._units:
                weight, gradient = layer.weight, layer.weight.grad
                assert gradient is not None
                move = choose(weight, gradient, mask, unit, self._now)
                mask.copy_((mask & ~move.dropped) | move.grown)
                layer.mask = mask
                for values in (weight, gradient, *_of_shape(state.get(weight, {}), weight)):
                    values.mul_(mask)

    def state_dict(self) -> dict[str, Any]:
        """Which synapses exist, by layer."""
        return {str(at): mask.clone() for at, _, mask, _ in self._units}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """As they were when the checkpoint was written."""
        for at, _, mask, _ in self._units:
            mask.copy_(state_dict[str(at)])

    def finish(self) -> SynapticGraph:
        """The graph that came of it; weights of what does not exist become 0, which an average may have left.

        Raises AssertionError where a layer's count has changed.
        """
        layers = list(self.before.layers)
        for at, layer, mask, _ in self._units:
            with torch.no_grad():
                layer.weight.mul_(mask)
            layers[at] = _with(layers[at], self._plans[at], mask.numpy())
            assert layers[at].synapse_count == self.before.layers[at].synapse_count
        formation = replace(self.before.formation, distribution=REWIRED, distribution_sha256=None)
        return SynapticGraph(self.before.spec, formation, tuple(layers))


def _with(layer: LayerGraph, plan: LayerPlan, mask: Mask) -> LayerGraph:
    """A layer with those synapses between the neurons of its plan, and what it had elsewhere."""
    assert plan.mask is not None
    synapses = layer.synapses.copy()
    within = np.ix_(plan.filters, plan.inputs)
    synapses[within] = (synapses[within] & ~plan.mask) | mask
    return replace(layer, synapses=synapses)


def _of_shape(state: dict[str, Any], weight: Tensor) -> list[Tensor]:
    """What an optimiser keeps for each weight, such as its momentum."""
    return [value for value in state.values() if isinstance(value, Tensor) and value.shape == weight.shape]
