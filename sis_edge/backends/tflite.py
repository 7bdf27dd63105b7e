"""TensorFlow Lite on the processor: .tflite files of the user's own, as they are.

A board has it as `ai-edge-litert` (LiteRT), or as the older `tflite-runtime`. With the extra `tflite` this machine has
it too, and knows what boards are expected to compute.
"""

from sis_agent.schema import NetworkJob
from sis_edge.backends.base import Backend, BackendSettings, Target, given_job
from sis_edge.backends.precisions import REFERENCE
from sis_edge.bundles.manifest import GivenNetwork, NetworkEntry
from sis_edge.errors import UsageError


class TfLiteSettings(BackendSettings):
    """TensorFlow Lite: no options. The precision is the file's."""

    computes = (REFERENCE,)


class TfLite(Backend):
    """No profile lists it: it measures what its users bring."""

    name = table = takes = "tflite"
    title = "TensorFlow Lite"
    only_given = True
    settings = TfLiteSettings

    def jobs(self, entry: NetworkEntry, target: Target) -> list[NetworkJob]:
        """None: sis-edge exports ONNX. Raises UsageError."""
        raise UsageError(
            f"tflite measures .tflite files, and {entry.name} is ONNX; choose another runtime with --backend, or bring "
            "a .tflite file with --tflite"
        )

    def given(self, network: GivenNetwork, target: Target) -> NetworkJob | None:
        """A .tflite file."""
        return given_job(network) if network.runtime == self.takes else None


BACKEND = TfLite()
