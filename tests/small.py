"""A small network and a small data set, so that a whole training takes a moment."""

import numpy as np
import torch

from sis_edge.datasets import Dataset, ImageSet
from sis_edge.spec import LayerSpec, NetworkSpec
from sis_edge.training import Recipe

# Where cores are shared, the threads of a small network wait for each other longer than they work.
torch.set_num_threads(1)

SPEC = NetworkSpec(
    "small",
    channels=3,
    side=32,
    layers=(
        LayerSpec("C1", "CL", 3, 16, 5, 32, pool=4),
        LayerSpec("MP1a", "MP", 16, 12, 1, 8),
        LayerSpec("MP1b", "MP", 12, 12, 1, 8, pool=2),
        LayerSpec("C2", "CL", 12, 16, 3, 4),
        LayerSpec("MP2a", "MP", 16, 12, 1, 4),
        LayerSpec("MP2b", "MP", 12, 4, 1, 4, is_class_layer=True),
    ),
)

RECIPE = Recipe(epochs=3, batch_size=16, peak_lr=0.1, crop_pad=2)


def images(count: int, seed: int = 0) -> ImageSet:
    """Images of four classes that can be told apart: a bright quarter of a noisy image."""
    numbers = np.random.default_rng(seed)
    labels = numbers.integers(0, 4, count)
    pixels = numbers.integers(0, 160, (count, 3, 32, 32), dtype=np.uint8)
    for image, label in zip(pixels, labels, strict=True):
        row, column = 16 * (label // 2), 16 * (label % 2)
        image[:, row : row + 16, column : column + 16] += 90
    return ImageSet(pixels, labels.astype(np.int64))


def dataset(train: int = 64, test: int = 32) -> Dataset:
    """Such images as a data set."""
    return Dataset.of("small", images(train), images(test, 1), classes=tuple("abcd"), flip=False, source="numpy")
