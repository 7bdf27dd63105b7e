"""Convolution as products at the 8 x 8 points of a tile, by our C kernels (Lavin and Gray 2016)."""

import ctypes
import math
from typing import Any

import torch
from torch import Tensor

from sis_edge.models import kernels

_LAST = torch.channels_last
_COLUMNS = 64  # tiles of an image at most: c/sparse_winograd.c

# Values of the kernel's polynomial at 0, 1, -1, 2, -2, 1/2, -1/2 and infinity, times Lagrange's factors:
# G of F(4, 5) and of F(6, 3) in Lavin and Gray 2016, by the kernel's side.
_NODES = ((0.0, 1.0), (1.0, -2 / 9), (-1.0, -2 / 9), (2.0, 1 / 90), (-2.0, 1 / 90), (0.5, 32 / 45), (-0.5, 32 / 45))
_G = {
    side: torch.tensor([[f * x**power for power in range(side)] for x, f in _NODES] + [[0.0] * (side - 1) + [1.0]])
    for side in (3, 5)
}


class Winograd(torch.autograd.Function):
    """5 x 5 convolution as a product of matrices for each of a tile's 64 points; gradients by the transposes."""

    @staticmethod
    def takes(x: Tensor, weight: Tensor) -> bool:
        """Whether it computes this convolution in less time than what serves it otherwise."""
        filters, channels, kernel, _ = weight.shape
        return kernel == 5 and x.shape[2] == x.shape[3] and x.shape[2] % 4 == 0 and channels % 8 == 0 == filters % 8

    @staticmethod
    def forward(ctx: Any, x: Tensor, weight: Tensor, library: ctypes.CDLL) -> Tensor:
        """[N, C, s, s] -> [N, F, s, s]."""
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
        """Gradients of what `forward` takes."""
        x, points = ctx.saved_tensors
        images, channels, side, _ = x.shape
        filters, ptr = dy.shape[1], kernels.address
        dy = dy.contiguous(memory_format=_LAST)
        dx, sums = torch.empty_like(x), torch.empty(kernels.PIECES, *points.shape)
        turned = points.transpose(2, 3).contiguous()
        ctx.library.sis_winograd_back(ptr(x), ptr(dy), ptr(turned), images, side, channels, filters, ptr(dx), ptr(sums))
        d_weight = torch.einsum("pi,pqcf,qj->fcij", _G[5], sums.sum(dim=0), _G[5])
        return dx, d_weight.contiguous(memory_format=_LAST), None


class SparseWinograd(torch.autograd.Function):
    """3 x 3 or 5 x 5 convolution by the kernels that exist, at a tile's 64 points; others have a gradient of zero."""

    @staticmethod
    def takes(x: Tensor, weight: Tensor, exists: Tensor) -> bool:
        """Whether that takes less time than all kernels do: in 5 x 5 than `Winograd`, in 3 x 3 than torch.

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
        """[N, C, s, s] -> [N, F, s, s]."""
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
        """Gradients of what `forward` takes."""
        x, points, lists, of_filter, of_input = ctx.saved_tensors
        images, channels, side, _ = x.shape
        filters, _, kernel, _ = ctx.shape
        ptr, g, count = kernels.address, _G[kernel], len(of_filter)
        dy = dy.contiguous(memory_format=_LAST)
        dx, sums = torch.empty_like(x), torch.empty(kernels.PIECES, 64, count)
        ctx.library.sis_sparse_winograd_back(
            ptr(x), ptr(dy), ptr(points), ptr(lists), count, images, side, channels, filters, kernel, ptr(dx), ptr(sums)
        )
        d_weight = torch.zeros(ctx.shape).contiguous(memory_format=_LAST)
        d_weight[of_filter, of_input] = g.T @ sums.sum(dim=0).T.reshape(count, 8, 8) @ g
        return dx, d_weight, None, None


def _lists(exists: Tensor, of_filter: Tensor, of_input: Tensor) -> Tensor:
    """The kernels that exist, bool [F, C], as c/training.h wants them: by filter, then by input; int32."""
    first, by_input = torch.zeros(1, dtype=torch.long), torch.argsort(of_input, stable=True)
    filters = (first, exists.sum(dim=1).cumsum(0), of_input, torch.arange(len(of_input)))
    inputs = (first, exists.sum(dim=0).cumsum(0), of_filter[by_input], by_input)
    return torch.cat(filters + inputs).to(torch.int32)
