"""Batches of augmented images, whole arrays at a time: faster here than a loader with a process per core."""

from collections.abc import Iterator

import torch
import torch.nn.functional as F
from torch import Tensor

from sis_edge.datasets import Dataset, ImageSet
from sis_edge.datasets.mapped import pick
from sis_edge.errors import UsageError
from sis_edge.training.augmentation import colour, cutout
from sis_edge.training.recipe import Recipe

_TURNS = 1_000_002
"""Beyond every epoch: random numbers of its own for who is mirrored first."""


def normalise(images: Tensor, dataset: Dataset) -> Tensor:
    """uint8 [N, 3, h, w] -> float32 of the same shape: (pixel / 255 - mean) / std, for each channel."""
    mean = torch.tensor(dataset.mean).view(1, 3, 1, 1)
    std = torch.tensor(dataset.std).view(1, 3, 1, 1)
    return (images.float() / 255 - mean) / std


class Batches:
    """The shuffled, cropped and mirrored batches of one epoch: (images [B, 3, h, w], labels [B]).

    With `taught`, what a teacher says of every image [N, classes], and of the mirrored ones, a third part has it of the
    batch: [B, classes].

    Everything random comes from (seed, epoch), so an epoch that is run again after a crash is the same. The last,
    smaller batch is left out; the shuffle gives every image its turn over the epochs. In distributed training each of
    `world` ranks has an equal share of every batch, and crops it by its own random numbers.
    """

    def __init__(
        self,
        dataset: Dataset,
        train: ImageSet,
        recipe: Recipe,
        *,
        seed: int,
        epoch: int,
        rank: int = 0,
        world: int = 1,
        taught: Tensor | None = None,
    ) -> None:
        self.dataset = dataset
        self.recipe = recipe
        self.seed, self.epoch = seed, epoch
        self.generator_seed = seed * 1_000_003 + epoch
        self.side = recipe.side(epoch)
        self.images = train.images
        self.labels = torch.from_numpy(train.labels).long()
        self.rank, self.world = rank, world
        self.taught = taught
        size = min(recipe.batch_size, len(self.labels))
        self.batch_size = size // world * world
        if world > 1 and size < 2 * world:
            raise UsageError(
                f"a batch of {size} images cannot be split over {world} processes (each needs at least 2 images); "
                "use fewer --devices or --num-nodes"
            )

    def __len__(self) -> int:
        return len(self.labels) // self.batch_size

    def __iter__(self) -> Iterator[tuple[Tensor, ...]]:
        generator = torch.Generator().manual_seed(self.generator_seed)
        order = torch.randperm(len(self.labels), generator=generator)
        if self.world > 1:  # the same order for all ranks, other random numbers for each
            generator.manual_seed(self.generator_seed * 1_000_003 + self.rank + 1)
        turns = self._turns() if self.recipe.alternating_flip else None
        for start in range(0, len(self) * self.batch_size, self.batch_size):
            chosen = order[start : start + self.batch_size][self.rank :: self.world]
            turned = None if turns is None else turns[chosen]
            images, mirrored = self._augmented(torch.from_numpy(pick(self.images, chosen.numpy())), generator, turned)
            if self.taught is None:
                yield images, self.labels[chosen]
            else:
                yield images, self.labels[chosen], self.taught[mirrored.long(), chosen]

    def _turns(self) -> Tensor:
        """Which images this epoch mirrors, bool [N]: by chance in the first one, then in turn; alike on all ranks."""
        first = torch.Generator().manual_seed(self.seed * 1_000_003 + _TURNS)
        return (torch.rand(len(self.labels), generator=first) < 0.5) ^ bool(self.epoch % 2)

    def _augmented(self, picked: Tensor, generator: torch.Generator, turned: Tensor | None) -> tuple[Tensor, Tensor]:
        """uint8 [B, 3, h, w] -> as the network takes them, in this epoch's size; and which are mirrored, bool [B].

        `turned` says which are to be; None: by chance.
        """
        images, mirrored = augment(picked, self.recipe, generator, turned)
        images = normalise(images, self.dataset)
        if self.recipe.colour:
            images = colour(images, self.recipe.colour, generator)
        if self.recipe.cutout:
            images = cutout(images, self.recipe.cutout, generator)
        return resize(images, self.side), mirrored


def resize(images: Tensor, side: int | None) -> Tensor:
    """float32 [N, 3, h, w] -> [N, 3, side, side], smoothed so that no pixel is skipped; None: as they are."""
    if side is None or images.shape[-2:] == (side, side):
        return images
    return F.interpolate(images, (side, side), mode="bilinear", antialias=True)


def augment(
    images: Tensor, recipe: Recipe, generator: torch.Generator, turned: Tensor | None = None
) -> tuple[Tensor, Tensor]:
    """Random crops from a reflected border and random mirror images: uint8 [N, 3, h, w] -> the same, channels last.

    `turned` [N] says which to mirror where that is not left to chance. The second part says which are: bool [N].
    """
    count, _, height, width = images.shape
    pad = recipe.crop_pad
    if pad:
        # Reflection is not written for uint8; float32 holds all its values exactly.
        images = F.pad(images.float(), (pad, pad, pad, pad), mode="reflect").to(torch.uint8)
    offsets = torch.randint(0, 2 * pad + 1, (2, count, 1), generator=generator)
    rows, columns = offsets[0] + torch.arange(height), offsets[1] + torch.arange(width)  # [N, h], [N, w]
    mirrored = torch.zeros(count, 1, dtype=torch.bool)
    if recipe.flip:
        mirrored = torch.rand(count, 1, generator=generator) < 0.5 if turned is None else turned[:, None]
        columns = torch.where(mirrored, columns.flip(1), columns)
    picked = images.permute(0, 2, 3, 1)[torch.arange(count).view(-1, 1, 1), rows[:, :, None], columns[:, None, :]]
    return picked.permute(0, 3, 1, 2), mirrored[:, 0]  # [N, h, w, 3] seen as [N, 3, h, w]: channels last
