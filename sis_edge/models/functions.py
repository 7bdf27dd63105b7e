"""Convolution, and normalisation with ReLU, for training.

Each uses our C kernels where they apply (float32 on a CPU, channels last, a training that uses them) and torch's
operators elsewhere; both compute the same function. Shapes: N images, C channels in, F filters, s the map's side.
"""

import ctypes
import math
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.nn.grad import conv2d_weight

from sis_edge.models import kernels

_LAST = torch.channels_last
_PIECES = 16  # SIS_PIECES in c/training.h
_FEW = 64  # channels
_COLUMNS = 64  # tiles of an image at most: c/sparse_winograd.c

# Values of the kernel's polynomial at 0, 1, -1, 2, -2, 1/2, -1/2 and infinity, times Lagrange's factors:
# G of F(4, 5) and of F(6, 3) in Lavin and Gray 2016, by the kernel's side.
_NODES = ((0.0, 1.0), (1.0, -2 / 9), (-1.0, -2 / 9), (2.0, 1 / 90), (-2.0, 1 / 90), (0.5, 32 / 45), (-0.5, 32 / 45))
_G = {
    side: torch.tensor([[f * x**power for power in range(side)] for x, f in _NODES] + [[0.0] * (side - 1) + [1.0]])
    for side in (3, 5)
}


def convolve(
    x: Tensor,
    weight: Tensor,
    bias: Tensor | None,
    *,
    stride: int = 1,
    padding: int | None = None,
    groups: int = 1,
    mask: Tensor | None = None,
) -> Tensor:
    """[N, C, s, s] and weights [F, C / groups, k, k] -> [N, F, s', s']; the border is zero, k // 2 wide by default.

    Our kernels compute those of stride 1 without groups that keep the map's side. Where the bool `mask`, shaped like
    the weights, has nothing of a kernel [k, k], its weights are taken to be zero and may have a gradient of zero.
    """
    kernel = weight.shape[2]
    border = kernel // 2 if padding is None else padding
    is_plain = stride == 1 and groups == 1 and 2 * border + 1 == kernel
    library = kernels.active()
    if library is not None and is_plain and bias is None and _applies(x):
        exists = None if mask is None else mask.any(dim=3).any(dim=2)
        result: Tensor
        if exists is not None:
            for sparse in (_SparseImages, _SparseWinograd):
                if sparse.takes(x, weight, exists):
                    result = sparse.apply(x, weight, exists, library)  # type: ignore[no-untyped-call]
                    return result
        for kind in (_Pointwise, _Patches, _Winograd):
            if kind.takes(x, weight):
                result = kind.apply(x, weight, library)  # type: ignore[no-untyped-call]
                return result
    return F.conv2d(x, weight, bias, stride=stride, padding=border, groups=groups)


def norm_relu(x: Tensor, norm: nn.BatchNorm2d) -> Tensor:
    """ReLU after batch normalisation: [N, C, s, s] -> the same."""
    library = kernels.active()
    if library is not None and norm.training and _applies(x):
        result: Tensor = _NormRelu.apply(x, norm.weight, norm.bias, norm, library)  # type: ignore[no-untyped-call]
        return result
    return F.relu(norm(x), inplace=True)  # nothing needs what was there before


