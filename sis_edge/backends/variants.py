"""Which precisions a board's run times want beside the network in float32.

fp16                typed half precision, for TensorRT
int8-tensorrt       INT8 in the layout that TensorRT fuses
int8-onnxruntime    INT8 in the layout that ONNX Runtime's processor kernels fuse
"""

from dataclasses import dataclass
from typing import Literal

from sis_edge.profiles import DeviceProfile


@dataclass(frozen=True)
class VariantSpec:
    """A precision for a run time. `narrow_weights`: see `quantize`."""

    name: str
    precision: Literal["fp16", "int8"]
    runtime: Literal["tensorrt", "onnxruntime"]
    narrow_weights: bool = False

    @property
    def model(self) -> str:
        """The network's file."""
        return f"{self.name}.onnx"

    @property
    def golden_logits(self) -> str:
        """The file of its golden logits."""
        return f"{self.name}.golden.npy"


def wanted(profile: DeviceProfile) -> tuple[VariantSpec, ...]:
    """The variants that a profile's run times ask for."""
    on_gpu = {
        precision
        for settings in (profile.tensorrt, profile.tensorrt_rtx)
        if settings is not None
        for precision in settings.precisions
    }
    found = []
    if "fp16" in on_gpu:
        found.append(VariantSpec("fp16", "fp16", "tensorrt"))
    if "int8" in on_gpu:
        found.append(VariantSpec("int8-tensorrt", "int8", "tensorrt"))
    if "int8" in profile.onnxruntime.precisions:
        narrow = profile.board.architecture != "aarch64"
        found.append(VariantSpec("int8-onnxruntime", "int8", "onnxruntime", narrow_weights=narrow))
    return tuple(found)
