"""CUDA through NVIDIA's cuda-python: `cuda.bindings.runtime`, or `cuda.cudart` of releases before 12.6."""

import importlib
import importlib.util
from typing import Any, Tuple

from sis_agent.cuda.base import SIMULATED_MARK, CudaDriver, CudaError, Device, version_text


def open_driver() -> CudaDriver:
    """cuda-python on the first device; raises CudaError."""
    cudart = _runtime_module()
    driver = CudaPythonDriver(cudart)
    if driver.count() < 1:
        raise CudaError("no device")
    return driver


def _runtime_module() -> Any:
    for package, module in (("cuda.bindings", "cuda.bindings.runtime"), ("cuda", "cuda.cudart")):
        try:
            found = importlib.util.find_spec(package) is not None and importlib.util.find_spec(module) is not None
        except ImportError:  # find_spec imports the parent, which may be missing
            found = False
        if not found:
            continue
        try:
            return importlib.import_module(module)
        except ImportError as error:
            raise CudaError("cannot be imported ({})".format(error))
    raise CudaError("not installed")


class CudaPythonDriver(CudaDriver):
    """The CUDA runtime's own calls; each gives a tuple whose first part is the error. The context is the primary."""

    name = "cuda-python"

    def __init__(self, cudart: Any) -> None:
        self._cudart = cudart
        self.simulated = bool(getattr(cudart, SIMULATED_MARK, False))
        self._to_device = cudart.cudaMemcpyKind.cudaMemcpyHostToDevice
        self._to_host = cudart.cudaMemcpyKind.cudaMemcpyDeviceToHost

    def _call(self, name: str, *words: Any) -> Any:
        """What the call gives behind its error: nothing, one value or a tuple."""
        try:
            answer = getattr(self._cudart, name)(*words)
        except RuntimeError as error:  # the library itself cannot be loaded
            raise CudaError("{}: {}".format(name, error))
        code, values = answer[0], answer[1:]
        if int(code) != 0:
            text = self._cudart.cudaGetErrorString(code)[1]
            text = text.decode() if isinstance(text, bytes) else text
            raise CudaError("{}: {} ({})".format(name, text, int(code)))
        return values[0] if len(values) == 1 else values

    def count(self) -> int:
        """How many devices there are."""
        return int(self._call("cudaGetDeviceCount"))

    def device(self) -> Device:
        """The first GPU, and the versions in use."""
        properties = self._call("cudaGetDeviceProperties", 0)
        name = properties.name.decode() if isinstance(properties.name, bytes) else properties.name
        return Device(
            name=name.rstrip("\0"),
            compute_capability="{}.{}".format(properties.major, properties.minor),
            unified=bool(properties.integrated),
            device_count=self.count(),
            driver_version=version_text(self._call("cudaDriverGetVersion")),
            runtime_version=version_text(self._call("cudaRuntimeGetVersion")),
            backend=self.name,
            simulated=self.simulated,
        )

    def memory(self) -> Tuple[int, int]:
        """Free and total device memory in bytes."""
        free, total = self._call("cudaMemGetInfo")
        return int(free), int(total)

    def allocate(self, size_bytes: int) -> int:
        """Address of new device memory."""
        return int(self._call("cudaMalloc", size_bytes))

    def allocate_pinned(self, size_bytes: int) -> int:
        """Address of new page-locked host memory."""
        return int(self._call("cudaMallocHost", size_bytes))

    def stream(self) -> Any:
        """A new stream."""
        return self._call("cudaStreamCreate")

    def stream_handle(self, stream: Any) -> int:
        """The number by which TensorRT knows the stream."""
        return int(stream)

    def synchronize(self, stream: Any) -> None:
        """Wait until all that was put into the stream is done."""
        self._call("cudaStreamSynchronize", stream)

    def copy_to_device(self, device: int, host: int, size_bytes: int, stream: Any) -> None:
        """Put a copy into the stream."""
        self._call("cudaMemcpyAsync", device, host, size_bytes, self._to_device, stream)

    def copy_to_host(self, host: int, device: int, size_bytes: int, stream: Any) -> None:
        """Put a copy into the stream."""
        self._call("cudaMemcpyAsync", host, device, size_bytes, self._to_host, stream)

    def event(self) -> Any:
        """A new event."""
        return self._call("cudaEventCreate")

    def record(self, event: Any, stream: Any) -> None:
        """Put the mark into the stream."""
        self._call("cudaEventRecord", event, stream)

    def elapsed_s(self, start: Any, end: Any) -> float:
        """Seconds of GPU time between two marks."""
        return float(self._call("cudaEventElapsedTime", start, end)) * 1e-3  # CUDA answers in milliseconds
