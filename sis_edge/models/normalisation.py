"""Batch normalisation with ReLU in training by our C kernels, alone or with the 1 x 1 convolution behind it."""

import ctypes
from typing import Any

import torch
from torch import Tensor, nn

from sis_edge.models import kernels

_LAST = torch.channels_last
_NARROW = 128  # channels


class NormRelu(torch.autograd.Function):
    """The gradient is that of y = max(0, x * scale + shift), with the batch's own mean and variance in both.

    dx = scale (g - mean(g) - x' mean(g x')), x' the normalised input and g the gradient where y > 0: Ioffe and Szegedy
    2015, written as scale * g + slope * x + offset.
    """

    @staticmethod
    def forward(
        ctx: Any, x: Tensor, weight: Tensor, bias: Tensor, norm: nn.BatchNorm2d, library: ctypes.CDLL
    ) -> Tensor:
        """[N, C, s, s] -> the same."""
        ptr, channels, rows = kernels.address, x.shape[1], x.numel() // x.shape[1]
        scale, shift, mean, inverse = _normaliser(x, weight, bias, norm, library)
        y = torch.empty_like(x)
        library.sis_scale_relu(ptr(x), x.itemsize, ptr(scale), ptr(shift), rows, channels, ptr(y))
        ctx.save_for_backward(x, scale, shift, mean, inverse)
        ctx.library = library
        return y

    @staticmethod
    def backward(ctx: Any, dy: Tensor) -> Any:
        """Gradients of what `forward` takes."""
        x, scale, shift, mean, _ = ctx.saved_tensors
        ptr, channels, rows = kernels.address, x.shape[1], x.numel() // x.shape[1]
        dy = dy.contiguous(memory_format=_LAST)
        sums, pivot = torch.empty(2, channels, dtype=torch.float64), mean.float()
        ctx.library.sis_scale_relu_sums(
            ptr(x), ptr(dy), x.itemsize, ptr(pivot), ptr(scale), ptr(shift), rows, channels, ptr(sums[0]), ptr(sums[1])
        )
        dx = torch.empty_like(x)
        return *_through_normaliser(dy, sums, ctx, dx), None, None


class NormReluPointwise(torch.autograd.Function):
    """`NormRelu` and a 1 x 1 convolution of what it gives, which is never stored.

    Of the time of the two one after another, by torch or our kernels, it takes 0.76 to 0.95, but 1.0 from 192 to
    192 channels (CPU time of one thread with AVX2, maps of 6 to 24 pixels).
    """

    @staticmethod
    def takes(weight: Tensor) -> bool:
        """Whether it computes this convolution in less time than what serves it otherwise."""
        filters, channels, kernel, _ = weight.shape
        return kernel == 1 and min(filters, channels) <= _NARROW

    @staticmethod
    def forward(
        ctx: Any, x: Tensor, scales: Tensor, shifts: Tensor, kernel: Tensor, norm: nn.BatchNorm2d, library: ctypes.CDLL
    ) -> Tensor:
        """[N, C, s, s] -> [N, F, s, s]."""
        images, channels, height, width = x.shape
        filters, ptr = len(kernel), kernels.address
        scale, shift, mean, inverse = _normaliser(x, scales, shifts, norm, library)
        y = torch.empty((images, filters, height, width), memory_format=_LAST)
        right = kernel.reshape(filters, channels).T.contiguous()
        rows = images * height * width
        library.sis_norm_products(ptr(x), ptr(scale), ptr(shift), ptr(right), rows, channels, filters, ptr(y))
        ctx.save_for_backward(x, scale, shift, mean, inverse, kernel)
        ctx.library = library
        return y

    @staticmethod
    def backward(ctx: Any, dy: Tensor) -> Any:
        """Gradients of what `forward` takes."""
        x, scale, shift, mean, _, kernel = ctx.saved_tensors
        channels, filters, rows, ptr = x.shape[1], len(kernel), x.numel() // x.shape[1], kernels.address
        dy = dy.contiguous(memory_format=_LAST)
        dx, right, pivot = torch.empty_like(x), kernel.reshape(filters, channels).contiguous(), mean.float()
        d_kernel, sums = (
            torch.empty(kernels.PIECES, *right.shape),
            torch.empty(kernels.PIECES, 2, channels, dtype=torch.float64),
        )
        ctx.library.sis_norm_products_back(
            ptr(x), ptr(dy), ptr(pivot), ptr(scale), ptr(shift), ptr(right), rows, channels, filters,
            ptr(dx), ptr(d_kernel), ptr(sums),
        )  # fmt: skip
        return *_through_normaliser(dx, sums.sum(dim=0), ctx, dx), d_kernel.sum(dim=0).view_as(kernel), None, None


def _normaliser(
    x: Tensor, weight: Tensor, bias: Tensor, norm: nn.BatchNorm2d, library: ctypes.CDLL
) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Each channel's scale and shift, float32, and its mean and inverse deviation, float64; keeps the statistics."""
    ptr, channels, rows = kernels.address, x.shape[1], x.numel() // x.shape[1]
    sums = torch.empty(2, channels, dtype=torch.float64)
    pivot = x[0, :, 0, 0].float()  # the first row
    library.sis_moments(ptr(x), x.itemsize, ptr(pivot), rows, channels, ptr(sums[0]), ptr(sums[1]))
    from_pivot = sums[0] / rows
    mean = pivot + from_pivot
    variance = (sums[1] / rows - from_pivot * from_pivot).clamp_(min=0)
    _keep_statistics(norm, mean, variance * rows / max(1, rows - 1))
    inverse = (variance + norm.eps).rsqrt()
    return (weight * inverse).float(), (bias - weight * inverse * mean).float(), mean, inverse


def _through_normaliser(dy: Tensor, sums: Tensor, ctx: Any, dx: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Gradients of the input, written to `dx`, which may be `dy`, and of the normalisation's weight and bias."""
    x, scale, shift, mean, inverse = ctx.saved_tensors[:5]
    ptr, channels, rows = kernels.address, x.shape[1], x.numel() // x.shape[1]
    d_bias, d_weight = sums[0], sums[1] * inverse
    slope = (-scale * inverse * d_weight / rows).float()
    offset = (scale * (mean * inverse * d_weight - d_bias) / rows).float()
    ctx.library.sis_scale_relu_back(
        ptr(x), ptr(dy), x.itemsize, ptr(scale), ptr(shift), ptr(slope), ptr(offset), rows, channels, ptr(dx)
    )
    return dx, d_weight.float(), d_bias.float()


def _keep_statistics(norm: nn.BatchNorm2d, mean: Tensor, variance: Tensor) -> None:
    """What torch's own normalisation does with its running statistics."""
    if norm.running_mean is None or norm.running_var is None or norm.momentum is None:
        return
    norm.running_mean.lerp_(mean.float(), norm.momentum)
    norm.running_var.lerp_(variance.float(), norm.momentum)
    if norm.num_batches_tracked is not None:
        norm.num_batches_tracked.add_(1)
