"""Training: the recipe, the batches and the loop (on lightning)."""

from sis_edge.training.recipe import Recipe, default_recipe

__all__ = ["Recipe", "default_recipe"]
