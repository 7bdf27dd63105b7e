"""What a bundle says of a network with native sparse kernels: what computes each layer, how it agrees with others."""

from typing import Literal

from pydantic import Field

from sis_edge.bundles.identity import Form
from sis_edge.files.model import FrozenModel


class Parity(FrozenModel):
    """How the exported network agrees with PyTorch's on real images, on the host."""

    images: int = Field(ge=1)
    max_abs_difference: float = Field(ge=0)
    top1_agreement: float = Field(ge=0, le=1)


class LayerChoice(FrozenModel):
    """What computes a layer: ONNX Runtime's dense convolution or native kernels, and why.

    `share` of its kernels exist; `block` neighbouring filters share inputs. `algorithm` is that of native kernels:
    direct convolution or Winograd's. The expected seconds, one image and without copies between layouts, are None where
    the board was not calibrated.
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


class SparseNetwork(FrozenModel):
    """The network with native nodes for ONNX Runtime, in float32, and the library of kernels that it needs.

    Its golden logits are the plain network's, for it computes the same. Accuracy and agreement with the plain network
    are ONNX Runtime's on the host, None with the reason in `unchecked` where the host cannot run it.
    """

    form: Form = "native"
    precision: str = "fp32"
    model: str
    library: str
    host_accuracy: float | None = Field(ge=0, le=1)
    agreement: Parity | None
    unchecked: str | None


class SparseForm(FrozenModel):
    """What computes each layer where native kernels may: the choice, what it stands on, and the network that is so.

    `calibration` is the digest of the board's. The expected seconds of one inference on `threads` threads (dense
    network, this one in ONNX Runtime alone, as chosen) are None without a calibration; `doubt` says why they are to be
    doubted, where they are. `winograd` is None where Winograd's algorithm was not considered or not checked, and
    `saved_macs` are the multiply-accumulates of an image that it saves, None in a bundle from before they were counted.
    `absent` says why there is no such network.
    """

    layers: tuple[LayerChoice, ...]
    basis: str
    calibration: str | None = None
    threads: int = 1
    doubt: str | None = None
    dense_s: float | None = None
    compact_s: float | None = None
    chosen_s: float | None = None
    winograd: WinogradError | None = None
    saved_macs: int | None = Field(default=None, ge=0)
    network: SparseNetwork | None = None
    absent: str | None = None
