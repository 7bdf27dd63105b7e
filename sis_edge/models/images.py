"""Convolution of images by our C kernels: an image needs no gradient."""

import ctypes
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.nn.grad import conv2d_weight

from sis_edge.models import kernels

_LAST = torch.channels_last


class Patches(torch.autograd.Function):
    """Convolution of images: each pixel's patch times the weights; an image needs no gradient.

    With AVX-512 torch takes 0.73 to 0.90 of our time; without it 1.15 to 1.40 times of it, but for the gradient of the
    weights, which is torch's, 0.67 to 0.83 (118 to 192 filters).
    """

    @staticmethod
    def takes(x: Tensor, weight: Tensor) -> bool:
        """Whether it computes this convolution in less time than what serves it otherwise."""
        is_of_images = x.shape[1] <= 4 and x.shape[2] == x.shape[3] and not x.requires_grad
        return is_of_images and len(weight) > kernels.FEW and not kernels.torch_has_wide_vectors()

    @staticmethod
    def forward(ctx: Any, x: Tensor, weight: Tensor, library: ctypes.CDLL) -> Tensor:
        """[N, C, s, s] -> [N, F, s, s]."""
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
        """Gradients of what `forward` takes."""
        (x,) = ctx.saved_tensors
        d_weight = conv2d_weight(x, ctx.shape, dy, padding=ctx.shape[2] // 2)  # type: ignore[no-untyped-call]
        return None, d_weight, None


class SparseImages(torch.autograd.Function):
    """Convolution of images by the kernels that exist; others, and an image, need no gradient."""

    @staticmethod
    def takes(x: Tensor, weight: Tensor, exists: Tensor) -> bool:
        """Whether that takes less time than all kernels do, with `Patches` or torch.

        Of its CPU time on one thread with AVX2, by the share that exists: 0.88 (45%), 1.0 to 1.2 (58%).
        """
        is_of_images = x.shape[1] <= 4 and x.shape[2] == x.shape[3] and not x.requires_grad
        return is_of_images and float(exists.float().mean()) <= 0.5

    @staticmethod
    def forward(ctx: Any, x: Tensor, weight: Tensor, exists: Tensor, library: ctypes.CDLL) -> Tensor:
        """[N, C, s, s] -> [N, F, s, s]."""
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
        """Gradients of what `forward` takes."""
        x, lists, of_filter, of_input = ctx.saved_tensors
        images, channels, side, _ = x.shape
        filters, _, kernel, _ = ctx.shape
        ptr = kernels.address
        dy = dy.contiguous(memory_format=_LAST)
        sums = torch.empty(kernels.PIECES, len(of_filter), kernel, kernel)
        ctx.library.sis_sparse_images_weights(
            ptr(x), ptr(dy), ptr(lists), sums[0].numel(), images, side, channels, filters, kernel, ptr(sums)
        )
        d_weight = torch.zeros(ctx.shape).contiguous(memory_format=_LAST)
        d_weight[of_filter, of_input] = sums.sum(dim=0)
        return None, d_weight, None, None
