"""What a manifest says of a layer that native kernels may compute, and of what Winograd's algorithm changes."""

from typing import Literal

from pydantic import Field

from sis_edge.files.model import FrozenModel


class LayerChoice(FrozenModel):
    """What computes a layer: ONNX Runtime's dense convolution or native kernels, and why.

    `share` of its kernels exist; `block` neighbouring filters share inputs. `algorithm` is that of native kernels:
    direct convolution or Winograd's. The expected seconds, one image and
    without copies between layouts, are None where the board was not calibrated.
    """

    layer: str
    kernel: int
    inputs: int
    filters: int
    share: float = Field(ge=0, le=1)
    chosen: Literal["dense", "native"]
    block: int
    dense_s: float | None
    native_s: float | None
    why: str
    algorithm: Literal["direct", "winograd"] = "direct"

    @property
    def words(self) -> str:
        """What computes it, as reports show it."""
        return "native (Winograd)" if self.algorithm == "winograd" else self.chosen


class WinogradError(FrozenModel):
    """What Winograd's algorithm changes, against direct convolution in the same kernels, on the host.

    `error` is the largest difference of a logit over the range of the logits, on training images; `top1_agreement` is
    on test images. `left_out` says why it is not used after all; None where it is.
    """

    images: int = Field(ge=1)
    error: float = Field(ge=0)
    test_images: int = Field(ge=1)
    top1_agreement: float = Field(ge=0, le=1)
    left_out: str | None = None
