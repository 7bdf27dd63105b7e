"""How a network is trained: every setting that moves the weights, as data."""

from collections.abc import Iterable
from dataclasses import asdict, dataclass, replace
from typing import Any, Literal

from sis_edge.errors import UsageError
from sis_edge.networks.sides import takes
from sis_edge.spec import NetworkSpec

Precision = Literal["bf16", "fp32"]
Optimizer = Literal["sgd", "muon"]


@dataclass(frozen=True)
class Recipe:
    """Nesterov momentum under a one-cycle learning rate.

    `optimizer` is what the momentum is used for: `sgd` steps along it; `muon` turns each layer's weights by its
    orthogonal factor, with SGD at `other_lr` for parameters without normalisation behind them (training/muon.py).
    `peak_lr` is reached after the fraction `warmup` of all steps; `weight_decay` acts on kernels only (not in `muon`,
    where their norm is constant); `crop_pad` pixels of reflected border allow random crops; `flip` mirrors half of
    the images. `sides` are the sides of the images in pixels, each for an equal part of the epochs (progressive
    resizing): small images first cost less and teach less (cifar10-sis3, 12 epochs of 16, 24 and 32 pixels: 0.8560
    on test images).
    Empty: the images' own size.
    """

    epochs: int = 12
    batch_size: int = 128
    peak_lr: float = 0.2
    warmup: float = 0.3
    momentum: float = 0.9
    weight_decay: float = 5e-4
    label_smoothing: float = 0.1
    crop_pad: int = 4
    flip: bool = True
    precision: Precision = "fp32"
    optimizer: Optimizer = "sgd"
    other_lr: float = 0.0
    sides: tuple[int, ...] = ()

    def __post_init__(self) -> None:
        if self.epochs < 1:
            raise UsageError(f"epochs = {self.epochs} is too few; use 1 or more")
        if self.batch_size < 2:
            raise UsageError(f"batch size = {self.batch_size} is too small for batch normalisation; use 2 or more")
        for side in self.sides:
            if side < 4 or side % 4:
                raise UsageError(f"images of {side} x {side} cannot be pooled twice; use a multiple of 4")

    def side(self, epoch: int) -> int | None:
        """The side of an epoch's images in pixels; None: their own. Fewer epochs than sides take the last sides."""
        sides = self.sides[-self.epochs :]
        return sides[min(epoch * len(sides) // self.epochs, len(sides) - 1)] if sides else None

    def fitting(self, specs: Iterable[NetworkSpec]) -> "Recipe":
        """The recipe for these networks: where one of them cannot take smaller images, all images in their own size."""
        fits = all(takes(spec, side) for spec in specs for side in self.sides)
        return self if fits else replace(self, sides=())

    def as_dict(self) -> dict[str, Any]:
        """The recipe as plain data, for files and for cache keys."""
        return asdict(self)

    def describe(self) -> str:
        """One line for a manifest or a report."""
        how = f"Muon {self.momentum:g}" if self.optimizer == "muon" else f"SGD Nesterov {self.momentum:g}"
        rest = (
            f"{self.other_lr:g} for the rest"
            if self.optimizer == "muon"
            else f"weight decay {self.weight_decay:g} on kernels"
        )
        return (
            f"{how}, batch {self.batch_size}, one-cycle to {self.peak_lr:g}, {rest}, "
            f"label smoothing {self.label_smoothing:g}, "
            f"crop {self.crop_pad}, {'flip' if self.flip else 'no flip'}"
            + (f", sides {', '.join(map(str, self.sides))}" if self.sides else "")
        )


_PHOTOGRAPHS = Recipe(
    epochs=17, batch_size=256, peak_lr=0.05, warmup=0.1, optimizer="muon", other_lr=0.1, sides=(24, 24, 32)
)

_BY_DATASET: dict[str, Recipe] = {
    **dict.fromkeys(("cifar10", "cifar100", "svhn", "fashion_mnist"), _PHOTOGRAPHS),
    # 1,297 images: small batches, or an epoch is over after ten steps. Digits must not be mirrored.
    "digits": Recipe(epochs=3, batch_size=32, peak_lr=0.05, crop_pad=2),
}


def default_recipe(
    dataset: str, *, flip: bool, precision: Precision, epochs: int | None = None, size: tuple[int, int] = (32, 32)
) -> Recipe:
    """The recipe for a data set, with its own number of epochs unless another is asked for.

    Progressive resizing is for images of 32 x 32; those of another `size` (height, width) are trained on as they are.
    """
    recipe = replace(_BY_DATASET.get(dataset, _PHOTOGRAPHS), flip=flip, precision=precision)
    if size != (32, 32):
        recipe = replace(recipe, sides=())
    return recipe if epochs is None else replace(recipe, epochs=epochs)
