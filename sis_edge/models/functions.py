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

from sis_edge.models import kernels
from sis_edge.models.images import Patches, SparseImages
from sis_edge.models.normalisation import NormRelu, NormReluPointwise
from sis_edge.models.winograd import SparseWinograd, Winograd

_LAST = torch.channels_last


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
            for sparse in (SparseImages, SparseWinograd):
                if sparse.takes(x, weight, exists):
                    result = sparse.apply(x, weight, exists, library)  # type: ignore[no-untyped-call]
                    return result
        for kind in (Pointwise, Patches, Winograd):
            if kind.takes(x, weight):
                result = kind.apply(x, weight, library)  # type: ignore[no-untyped-call]
                return result
    return F.conv2d(x, weight, bias, stride=stride, padding=border, groups=groups)


def norm_relu(x: Tensor, norm: nn.BatchNorm2d) -> Tensor:
    """ReLU after batch normalisation: [N, C, s, s] -> the same."""
    library = kernels.active()
    if library is not None and norm.training and _applies(x, torch.float32, torch.bfloat16):
        result: Tensor = NormRelu.apply(x, norm.weight, norm.bias, norm, library)  # type: ignore[no-untyped-call]
        return result
    return F.relu(norm(x), inplace=True)  # nothing needs what was there before


def norm_relu_convolve(x: Tensor, norm: nn.BatchNorm2d, weight: Tensor, bias: Tensor | None, **how: Any) -> Tensor:
    """`convolve` of `norm_relu`, with the arguments of `convolve`; in training without storing what lies between."""
    library = kernels.active()
    is_plain = bias is None and how.get("stride", 1) == 1 == how.get("groups", 1) and not how.get("padding")
    if library is not None and norm.training and is_plain and _applies(x) and NormReluPointwise.takes(weight):
        arguments = (x, norm.weight, norm.bias, weight, norm, library)
        result: Tensor = NormReluPointwise.apply(*arguments)  # type: ignore[no-untyped-call]
        return result
    return convolve(norm_relu(x, norm), weight, bias, **how)


def _applies(x: Tensor, *kinds: torch.dtype) -> bool:
    return (
        torch.is_grad_enabled()
        and x.device.type == "cpu"
        and x.dtype in (kinds or (torch.float32,))
        and x.is_contiguous(memory_format=_LAST)
    )


class Pointwise(torch.autograd.Function):
    """1 x 1 convolution: the pixels' rows times the weights, and back with either's transpose.

    torch computes most of them in less time. Vectors of 8 channels against torch's of 16 pay where few channels are no
    multiple of 16: 40 to 24 takes 0.72 to 0.78 of torch's time, 40 to 10 0.68 to 0.74, but 192 to 192 1.03 to 1.11 and
    118 to 40 0.84 to 1.33 (CPU time of one thread, batch 128, maps of 8 to 32 pixels). With AVX-512 ours have 16 too,
    and take 1.1 to 1.5 of torch's time.
    """

    @staticmethod
    def takes(x: Tensor, weight: Tensor) -> bool:
        """Whether it computes this convolution in less time than what serves it otherwise."""
        filters, channels, kernel, _ = weight.shape
        is_odd = max(filters, channels) <= kernels.FEW and bool(filters % 16 or channels % 16)
        return kernel == 1 and is_odd and not kernels.torch_has_wide_vectors()

    @staticmethod
    def forward(ctx: Any, x: Tensor, weight: Tensor, library: ctypes.CDLL) -> Tensor:
        """[N, C, s, s] -> [N, F, s, s]."""
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
        """Gradients of what `forward` takes."""
        x, weight = ctx.saved_tensors
        images, channels, height, width = x.shape
        filters, pixels, ptr = len(weight), images * height * width, kernels.address
        dy = dy.contiguous(memory_format=_LAST)
        dx, right = torch.empty_like(x), weight.reshape(filters, channels).contiguous()
        ctx.library.sis_products(ptr(dy), filters, 1, 0, ptr(right), 0, pixels, filters, channels, 1, ptr(dx))
        # Parts of the pixels are summed on their own, for there are threads to share them.
        parts = math.gcd(pixels, kernels.PIECES)
        share = pixels // parts
        sums = torch.empty(parts, filters, channels)
        ctx.library.sis_products(
            ptr(dy), 1, filters, share * filters, ptr(x), share * channels, filters, share, channels, parts, ptr(sums)
        )
        return dx, sums.sum(dim=0).view_as(weight), None
