"""Convolution, and normalisation with ReLU, of a network that is trained.

Each takes our kernels where they serve (float32 on a processor, channels last, a training that uses them) and torch's
operators elsewhere; both compute the same function. Shapes: N images, C channels in, F filters, s the map's side.
"""

import ctypes
import math
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from sis_edge.models import kernels

TILE, POINTS, CHUNK_IMAGES = 4, 64, 16
"""Winograd's tiles of 4 x 4 outputs and 8 x 8 points; so many images at a time that their points stay in the cache."""

_LAST = torch.channels_last
_PARTS = 32

# Values of the kernel's polynomial at 0, 1, -1, 2, -2, 1/2, -1/2 and infinity, times Lagrange's factors:
# G of F(4, 5) in Lavin and Gray 2016.
_NODES = ((0.0, 1.0), (1.0, -2 / 9), (-1.0, -2 / 9), (2.0, 1 / 90), (-2.0, 1 / 90), (0.5, 32 / 45), (-0.5, 32 / 45))
_G = torch.tensor([[factor * x**power for power in range(5)] for x, factor in _NODES] + [[0.0, 0.0, 0.0, 0.0, 1.0]])


def convolve(x: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
    """[N, C, s, s] and weights [F, C, k, k] -> [N, F, s, s]; k is odd, the border is zero."""
    library = kernels.active()
    filters, channels, side, _ = weight.shape
    tiled = side == 5 and x.shape[2] == x.shape[3] and x.shape[2] % TILE == 0 and channels % 8 == 0 == filters % 8
    if library is not None and side == 1 and bias is None and _served(x):
        product: Tensor = _Pointwise.apply(x, weight, library)  # type: ignore[no-untyped-call]
        return product
    if library is not None and tiled and bias is None and _served(x):
        result: Tensor = _Winograd.apply(x, weight, library)  # type: ignore[no-untyped-call]
        return result
    return F.conv2d(x, weight, bias, padding=side // 2)


def norm_relu(x: Tensor, norm: nn.BatchNorm2d) -> Tensor:
    """ReLU after batch normalisation: [N, C, s, s] -> the same."""
    library = kernels.active()
    if library is not None and norm.training and _served(x):
        result: Tensor = _NormRelu.apply(x, norm.weight, norm.bias, norm, library)  # type: ignore[no-untyped-call]
        return result
    return F.relu(norm(x), inplace=True)  # nothing needs what was there before


def _served(x: Tensor) -> bool:
    return (
        torch.is_grad_enabled()
        and x.device.type == "cpu"
        and x.dtype == torch.float32
        and x.is_contiguous(memory_format=_LAST)
    )


class _NormRelu(torch.autograd.Function):
    """The gradient is that of y = max(0, x * scale + shift), with the batch's own mean and variance in both.

    dx = scale (g - mean(g) - x' mean(g x')), x' the normalised input and g the gradient where y > 0: Ioffe and Szegedy
    2015, written as scale * g + slope * x + offset.
    """

    @staticmethod
    def forward(
        ctx: Any, x: Tensor, weight: Tensor, bias: Tensor, norm: nn.BatchNorm2d, library: ctypes.CDLL
    ) -> Tensor:
        at, channels, rows = kernels.address, x.shape[1], x.numel() // x.shape[1]
        sums = torch.empty(2, channels, dtype=torch.float64)
        pivot = x[0, :, 0, 0]  # the first row
        library.sis_moments(at(x), at(pivot), rows, channels, at(sums[0]), at(sums[1]))
        from_pivot = sums[0] / rows
        mean = pivot + from_pivot
        variance = (sums[1] / rows - from_pivot * from_pivot).clamp_(min=0)
        _keep_statistics(norm, mean, variance * rows / max(1, rows - 1))
        inverse = (variance + norm.eps).rsqrt()
        scale, shift = (weight * inverse).float(), (bias - weight * inverse * mean).float()
        y = torch.empty_like(x)
        library.sis_scale_relu(at(x), at(scale), at(shift), rows, channels, at(y))
        ctx.save_for_backward(x, scale, shift, mean, inverse)
        ctx.library = library
        return y

    @staticmethod
    def backward(ctx: Any, dy: Tensor) -> Any:
        x, scale, shift, mean, inverse = ctx.saved_tensors
        at, channels, rows = kernels.address, x.shape[1], x.numel() // x.shape[1]
        dy = dy.contiguous(memory_format=_LAST)
        sums, pivot = torch.empty(2, channels, dtype=torch.float64), mean.float()
        ctx.library.sis_scale_relu_sums(
            at(x), at(dy), at(pivot), at(scale), at(shift), rows, channels, at(sums[0]), at(sums[1])
        )
        d_bias, d_weight = sums[0], sums[1] * inverse
        slope = (-scale * inverse * d_weight / rows).float()
        offset = (scale * (mean * inverse * d_weight - d_bias) / rows).float()
        dx = torch.empty_like(x)
        ctx.library.sis_scale_relu_back(
            at(x), at(dy), at(scale), at(shift), at(slope), at(offset), rows, channels, at(dx)
        )
        return dx, d_weight.float(), d_bias.float(), None, None


def _keep_statistics(norm: nn.BatchNorm2d, mean: Tensor, variance: Tensor) -> None:
    """What torch's own normalisation does with its running statistics."""
    if norm.running_mean is None or norm.running_var is None or norm.momentum is None:
        return
    norm.running_mean.lerp_(mean.float(), norm.momentum)
    norm.running_var.lerp_(variance.float(), norm.momentum)
    if norm.num_batches_tracked is not None:
        norm.num_batches_tracked.add_(1)


class _Pointwise(torch.autograd.Function):
    """1 x 1 convolution: the pixels' rows times the weights, and back with either's transpose."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, weight: Tensor, library: ctypes.CDLL) -> Tensor:
        images, channels, height, width = x.shape
        filters, pixels, at = len(weight), images * height * width, kernels.address
        y = torch.empty((images, filters, height, width), memory_format=_LAST)
        right = weight.reshape(filters, channels).T.contiguous()
        library.sis_products(at(x), channels, 1, 0, at(right), 0, pixels, channels, filters, 1, at(y))
        ctx.save_for_backward(x, weight)
        ctx.library = library
        return y

    @staticmethod
    def backward(ctx: Any, dy: Tensor) -> Any:
        x, weight = ctx.saved_tensors
        images, channels, height, width = x.shape
        filters, pixels, at = len(weight), images * height * width, kernels.address
        dy = dy.contiguous(memory_format=_LAST)
        dx, right = torch.empty_like(x), weight.reshape(filters, channels).contiguous()
        ctx.library.sis_products(at(dy), filters, 1, 0, at(right), 0, pixels, filters, channels, 1, at(dx))
        # Parts of the pixels are summed on their own, for there are threads to share them.
        parts = math.gcd(pixels, _PARTS)
        share = pixels // parts
        sums = torch.empty(parts, filters, channels)
        ctx.library.sis_products(
            at(dy), 1, filters, share * filters, at(x), share * channels, filters, share, channels, parts, at(sums)
        )
        return dx, sums.sum(dim=0).view_as(weight), None


class _Winograd(torch.autograd.Function):
    """5 x 5 convolution as 64 products of matrices, one for each point of a tile; gradients by the transposes."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, weight: Tensor, library: ctypes.CDLL) -> Tensor:
        images, channels, side, _ = x.shape
        filters, tiles = weight.shape[0], (side // TILE) ** 2
        at = kernels.address
        points = torch.einsum("pi,fcij,qj->pqcf", _G, weight, _G).reshape(POINTS, channels, filters).contiguous()
        y = torch.empty((images, filters, side, side), memory_format=_LAST)
        transformed = []
        for first in range(0, images, CHUNK_IMAGES):
            count = min(CHUNK_IMAGES, images - first)
            inputs = torch.empty(POINTS, count * tiles, channels)
            library.sis_map_to_points(at(x[first:]), count, side, channels, count * tiles * channels, at(inputs))
            products = torch.bmm(inputs, points)
            library.sis_points_to_map(at(products), count, side, filters, count * tiles * filters, at(y[first:]))
            transformed.append(inputs)
        ctx.save_for_backward(points, *transformed)
        ctx.library, ctx.side = library, side
        return y

    @staticmethod
    def backward(ctx: Any, dy: Tensor) -> Any:
        points, *transformed = ctx.saved_tensors
        _, channels, filters = points.shape
        side, tiles, at = ctx.side, (ctx.side // TILE) ** 2, kernels.address
        dy = dy.contiguous(memory_format=_LAST)
        dx = torch.empty((len(dy), channels, side, side), memory_format=_LAST)
        d_points = torch.zeros_like(points)
        first = 0
        for inputs in transformed:
            count = inputs.shape[1] // tiles
            d_products = torch.empty(POINTS, count * tiles, filters)
            ctx.library.sis_points_to_map_back(
                at(dy[first:]), count, side, filters, count * tiles * filters, at(d_products)
            )
            d_points.baddbmm_(inputs.transpose(1, 2), d_products)
            d_inputs = torch.bmm(d_products, points.transpose(1, 2))
            ctx.library.sis_map_to_points_back(
                at(d_inputs), count, side, channels, count * tiles * channels, at(dx[first:])
            )
            first += count
        d_weight = torch.einsum("pi,pqcf,qj->fcij", _G, d_points.view(8, 8, channels, filters), _G)
        return dx, d_weight.contiguous(memory_format=_LAST), None
