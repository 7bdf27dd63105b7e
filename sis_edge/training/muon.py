"""The optimiser for kernels under normalisation: steps that are orthogonal matrices, weights of constant norm."""

import math
from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch import Tensor

from sis_edge.models import SisLayer, SisNet

_A, _B, _C = 3.4445, -4.7750, 2.0315  # coefficients of the quintic iteration (Jordan et al. 2024)
_ITERATIONS = 4


class Muon(torch.optim.Optimizer):
    """Momentum made orthogonal (K. Jordan et al. 2024) for the layers with normalisation, Nesterov SGD for the rest.

    The output of such a layer does not depend on the norm of its weights; so weights keep the Frobenius norm
    sqrt(filters), and a step has their norm times the group's `lr`: the angle that they turn by. A synapse that does
    not exist takes no part: a step is masked before it is scaled. torch.optim.Muon (2.9 and later) takes
    matrices only, and knows neither masks nor constant norms.
    """

    def __init__(self, network: SisNet, *, lr: float, other_lr: float, momentum: float) -> None:
        layers = [layer for layer in network.layers if isinstance(layer, SisLayer) and layer.norm is not None]
        self._masks: Mapping[Tensor, Tensor | None] = {layer.weight: layer.mask for layer in layers}
        kernels = [layer.weight for layer in layers]
        others = [p for p in network.parameters() if p not in self._masks]
        groups = [{"params": kernels, "lr": lr, "turns": True}, {"params": others, "lr": other_lr, "turns": False}]
        super().__init__(groups, {"momentum": momentum})

    @torch.no_grad()
    def step(self, closure: Callable[[], float] | None = None) -> float | None:  # type: ignore[override]
        """One step; the closure is torch's and may compute the loss again."""
        loss = None
        if closure is not None:
            with torch.enable_grad():
                loss = closure()
        for group in self.param_groups:
            for weight in group["params"]:
                if weight.grad is None:
                    continue
                state: dict[str, Any] = self.state[weight]
                if "momentum" not in state:
                    state["momentum"] = torch.zeros_like(weight)
                    if group["turns"]:  # not when the optimiser is made: weights come from a checkpoint before that
                        weight.mul_(_length(weight) / weight.norm())
                state["momentum"].mul_(group["momentum"]).add_(weight.grad)
                step = weight.grad + group["momentum"] * state["momentum"]  # Nesterov's
                if group["turns"]:
                    self._turn(weight, step, group["lr"])
                else:
                    weight.sub_(step, alpha=group["lr"])
        return loss

    def _turn(self, weight: Tensor, step: Tensor, angle: float) -> None:
        step = orthogonal(step.flatten(1)).view_as(weight)
        mask = self._masks[weight]
        if mask is not None:
            step = step * mask
        weight.sub_(step, alpha=angle * _length(weight) / max(float(step.norm()), 1e-12))
        weight.mul_(_length(weight) / weight.norm())


def orthogonal(matrix: Tensor) -> Tensor:
    """Nearly the orthogonal factor of a matrix [rows, columns]: singular values become about 1, by Newton-Schulz."""
    x: Tensor = matrix.T if matrix.shape[0] > matrix.shape[1] else matrix
    x = x / (x.norm() + 1e-7)
    for _ in range(_ITERATIONS):
        square: Tensor = x @ x.T
        x = _A * x + (_B * square + _C * square @ square) @ x
    return x.T if matrix.shape[0] > matrix.shape[1] else x


def _length(weight: Tensor) -> float:
    return math.sqrt(weight.shape[0])
