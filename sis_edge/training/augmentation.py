"""What a recipe may do to training images beside crops and mirror images: on normalised images, batch by batch.

Everything random comes from the generator that is given.
"""

import torch
from torch import Tensor


def cutout(images: Tensor, side: int, generator: torch.Generator) -> Tensor:
    """Grey out a square of `side` pixels of every image (DeVries and Taylor 2017): float32 [N, 3, h, w] -> the same.

    Its centre is any pixel, so that a part of it may lie outside. Of normalised images 0 is the data set's mean.
    """
    count, _, height, width = images.shape
    inside = []
    for size in (height, width):
        first = torch.randint(0, size, (count, 1), generator=generator) - side // 2
        at = torch.arange(size)
        inside.append((at >= first) & (at < first + side))  # [N, size]
    square = inside[0][:, None, :, None] & inside[1][:, None, None, :]
    return images.masked_fill(square, 0.0)


def colour(images: Tensor, strength: float, generator: torch.Generator) -> Tensor:
    """Change brightness, contrast and saturation of every image: float32 [N, 3, h, w] -> the same.

    Brightness moves by up to `strength` standard deviations of the data set; contrast, around the image's mean, and
    saturation, around each pixel's grey, are multiplied by 1 - strength to 1 + strength.
    """
    drawn = (2 * torch.rand(3, len(images), 1, 1, 1, generator=generator) - 1) * strength
    brightness, contrast, saturation = drawn
    mean, grey = images.mean(dim=(1, 2, 3), keepdim=True), images.mean(dim=1, keepdim=True)
    # grey + (1 + s)(x - grey), and then its contrast: the mean of an image is that of its grey.
    changed: Tensor = mean + brightness + (1 + contrast) * (grey + (1 + saturation) * (images - grey) - mean)
    return changed
