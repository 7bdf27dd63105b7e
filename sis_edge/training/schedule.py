"""The learning rate over a training's steps, as a factor of the peak."""

import math

import torch

from sis_edge.training.recipe import Recipe

_START = 1 / 25  # of the peak, as in torch's one-cycle schedule


def schedule(optimizer: torch.optim.Optimizer, recipe: Recipe, steps: int) -> torch.optim.lr_scheduler.LRScheduler:
    """One cycle (Smith and Topin 2018) with a step per batch; with `recipe.hold` it stays at the peak before it falls.

    It falls linearly under Muon, along a cosine under SGD.
    """
    if recipe.hold:
        return torch.optim.lr_scheduler.LambdaLR(optimizer, lambda step: factor(recipe, step, steps))
    return torch.optim.lr_scheduler.OneCycleLR(
        optimizer,
        max_lr=[group["lr"] for group in optimizer.param_groups],
        total_steps=steps,
        pct_start=recipe.warmup,
        anneal_strategy="linear" if recipe.optimizer == "muon" else "cos",
        cycle_momentum=False,
    )


def factor(recipe: Recipe, step: int, steps: int) -> float:
    """The rate of a step, from 0, over the peak: up during `warmup`, there during `hold`, then down to 0."""
    done = step / max(1, steps - 1)
    if done < recipe.warmup:
        return _START + (1 - _START) * done / recipe.warmup
    left = (1 - done) / (1 - recipe.warmup - recipe.hold)
    if left >= 1:
        return 1.0
    return left if recipe.optimizer == "muon" else (1 - math.cos(math.pi * left)) / 2
