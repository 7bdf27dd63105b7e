"""A network in another precision than its own, as a runtime wants it: what is written, and under which names."""

from dataclasses import dataclass


@dataclass(frozen=True)
class VariantSpec:
    """A precision in the layout that a runtime fuses. `narrow_weights`: 7 bits (see `exporting.quantize`).

    fp16                typed half precision, for TensorRT
    int8-tensorrt       INT8 in the layout that TensorRT fuses
    int8-onnxruntime    INT8 in the layout that ONNX Runtime's processor kernels fuse
    """

    name: str
    precision: str
    runtime: str
    narrow_weights: bool = False

    @property
    def model(self) -> str:
        """The network's file."""
        return f"{self.name}.onnx"

    @property
    def golden_logits(self) -> str:
        """The file of its golden logits."""
        return f"{self.name}.golden.npy"


INT8_NATIVE = VariantSpec("int8-native", "int8", "onnxruntime")
"""INT8 with native sparse kernels: a form of its own, so no runtime's layout."""

HALF_NATIVE = VariantSpec("fp16-native", "fp16", "onnxruntime")
"""Half precision with native sparse kernels."""