def _applies(x: Tensor) -> bool:
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
        ptr, channels, rows = kernels.address, x.shape[1], x.numel() // x.shape[1]
        sums = torch.empty(2, channels, dtype=torch.float64)
        pivot = x[0, :, 0, 0]  # the first row
        library.sis_moments(ptr(x), ptr(pivot), rows, channels, ptr(sums[0]), ptr(sums[1]))
        from_pivot = sums[0] / rows
        mean = pivot + from_pivot
        variance = (sums[1] / rows - from_pivot * from_pivot).clamp_(min=0)
        _keep_statistics(norm, mean, variance * rows / max(1, rows - 1))
        inverse = (variance + norm.eps).rsqrt()
        scale, shift = (weight * inverse).float(), (bias - weight * inverse * mean).float()
        y = torch.empty_like(x)
        library.sis_scale_relu(ptr(x), ptr(scale), ptr(shift), rows, channels, ptr(y))
        ctx.save_for_backward(x, scale, shift, mean, inverse)
        ctx.library = library
        return y

    @staticmethod
    def backward(ctx: Any, dy: Tensor) -> Any:
        x, scale, shift, mean, inverse = ctx.saved_tensors
        ptr, channels, rows = kernels.address, x.shape[1], x.numel() // x.shape[1]
        dy = dy.contiguous(memory_format=_LAST)
        sums, pivot = torch.empty(2, channels, dtype=torch.float64), mean.float()
        ctx.library.sis_scale_relu_sums(
            ptr(x), ptr(dy), ptr(pivot), ptr(scale), ptr(shift), rows, channels, ptr(sums[0]), ptr(sums[1])
        )
        d_bias, d_weight = sums[0], sums[1] * inverse
        slope = (-scale * inverse * d_weight / rows).float()
        offset = (scale * (mean * inverse * d_weight - d_bias) / rows).float()
        dx = torch.empty_like(x)
        ctx.library.sis_scale_relu_back(
            ptr(x), ptr(dy), ptr(scale), ptr(shift), ptr(slope), ptr(offset), rows, channels, ptr(dx)
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
    """1 x 1 convolution: the pixels' rows times the weights, and back with either's transpose.

    torch computes most of them in less time. It has vectors of 16 channels, ours have 8, which pays where few channels
    are no multiple of 16: 40 to 24 takes 0.72 to 0.78 of torch's time, 40 to 10 0.68 to 0.74, but 192 to 192 1.03 to
    1.11 and 118 to 40 0.84 to 1.33 (CPU time of one thread with AVX-512, batch 128, maps of 8 to 32 pixels).
    """

    @staticmethod
    def takes(x: Tensor, weight: Tensor) -> bool:
        filters, channels, kernel, _ = weight.shape
        return kernel == 1 and max(filters, channels) <= _FEW and bool(filters % 16 or channels % 16)

    @staticmethod
    def forward(ctx: Any, x: Tensor, weight: Tensor, library: ctypes.CDLL) -> Tensor:
        images, channels, height, width = x.shape
        filters, pixels, ptr = len(weight), images * height * width, kernels.address
        y = torch.empty((images, filters, height, width), memory_format=_LAST)
        right = weight.reshape(filters, channels).T.contiguous()
        library.sis_products(ptr(x), channels, 1, 0, ptr(right), 0, pixels, channels, filters, 1, ptr(y))
        ctx.save_for_backward(x, weight)
        ctx.library = library
        return y

    @staticmethod
    def backward(ctx: Any, dy: Tensor) -> Any:
        x, weight = ctx.saved_tensors
        images, channels, height, width = x.shape
        filters, pixels, ptr = len(weight), images * height * width, kernels.address
        dy = dy.contiguous(memory_format=_LAST)
        dx, right = torch.empty_like(x), weight.reshape(filters, channels).contiguous()
        ctx.library.sis_products(ptr(dy), filters, 1, 0, ptr(right), 0, pixels, filters, channels, 1, ptr(dx))
        # Parts of the pixels are summed on their own, for there are threads to share them.
        parts = math.gcd(pixels, _PIECES)
        share = pixels // parts
        sums = torch.empty(parts, filters, channels)
        ctx.library.sis_products(
            ptr(dy), 1, filters, share * filters, ptr(x), share * channels, filters, share, channels, parts, ptr(sums)
        )
        return dx, sums.sum(dim=0).view_as(weight), None


class _Patches(torch.autograd.Function):
    """Convolution of images: each pixel's patch times the weights; an image needs no gradient.

    With AVX-512 torch takes 0.73 to 0.90 of our time; without it 1.15 to 1.40 times of it, but for the gradient of the
    weights, which is torch's, 0.67 to 0.83 (118 to 192 filters).
    """

    @staticmethod
    def takes(x: Tensor, weight: Tensor) -> bool:
        is_of_images = x.shape[1] <= 4 and x.shape[2] == x.shape[3] and not x.requires_grad
        return is_of_images and len(weight) > _FEW and not kernels.torch_has_wide_vectors()

    @staticmethod
    def forward(ctx: Any, x: Tensor, weight: Tensor, library: ctypes.CDLL) -> Tensor:
        images, channels, side, _ = x.shape
        filters, _, kernel, _ = weight.shape
        ptr = kernels.address
        y = torch.empty((images, filters, side, side), memory_format=_LAST)
        by_patch = weight.permute(2, 3, 1, 0).contiguous()  # [k, k, C, F]
        library.sis_patches(ptr(x), ptr(by_patch), images, side, channels, kernel, filters, ptr(y))
        ctx.save_for_backward(x)
        ctx.shape = weight.shape
        return y

    @staticmethod
    def backward(ctx: Any, dy: Tensor) -> Any:
        (x,) = ctx.saved_tensors
        d_weight = conv2d_weight(x, ctx.shape, dy, padding=ctx.shape[2] // 2)  # type: ignore[no-untyped-call]
        return None, d_weight, None


class _Winograd(torch.autograd.Function):
    """5 x 5 convolution as a product of matrices for each of a tile's 64 points; gradients by the transposes."""

    @staticmethod
    def takes(x: Tensor, weight: Tensor) -> bool:
        filters, channels, kernel, _ = weight.shape
        return kernel == 5 and x.shape[2] == x.shape[3] and x.shape[2] % 4 == 0 and channels % 8 == 0 == filters % 8

    @staticmethod
    def forward(ctx: Any, x: Tensor, weight: Tensor, library: ctypes.CDLL) -> Tensor:
        images, channels, side, _ = x.shape
        filters, ptr = len(weight), kernels.address
        y = torch.empty((images, filters, side, side), memory_format=_LAST)
        points = torch.einsum("pi,fcij,qj->pqcf", _G[5], weight, _G[5]).contiguous()
        library.sis_winograd(ptr(x), ptr(points), images, side, channels, filters, ptr(y))
        ctx.save_for_backward(x, points)
        ctx.library = library
        return y

    @staticmethod
    def backward(ctx: Any, dy: Tensor) -> Any:
        x, points = ctx.saved_tensors
        images, channels, side, _ = x.shape
        filters, ptr = dy.shape[1], kernels.address
        dy = dy.contiguous(memory_format=_LAST)
        dx, sums = torch.empty_like(x), torch.empty(_PIECES, *points.shape)
        turned = points.transpose(2, 3).contiguous()
        ctx.library.sis_winograd_back(ptr(x), ptr(dy), ptr(turned), images, side, channels, filters, ptr(dx), ptr(sums))
        d_weight = torch.einsum("pi,pqcf,qj->fcij", _G[5], sums.sum(dim=0), _G[5])
        return dx, d_weight.contiguous(memory_format=_LAST), None


class _SparseWinograd(torch.autograd.Function):
    """3 x 3 or 5 x 5 convolution by the kernels that exist, at a tile's 64 points; others have a gradient of zero."""

    @staticmethod
    def takes(x: Tensor, weight: Tensor, exists: Tensor) -> bool:
        """Whether that takes less time than all kernels do: in 5 x 5 than `_Winograd`, in 3 x 3 than torch.

        Of its CPU time on one thread with AVX2, by the share of kernels that exist: 5 x 5 on 12 x 12 maps 0.46 to 0.51
        (a quarter), 0.72 (half), 1.16 (all); 3 x 3 on 6 x 6 maps 0.34 to 0.38 (a quarter), 0.68 (half), 1.0 (all).
        Tiles of 3 x 3 give 6 x 6 pixels, so that maps of 8 x 8 take four times the work of 6 x 6.
        """
        filters, channels, kernel, _ = weight.shape
        side = x.shape[2]
        if kernel not in _G or side != x.shape[3] or channels % 8 or filters % 8:
            return False
        tiles = math.ceil(side / (9 - kernel)) ** 2
        share = float(exists.sum()) / exists.numel()
        products = share * tiles * 64 / (side * side * kernel * kernel)  # of those of all kernels without tiles
        return tiles <= _COLUMNS and products < (0.12 if kernel == 5 else 0.15)

    @staticmethod
    def forward(ctx: Any, x: Tensor, weight: Tensor, exists: Tensor, library: ctypes.CDLL) -> Tensor:
        images, channels, side, _ = x.shape
        filters, _, kernel, _ = weight.shape
        ptr, g = kernels.address, _G[kernel]
        of_filter, of_input = exists.nonzero(as_tuple=True)
        count, lists = len(of_filter), _lists(exists, of_filter, of_input)
        y = torch.empty((images, filters, side, side), memory_format=_LAST)
        points = (g @ weight[of_filter, of_input] @ g.T).view(count, 64).T.contiguous()
        library.sis_sparse_winograd(
            ptr(x), ptr(points), ptr(lists), count, images, side, channels, filters, kernel, ptr(y)
        )
        ctx.save_for_backward(x, points, lists, of_filter, of_input)
        ctx.library, ctx.shape = library, weight.shape
        return y

    @staticmethod
    def backward(ctx: Any, dy: Tensor) -> Any:
        x, points, lists, of_filter, of_input = ctx.saved_tensors
        images, channels, side, _ = x.shape
        filters, _, kernel, _ = ctx.shape
        ptr, g, count = kernels.address, _G[kernel], len(of_filter)
        dy = dy.contiguous(memory_format=_LAST)
        dx, sums = torch.empty_like(x), torch.empty(_PIECES, 64, count)
        ctx.library.sis_sparse_winograd_back(
            ptr(x), ptr(dy), ptr(points), ptr(lists), count, images, side, channels, filters, kernel, ptr(dx), ptr(sums)
        )
        d_weight = torch.zeros(ctx.shape).contiguous(memory_format=_LAST)
        d_weight[of_filter, of_input] = g.T @ sums.sum(dim=0).T.reshape(count, 8, 8) @ g
        return dx, d_weight, None, None


class _SparseImages(torch.autograd.Function):
    """Convolution of images by the kernels that exist; others, and an image, need no gradient."""

    @staticmethod
    def takes(x: Tensor, weight: Tensor, exists: Tensor) -> bool:
        """Whether that takes less time than all kernels do, with `_Patches` or torch.

        Of its CPU time on one thread with AVX2, by the share that exists: 0.88 (45%), 1.0 to 1.2 (58%).
        """
        is_of_images = x.shape[1] <= 4 and x.shape[2] == x.shape[3] and not x.requires_grad
        return is_of_images and float(exists.float().mean()) <= 0.5

    @staticmethod
    def forward(ctx: Any, x: Tensor, weight: Tensor, exists: Tensor, library: ctypes.CDLL) -> Tensor:
        images, channels, side, _ = x.shape
        filters, _, kernel, _ = weight.shape
        ptr = kernels.address
        of_filter, of_input = exists.nonzero(as_tuple=True)
        values = weight[of_filter, of_input].contiguous()  # [kernels, k, k]
        row, across = torch.arange(kernel), side + kernel - 1
        index = (of_input[:, None, None] * across + row[:, None]) * across + row
        starts = F.pad(exists.sum(dim=1).cumsum(0), (1, 0)) * kernel * kernel
        lists = torch.cat((starts, index.flatten(), torch.arange(values.numel()))).to(torch.int32)
        y = torch.empty((images, filters, side, side), memory_format=_LAST)
        library.sis_sparse_images(
            ptr(x), ptr(values), ptr(lists), values.numel(), images, side, channels, filters, kernel, ptr(y)
        )
        ctx.save_for_backward(x, lists, of_filter, of_input)
        ctx.library, ctx.shape = library, weight.shape
        return y

    @staticmethod
    def backward(ctx: Any, dy: Tensor) -> Any:
        x, lists, of_filter, of_input = ctx.saved_tensors
        images, channels, side, _ = x.shape
        filters, _, kernel, _ = ctx.shape
        ptr = kernels.address
        dy = dy.contiguous(memory_format=_LAST)
        sums = torch.empty(_PIECES, len(of_filter), kernel, kernel)
        ctx.library.sis_sparse_images_weights(
            ptr(x), ptr(dy), ptr(lists), sums[0].numel(), images, side, channels, filters, kernel, ptr(sums)
        )
        d_weight = torch.zeros(ctx.shape).contiguous(memory_format=_LAST)
        d_weight[of_filter, of_input] = sums.sum(dim=0)
        return None, d_weight, None, None


def _lists(exists: Tensor, of_filter: Tensor, of_input: Tensor) -> Tensor:
    """The kernels that exist, bool [F, C], as c/training.h wants them: by filter, then by input; int32."""
    first, by_input = torch.zeros(1, dtype=torch.long), torch.argsort(of_input, stable=True)
    filters = (first, exists.sum(dim=1).cumsum(0), of_input, torch.arange(len(of_input)))
    inputs = (first, exists.sum(dim=0).cumsum(0), of_filter[by_input], by_input)
    return torch.cat(filters + inputs).to(torch.int32)
